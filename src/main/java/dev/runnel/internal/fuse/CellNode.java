package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/// Puts a recurrent node of one step in place of the nodes that are a cell.
final class CellNode {
    private static final Map<String, List<Gate.Function>> USUAL =
            Map.of(
                    "RNN", List.of(Gate.TANH),
                    "GRU", List.of(Gate.SIGMOID, Gate.TANH),
                    "LSTM", List.of(Gate.SIGMOID, Gate.TANH, Gate.TANH));

    private static final int MAX_NODES = 1000;

    private final Site site;
    private final Net net;
    private final Cell cell;
    private final FusedWeights weights;

    /// The nodes that are the cell; those that only make constants may serve others, too.
    private final Set<Node> inside = Collections.newSetFromMap(new IdentityHashMap<>());

    private final Set<Node> constant = Collections.newSetFromMap(new IdentityHashMap<>());

    private CellNode(Site site, Pattern.Found found) {
        this.site = site;
        this.net = site.net();
        this.cell = found.cell();
        this.weights = found.weights();
    }

    /// Fuses the cell unless something inside it is read from outside.
    ///
    /// @return what was fused, as text; null if nothing was
    static @Nullable String put(Site site, Pattern.Found found) {
        CellNode node = new CellNode(site, found);
        return node.collect() && node.isClosed() ? node.put() : null;
    }

    // ---- what the cell is made of

    private boolean collect() {
        Set<String> outside = new HashSet<>(weights.x());
        outside.add(cell.h());
        outside.add(cell.c());
        List<String> todo = new ArrayList<>(List.of(cell.nextH()));
        if (!cell.nextC().isEmpty()) {
            todo.add(cell.nextC());
        }
        while (!todo.isEmpty()) {
            String tensor = todo.removeLast();
            Node node = outside.contains(tensor) ? null : net.producer(tensor);
            if (node == null || inside.contains(node) || constant.contains(node)) {
                continue;
            }
            boolean known = site.constants().find(net, tensor) != null;
            (known ? constant : inside).add(node);
            todo.addAll(Net.reads(node));
            if (inside.size() + constant.size() > MAX_NODES) {
                return false;
            }
        }
        return true;
    }

    private boolean isClosed() {
        for (Node node : inside) {
            for (String output : node.outputs()) {
                boolean result = output.equals(cell.nextH()) || output.equals(cell.nextC());
                if (!result
                        && (net.isOutput(output)
                                || net.readers(output).stream()
                                        .anyMatch(
                                                r ->
                                                        !inside.contains(r)
                                                                && !constant.contains(r)))) {
                    return false;
                }
            }
        }
        return true;
    }

    // ---- what it becomes

    private String put() {
        Node last = Objects.requireNonNull(net.producer(cell.nextH()));
        List<Node> gone = net.nodes().stream().filter(inside::contains).toList();
        gone.forEach(net::remove);
        net.removeUnread(constant);
        String base = cell.nextH();
        String axis = net.constant(base + "/axis", Tensor.ofLongs(Shape.of(1), 0));
        String x =
                weights.x().size() == 1
                        ? weights.x().getFirst()
                        : net.emit(
                                base + "/x",
                                "Concat",
                                weights.x(),
                                Map.of("axis", new Attribute.OfLong(1)));
        List<String> in =
                new ArrayList<>(
                        List.of(
                                sequence(base + "/X", x, axis),
                                site.shared(base + "/W", weights.w()),
                                site.shared(base + "/R", weights.r()),
                                site.shared(base + "/B", weights.b()),
                                "",
                                initial(base + "/h", cell.h(), cell.outputSize(), axis)));
        List<String> out = new ArrayList<>(List.of("", net.fresh(base + "/Y_h")));
        if (cell.op().equals("LSTM")) {
            in.add(initial(base + "/c", cell.c(), cell.hiddenSize(), axis));
            boolean wanted = net.isRead(cell.nextC());
            out.add(wanted ? net.fresh(base + "/Y_c") : "");
            if (wanted) {
                squeeze(out.getLast(), cell.nextC(), axis);
            }
        }
        squeeze(out.get(1), cell.nextH(), axis);
        String domain = "";
        if (weights.projection() != null) {
            in.addAll(List.of("", site.shared(base + "/P", weights.projection())));
            domain = "dev.runnel";
        }
        net.add(new Node(last.name(), domain, cell.op(), in, out, attributes()));
        if (cell.op().equals("LSTM")) {
            site.cells().put(net.root(cell.nextH()), net.root(cell.nextC()));
        }
        return (domain.isEmpty() ? "" : domain + ".")
                + cell.op()
                + " '"
                + last.name()
                + "' from "
                + gone.stream()
                        .map(n -> n.op() + " '" + n.name() + "'")
                        .collect(Collectors.joining(", "));
    }

    private String sequence(String base, String tensor, String axis) {
        return net.emit(base, "Unsqueeze", List.of(tensor, axis), Map.of());
    }

    /// Zeros need not be said.
    private String initial(String base, String tensor, int size, String axis) {
        Tensor t = site.constants().find(net, tensor);
        boolean zero =
                t != null && t.elements() == size && t.shape().rank() <= 2 && Constants.isZero(t);
        return zero ? "" : sequence(base, tensor, axis);
    }

    private void squeeze(String raw, String result, String axis) {
        net.add(
                new Node(
                        net.fresh(result + "/Squeeze"),
                        "",
                        "Squeeze",
                        List.of(raw, axis),
                        List.of(result),
                        Map.of()));
    }

    private Map<String, Attribute> attributes() {
        Map<String, Attribute> attributes = new HashMap<>();
        attributes.put("hidden_size", new Attribute.OfLong(cell.hiddenSize()));
        if (cell.linearBeforeReset()) {
            attributes.put("linear_before_reset", new Attribute.OfLong(1));
        }
        if (!cell.functions().equals(USUAL.get(cell.op()))) {
            List<Float> alphas = new ArrayList<>();
            List<Float> betas = new ArrayList<>();
            for (Gate.Function f : cell.functions()) {
                if (!Float.isNaN(f.alpha())) {
                    alphas.add(f.alpha());
                }
                if (!Float.isNaN(f.beta())) {
                    betas.add(f.beta());
                }
            }
            attributes.put(
                    "activations",
                    new Attribute.OfStrings(
                            cell.functions().stream().map(Gate.Function::name).toList()));
            attributes.put("activation_alpha", new Attribute.OfFloats(alphas));
            attributes.put("activation_beta", new Attribute.OfFloats(betas));
        }
        return attributes;
    }
}
