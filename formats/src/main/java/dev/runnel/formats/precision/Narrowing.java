package dev.runnel.formats.precision;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

/// Stores the weights of a graph, and of its subgraphs, in fewer bits.
public final class Narrowing {
    private static final int STEPS = 127;

    /// Below, weights count as zero: see [dev.runnel.graph.Precision#INT8].
    private static final float TINY = 0x1p-95f;

    private final Graph graph;
    private final DType dtype;
    private final Consumer<String> kept;

    /// Of all layers, what parts of weights each of their sums is made of.
    private final List<List<Sum>> sums = new ArrayList<>();

    private final Set<String> names = new HashSet<>();
    private final Map<Graph, Scope> scopes = new IdentityHashMap<>();

    /// @param dtype BFLOAT16, FLOAT16 or INT8
    /// @param kept is told the names of weights with values that the type does not have
    public Narrowing(Graph graph, DType dtype, Consumer<String> kept) {
        this.graph = graph;
        this.dtype = dtype;
        this.kept = kept;
        addNames(graph);
        find(graph, null);
        level();
    }

    private void addNames(Graph g) {
        g.inputs().forEach(v -> names.add(v.name()));
        names.addAll(g.initializers().keySet());
        for (Node n : g.nodes()) {
            names.add(n.name());
            names.addAll(n.outputs());
            Scope.subgraphs(n).forEach(this::addNames);
        }
    }

    // ---- what is to be stored

    private void find(Graph g, @Nullable Scope outer) {
        Scope scope = new Scope(g, outer);
        scopes.put(g, scope);
        for (Node node : g.nodes()) {
            find(node, scope);
            Scope.subgraphs(node).forEach(s -> find(s, scope));
        }
    }

    private void find(Node node, Scope scope) {
        switch (node.op()) {
            case "RNN", "GRU", "LSTM" -> recurrent(node, scope);
            case "MatMul" -> dense(node, scope, 1);
            case "Gemm" -> dense(node, scope, number(node, "transB") == 1 ? 0 : 1);
            case "Gather" -> table(node, scope);
            default -> {}
        }
    }

    private static long number(Node node, String attribute) {
        return node.attributes().get(attribute) instanceof Attribute.OfLong(long v) ? v : 0;
    }

    private static @Nullable Origin origin(Node node, int input, Scope scope) {
        return input < node.inputs().size() ? Origin.of(scope, node.inputs().get(input)) : null;
    }

    private static void store(Origin origin) {
        origin.weights.forEach(w -> w.stored = true);
    }

    /// W \[D, G·H, I\] and R \[D, G·H, H\]: a row of each is one sum, but for GRU's third gate
    /// where that of R is multiplied by r first.
    private void recurrent(Node node, Scope scope) {
        List<List<List<Sum>>> found = new ArrayList<>();
        int gateRows = 0;
        for (int input = 1; input <= 2; input++) {
            Origin origin = origin(node, input, scope);
            if (origin != null && dtype != DType.INT8) {
                store(origin);
            } else if (origin != null) {
                Shape shape = origin.shape();
                if (shape != null && shape.rank() == 3) {
                    gateRows = shape.size(1);
                    found.add(origin.sums(0));
                }
            }
        }
        if (found.size() < 2 || found.getFirst().size() != found.getLast().size()) {
            return;
        }
        boolean apart = node.op().equals("GRU") && number(node, "linear_before_reset") == 1;
        for (int i = 0; i < found.getFirst().size(); i++) {
            List<Sum> sum = new ArrayList<>(found.getFirst().get(i));
            if (!apart || i % gateRows < gateRows / 3 * 2) {
                sum.addAll(found.getLast().get(i));
            }
            sums.add(sum);
        }
    }

    /// Gives all parts of each layer's sum the same scale; again, as long as a weight that several
    /// layers share brings a scale from one to the other.
    private void level() {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (List<Sum> sum : sums) {
                changed |= level(sum);
            }
        }
    }

    private static boolean level(List<Sum> sum) {
        float max = 0;
        boolean changed = false;
        for (Sum part : sum) {
            // What stays float32 needs no scale.
            max = part.weight().finite ? Math.max(max, part.greatest()) : max;
        }
        for (Sum part : sum) {
            if (part.weight().finite && part.greatest() < max) {
                part.cover(max);
                changed = true;
            }
        }
        return changed;
    }

    private void dense(Node node, Scope scope, int axis) {
        Origin origin = origin(node, 1, scope);
        if (origin == null) {
            return;
        }
        if (dtype != DType.INT8) {
            store(origin);
            return;
        }
        Shape shape = origin.shape();
        if (shape != null && shape.rank() == 2) {
            sums.addAll(origin.sums(axis));
        }
    }

    private void table(Node node, Scope scope) {
        Origin origin = dtype == DType.INT8 ? null : origin(node, 0, scope);
        if (origin != null && origin.weights.stream().allMatch(w -> w.tensor.shape().rank() > 1)) {
            store(origin);
        }
    }

    // ---- the graph that stores it

    /// The graph with its weights stored.
    public Graph result() {
        return result(graph);
    }

    private Graph result(Graph g) {
        Map<String, Tensor> constants = new HashMap<>(g.initializers());
        List<Node> nodes = new ArrayList<>();
        Objects.requireNonNull(scopes.get(g))
                .stored()
                .forEach(
                        (name, weight) -> {
                            boolean done =
                                    dtype == DType.INT8
                                            ? bytes(name, weight, constants, nodes)
                                            : halves(name, weight.tensor, constants, nodes);
                            if (done) {
                                constants.remove(name);
                            } else {
                                kept.accept(name);
                            }
                        });
        g.nodes().forEach(n -> nodes.add(inner(n)));
        return new Graph(g.name(), g.inputs(), g.outputs(), constants, nodes, g.metadata());
    }

    private Node inner(Node node) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        attributes.replaceAll(
                (_, a) ->
                        a instanceof Attribute.OfGraph(Graph g)
                                ? new Attribute.OfGraph(result(g))
                                : a);
        return new Node(
                node.name(), node.domain(), node.op(), node.inputs(), node.outputs(), attributes);
    }

    private boolean halves(String name, Tensor w, Map<String, Tensor> constants, List<Node> nodes) {
        Tensor stored = Numbers.narrow(w, dtype);
        for (long i = 0; i < w.elements(); i++) {
            if (Float.isFinite(Numbers.get(w, i)) && Double.isInfinite(stored.getDouble(i))) {
                return false;
            }
        }
        String raw = fresh(name + (dtype == DType.BFLOAT16 ? ".bf16" : ".f16"));
        constants.put(raw, stored);
        Attribute to = new Attribute.OfLong(DType.FLOAT32.onnxCode());
        nodes.add(node("Cast", List.of(raw), name, Map.of("to", to)));
        return true;
    }

    private boolean bytes(
            String name, Weight weight, Map<String, Tensor> constants, List<Node> nodes) {
        Tensor w = weight.tensor;
        if (!weight.finite) {
            return false;
        }
        float[] scales = new float[weight.greatest.length];
        for (int i = 0; i < scales.length; i++) {
            float max = weight.greatest[i];
            scales[i] = max < TINY ? 0 : max / STEPS;
        }
        String q = fresh(name + ".int8");
        String scale = fresh(name + ".scale");
        constants.put(q, Numbers.quantise(w, weight.matrix, scales, weight.axis));
        constants.put(scale, Tensor.ofFloats(Shape.of(scales.length), scales));
        boolean whole = w.shape().equals(weight.matrix);
        String rows = whole ? name : fresh(name + ".rows");
        Attribute axis = new Attribute.OfLong(weight.axis);
        nodes.add(node("DequantizeLinear", List.of(q, scale), rows, Map.of("axis", axis)));
        if (!whole) {
            String shape = fresh(name + ".shape");
            long[] dims = w.shape().dims();
            constants.put(shape, Tensor.ofLongs(Shape.of(dims.length), dims));
            nodes.add(node("Reshape", List.of(rows, shape), name, Map.of()));
        }
        return true;
    }

    private Node node(
            String op, List<String> inputs, String output, Map<String, Attribute> attributes) {
        String name = fresh(output + "/" + op);
        return new Node(name, "", op, inputs, List.of(output), attributes);
    }

    private String fresh(String base) {
        String name = base;
        for (int i = 2; !names.add(name); i++) {
            name = base + "_" + i;
        }
        return name;
    }
}
