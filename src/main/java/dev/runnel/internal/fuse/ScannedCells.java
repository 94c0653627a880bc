package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/// Takes recurrent nodes of one step out of the body of a Scan: such a node that steps along what
/// is scanned, its memory being what the Scan hands on, is the same node over the whole sequence.
/// One after the other, as the h of one may be the x of the next; if nothing is left, the Scan
/// goes.
final class ScannedCells {
    private static final Set<String> CELLS = Set.of("RNN", "GRU", "LSTM");

    private record Carried(String initial, ValueInfo in, ValueInfo out, String result) {}

    private record Element(String sequence, long axis, boolean reverse, ValueInfo in) {}

    private record Collected(ValueInfo out, long axis, boolean reverse, String result) {}

    private final Net net;
    private final Net body;
    private final Node scan;
    private final Constants constants;
    private final List<Carried> carried = new ArrayList<>();
    private final List<Element> elements = new ArrayList<>();
    private final List<Collected> collected = new ArrayList<>();
    private final List<String> taken = new ArrayList<>();

    private ScannedCells(Net net, Node scan, Graph body, Constants constants) {
        this.net = net;
        this.scan = scan;
        this.constants = constants;
        this.body = new Net(body, net, Map.of());
    }

    /// Replaces the Scan in `net` by what it becomes.
    ///
    /// @return what was taken out, as text
    static List<String> take(Net net, Node scan, Constants constants) {
        if (!(scan.attributes().get("body") instanceof Attribute.OfGraph(Graph g))
                || g.nodes().stream().noneMatch(n -> CELLS.contains(n.op()))) {
            return List.of();
        }
        ScannedCells cells = new ScannedCells(net, scan, g, constants);
        if (!cells.parse()) {
            return List.of();
        }
        boolean again = true;
        while (again) {
            again = cells.body.nodes().stream().anyMatch(cells::take);
        }
        if (!cells.taken.isEmpty()) {
            cells.rebuild();
        }
        return cells.taken;
    }

    private boolean parse() {
        int m = (int) Affines.number(scan, "num_scan_inputs", 0);
        int n = scan.inputs().size() - m;
        if (m < 1
                || n < 0
                || body.inputs.size() != n + m
                || body.outputs.size() < Math.max(n, scan.outputs().size())
                || scan.inputs().contains("")) {
            return false;
        }
        for (int i = 0; i < n; i++) {
            carried.add(
                    new Carried(
                            scan.inputs().get(i),
                            body.inputs.get(i),
                            body.outputs.get(i),
                            result(i)));
        }
        for (int i = 0; i < m; i++) {
            elements.add(
                    new Element(
                            scan.inputs().get(n + i),
                            number("scan_input_axes", i),
                            number("scan_input_directions", i) != 0,
                            body.inputs.get(n + i)));
        }
        for (int i = 0; n + i < body.outputs.size(); i++) {
            if (!result(n + i).isEmpty()) {
                collected.add(
                        new Collected(
                                body.outputs.get(n + i),
                                number("scan_output_axes", i),
                                number("scan_output_directions", i) != 0,
                                result(n + i)));
            }
        }
        return true;
    }

    private String result(int i) {
        return i < scan.outputs().size() ? scan.outputs().get(i) : "";
    }

    private long number(String name, int i) {
        return scan.attributes().get(name) instanceof Attribute.OfLongs(List<Long> v)
                        && i < v.size()
                ? v.get(i)
                : 0;
    }

    // ---- one cell

    private boolean take(Node cell) {
        boolean plain =
                (cell.domain().isEmpty() || cell.domain().equals("dev.runnel"))
                        && CELLS.contains(cell.op())
                        && cell.inputs().size() > 5
                        && cell.inputs().get(4).isEmpty()
                        && !cell.attributes().containsKey("layout")
                        && text(cell, "direction").equals("forward")
                        && (cell.outputs().getFirst().isEmpty()
                                || !body.isRead(cell.outputs().getFirst()));
        if (!plain) {
            return false;
        }
        String x = stripped(cell.inputs().getFirst(), "Unsqueeze");
        Element e = elements.stream().filter(i -> i.in.name().equals(x)).findFirst().orElse(null);
        Memory h = memory(cell, 5, 1);
        Memory c = cell.op().equals("LSTM") ? memory(cell, 6, 2) : null;
        List<String> weights = new ArrayList<>();
        for (int i : new int[] {1, 2, 3, 7, 8}) {
            String name = i < cell.inputs().size() ? cell.inputs().get(i) : "";
            if (!name.isEmpty() && body.owner(name) == body && constants.find(body, name) == null) {
                return false;
            }
            weights.add(name);
        }
        boolean noC = c == null ? cell.op().equals("LSTM") : c.isRead;
        if (h == null || noC || e == null || e.axis < 0 || e.axis > 1) {
            return false;
        }
        put(cell, e, h, c, weights.stream().map(this::outside).toList());
        return true;
    }

    /// @param next the tensor of the body that becomes the memory
    /// @param isRead whether the body reads it for other purposes
    private record Memory(Carried carried, String next, boolean isRead) {}

    /// The tensor that the Scan carries and the cell alone steps; null if there is none.
    private @Nullable Memory memory(Node cell, int input, int output) {
        String in = input < cell.inputs().size() ? cell.inputs().get(input) : "";
        String out = output < cell.outputs().size() ? cell.outputs().get(output) : "";
        String before = stripped(in, "Unsqueeze");
        if (before == null || out.isEmpty() || body.readers(out).size() != 1) {
            return null;
        }
        Node squeeze = body.readers(out).iterator().next();
        String next = squeeze.outputs().getFirst();
        boolean own = body.readers(in).size() == 1 && body.readers(before).size() == 1;
        if (!own || !out.equals(stripped(next, "Squeeze"))) {
            return null;
        }
        for (Carried c : carried) {
            if (c.in.name().equals(before) && identity(c.out.name()).equals(next)) {
                boolean read =
                        !body.readers(next).isEmpty()
                                || collected.stream().anyMatch(k -> k.out.name().equals(next))
                                || carried.stream()
                                        .anyMatch(k -> k != c && k.out.name().equals(next));
                boolean handedOn =
                        carried.stream().anyMatch(k -> k.out.name().equals(before))
                                || collected.stream().anyMatch(k -> k.out.name().equals(before));
                return handedOn ? null : new Memory(c, next, read);
            }
        }
        return null;
    }

    /// What a tensor is but for an axis 0 of extent 1; null if `op` does not say that.
    private @Nullable String stripped(String tensor, String op) {
        Node node = tensor.isEmpty() ? null : body.producer(identity(tensor), op);
        long[] axes =
                node == null || node.inputs().size() < 2
                        ? null
                        : constants.longs(body, node.inputs().get(1));
        return node != null && axes != null && axes.length == 1 && axes[0] == 0
                ? identity(node.inputs().getFirst())
                : null;
    }

    private String identity(String tensor) {
        String at = tensor;
        for (Node n = body.producer(at, "Identity"); n != null; ) {
            at = n.inputs().getFirst();
            n = body.producer(at, "Identity");
        }
        return at;
    }

    private static String text(Node node, String name) {
        return node.attributes().get(name) instanceof Attribute.OfString(String s) ? s : "forward";
    }

    /// The name of a weight for those outside the body.
    private String outside(String weight) {
        if (weight.isEmpty() || body.owner(weight) != body) {
            return weight;
        }
        return net.constant(
                weight + "/scanned", Objects.requireNonNull(constants.find(body, weight)));
    }

    // ---- what it becomes

    private void put(Node cell, Element e, Memory h, @Nullable Memory c, List<String> weights) {
        String base = cell.name() + "/scanned";
        String first = axes(base, 0);
        String x = e.axis == 0 ? e.sequence : swapped(base + "/X", e.sequence);
        List<String> in =
                new ArrayList<>(List.of(x, weights.get(0), weights.get(1), weights.get(2), ""));
        List<String> out = new ArrayList<>(List.of(net.fresh(base + "/Y")));
        for (Memory m : Stream.of(h, c).filter(Objects::nonNull).toList()) {
            in.add(
                    net.emit(
                            base + "/initial",
                            "Unsqueeze",
                            List.of(m.carried.initial, first),
                            Map.of()));
            boolean wanted = !m.carried.result.isEmpty();
            out.add(wanted ? net.fresh(base + "/last") : "");
            if (wanted) {
                net.add(
                        new Node(
                                net.fresh(base + "/Squeeze"),
                                "",
                                "Squeeze",
                                List.of(out.getLast(), first),
                                List.of(m.carried.result),
                                Map.of()));
            }
            carried.remove(m.carried);
        }
        if (cell.inputs().size() > 7) {
            in.addAll(weights.subList(3, cell.inputs().size() - 4));
        }
        Map<String, Attribute> attributes = new HashMap<>(cell.attributes());
        attributes.put("direction", new Attribute.OfString(e.reverse ? "reverse" : "forward"));
        net.add(new Node(net.fresh(base), cell.domain(), cell.op(), in, out, attributes));
        String all =
                net.emit(base + "/h", "Squeeze", List.of(out.getFirst(), axes(base, 1)), Map.of());
        Node squeeze = Objects.requireNonNull(body.producer(h.next));
        body.remove(squeeze);
        body.remove(cell);
        elements.add(new Element(all, 0, e.reverse, new ValueInfo(h.next, DType.FLOAT32, null)));
        cell.inputs().stream()
                .map(body::producer)
                .filter(Objects::nonNull)
                .forEach(n -> body.removeUnread(List.of(n)));
        taken.add(
                cell.op()
                        + " '"
                        + cell.name()
                        + "' over the sequence, from "
                        + scan.op()
                        + " '"
                        + scan.name()
                        + "'");
    }

    private String axes(String base, long axis) {
        return net.constant(base + "/axis", Tensor.ofLongs(Shape.of(1), axis));
    }

    /// Steps and batch exchanged.
    private String swapped(String base, String tensor) {
        return net.emit(
                base,
                "Transpose",
                List.of(tensor),
                Map.of("perm", new Attribute.OfLongs(List.of(1L, 0L, 2L))));
    }

    // ---- what is left of the Scan

    private void rebuild() {
        net.remove(scan);
        collected.removeIf(this::passes);
        if (collected.isEmpty() && carried.isEmpty()) {
            return;
        }
        for (Element e : List.copyOf(elements)) {
            String name = e.in.name();
            boolean read =
                    !body.readers(name).isEmpty()
                            || carried.stream().anyMatch(c -> c.out.name().equals(name))
                            || collected.stream().anyMatch(c -> c.out.name().equals(name));
            if (!read && elements.size() > 1) {
                elements.remove(e);
            }
        }
        Graph g = body.toGraph();
        Graph rest =
                new Graph(
                        g.name(),
                        Stream.concat(
                                        carried.stream().map(Carried::in),
                                        elements.stream().map(Element::in))
                                .toList(),
                        Stream.concat(
                                        carried.stream().map(Carried::out),
                                        collected.stream().map(Collected::out))
                                .toList(),
                        g.initializers(),
                        g.nodes(),
                        g.metadata());
        net.add(
                new Node(
                        scan.name(),
                        "",
                        "Scan",
                        Stream.concat(
                                        carried.stream().map(Carried::initial),
                                        elements.stream().map(Element::sequence))
                                .toList(),
                        Stream.concat(
                                        carried.stream().map(Carried::result),
                                        collected.stream().map(Collected::result))
                                .toList(),
                        Map.of(
                                "body", new Attribute.OfGraph(rest),
                                "num_scan_inputs", new Attribute.OfLong(elements.size()),
                                "scan_input_axes", longs(elements.stream().map(Element::axis)),
                                "scan_input_directions",
                                        longs(elements.stream().map(e -> e.reverse ? 1L : 0L)),
                                "scan_output_axes", longs(collected.stream().map(Collected::axis)),
                                "scan_output_directions",
                                        longs(collected.stream().map(c -> c.reverse ? 1L : 0L)))));
    }

    private static Attribute longs(Stream<Long> values) {
        return new Attribute.OfLongs(values.toList());
    }

    /// Whether what is collected is what is scanned, so that no Scan is needed for it.
    private boolean passes(Collected c) {
        String from = identity(c.out.name());
        for (Element e : elements) {
            boolean plain = c.axis >= 0 && c.axis <= 1 && e.axis <= 1 && e.axis >= 0;
            if (e.in.name().equals(from) && e.reverse == c.reverse && plain) {
                String sequence = e.sequence;
                Map<String, Attribute> swap =
                        Map.of("perm", new Attribute.OfLongs(List.of(1L, 0L, 2L)));
                net.add(
                        new Node(
                                net.fresh(c.result + "/collected"),
                                "",
                                e.axis == c.axis ? "Identity" : "Transpose",
                                List.of(sequence),
                                List.of(c.result),
                                e.axis == c.axis ? Map.of() : swap));
                return true;
            }
        }
        return false;
    }
}
