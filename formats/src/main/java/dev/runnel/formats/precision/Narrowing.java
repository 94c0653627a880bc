package dev.runnel.formats.precision;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Stores the weights of a graph, and of its subgraphs, in fewer bits.
public final class Narrowing {
    private static final int STEPS = 127;

    /// Below, weights count as zero: see [dev.runnel.graph.Precision#INT8].
    private static final float TINY = 0x1p-95f;

    /// A weight as a matrix whose sums lie along one axis.
    private record Sums(Shape matrix, int axis, float[] greatest) {}

    private final Graph graph;
    private final DType dtype;
    private final Set<String> names = new HashSet<>();

    /// By name, in that order; what is not int8 has no sums to speak of.
    private final Map<String, Sums> weights = new TreeMap<>();

    /// @param dtype BFLOAT16, FLOAT16 or INT8
    public Narrowing(Graph graph, DType dtype) {
        this.graph = graph;
        this.dtype = dtype;
        addNames(graph, names);
        graph.nodes().forEach(n -> find(n, Set.of()));
    }

    private static void addNames(Graph g, Set<String> to) {
        g.inputs().forEach(v -> to.add(v.name()));
        to.addAll(g.initializers().keySet());
        for (Node n : g.nodes()) {
            to.add(n.name());
            to.addAll(n.outputs());
            subgraphs(n).forEach(s -> addNames(s, to));
        }
    }

    private static List<Graph> subgraphs(Node node) {
        List<Graph> graphs = new ArrayList<>();
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                graphs.add(g);
            }
        }
        return graphs;
    }

    /// Finds the weights of `node`, and of the nodes within it.
    ///
    /// @param hidden names that a subgraph around the node gives to something else
    private void find(Node node, Set<String> hidden) {
        switch (node.op()) {
            case "RNN", "GRU", "LSTM" -> recurrent(node, hidden);
            case "MatMul" -> dense(node, hidden, 1);
            case "Gemm" ->
                    dense(
                            node,
                            hidden,
                            node.attributes().get("transB") instanceof Attribute.OfLong(long t)
                                            && t == 1
                                    ? 0
                                    : 1);
            case "Gather" -> table(node, hidden);
            default -> {}
        }
        for (Graph g : subgraphs(node)) {
            Set<String> inner = new HashSet<>(hidden);
            g.inputs().forEach(v -> inner.add(v.name()));
            inner.addAll(g.initializers().keySet());
            g.nodes().forEach(n -> inner.addAll(n.outputs()));
            g.nodes().forEach(n -> find(n, inner));
        }
    }

    private boolean isWeight(Node node, int input, Set<String> hidden) {
        String name = input < node.inputs().size() ? node.inputs().get(input) : "";
        Tensor t = hidden.contains(name) ? null : graph.initializers().get(name);
        return t != null && t.dtype() == DType.FLOAT32 && t.elements() > 0;
    }

    private Tensor weight(Node node, int input) {
        return java.util.Objects.requireNonNull(graph.initializers().get(node.inputs().get(input)));
    }

    /// W \[D, G·H, I\] and R \[D, G·H, H\]: a row of each is one sum, but for GRU's third gate
    /// where that of R is multiplied by r first.
    private void recurrent(Node node, Set<String> hidden) {
        boolean apart =
                node.op().equals("GRU")
                        && node.attributes().get("linear_before_reset")
                                instanceof Attribute.OfLong(long v)
                        && v == 1;
        List<Sums> found = new ArrayList<>();
        for (int input = 1; input <= 2; input++) {
            if (isWeight(node, input, hidden) && weight(node, input).shape().rank() == 3) {
                Shape s = weight(node, input).shape();
                Shape matrix = Shape.of(s.dim(0) * s.dim(1), s.dim(2));
                found.add(add(node, input, matrix, 0));
            }
        }
        if (dtype != DType.INT8
                || found.size() < 2
                || found.get(0).greatest.length != found.get(1).greatest.length) {
            return;
        }
        float[] w = found.get(0).greatest;
        float[] r = found.get(1).greatest;
        int gateRows = weight(node, 1).shape().size(1);
        for (int i = 0; i < w.length; i++) {
            if (!apart || i % gateRows < gateRows / 3 * 2) {
                w[i] = Math.max(w[i], r[i]);
                r[i] = w[i];
            }
        }
    }

    private void dense(Node node, Set<String> hidden, int axis) {
        if (!isWeight(node, 1, hidden)) {
            return;
        }
        Shape s = weight(node, 1).shape();
        if (s.rank() == 2 || dtype != DType.INT8) {
            add(node, 1, s, axis);
        }
    }

    private void table(Node node, Set<String> hidden) {
        if (dtype != DType.INT8
                && isWeight(node, 0, hidden)
                && weight(node, 0).shape().rank() > 1) {
            add(node, 0, weight(node, 0).shape(), 0);
        }
    }

    /// Notes the weight. One that several nodes read keeps the axis that the first of them needs.
    private Sums add(Node node, int input, Shape matrix, int axis) {
        Tensor t = weight(node, input);
        return weights.computeIfAbsent(
                node.inputs().get(input),
                _ ->
                        new Sums(
                                matrix,
                                axis,
                                dtype == DType.INT8
                                        ? Numbers.greatest(t, matrix, axis)
                                        : new float[0]));
    }

    /// The graph with its weights stored.
    public Graph result() {
        Map<String, Tensor> constants = new HashMap<>(graph.initializers());
        List<Node> nodes = new ArrayList<>();
        weights.forEach(
                (name, sums) -> {
                    Tensor w = java.util.Objects.requireNonNull(graph.initializers().get(name));
                    boolean done =
                            dtype == DType.INT8
                                    ? bytes(name, w, sums, constants, nodes)
                                    : halves(name, w, constants, nodes);
                    if (done) {
                        constants.remove(name);
                    }
                });
        graph.nodes().forEach(n -> nodes.add(inner(n)));
        return new Graph(
                graph.name(), graph.inputs(), graph.outputs(), constants, nodes, graph.metadata());
    }

    private Node inner(Node node) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        attributes.replaceAll(
                (name, a) ->
                        a instanceof Attribute.OfGraph(Graph g)
                                ? new Attribute.OfGraph(new Narrowing(g, dtype, names).result())
                                : a);
        return new Node(
                node.name(), node.domain(), node.op(), node.inputs(), node.outputs(), attributes);
    }

    private Narrowing(Graph graph, DType dtype, Set<String> names) {
        this.graph = graph;
        this.dtype = dtype;
        this.names.addAll(names);
        graph.nodes().forEach(n -> find(n, Set.of()));
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
            String name, Tensor w, Sums sums, Map<String, Tensor> constants, List<Node> nodes) {
        float[] scales = new float[sums.greatest.length];
        for (int i = 0; i < scales.length; i++) {
            float max = sums.greatest[i];
            if (!Float.isFinite(max)) {
                return false;
            }
            scales[i] = max < TINY ? 0 : max / STEPS;
        }
        String q = fresh(name + ".int8");
        String scale = fresh(name + ".scale");
        constants.put(q, Numbers.quantise(w, sums.matrix, scales, sums.axis));
        constants.put(scale, Tensor.ofFloats(Shape.of(scales.length), scales));
        boolean whole = w.shape().equals(sums.matrix);
        String rows = whole ? name : fresh(name + ".rows");
        Attribute axis = new Attribute.OfLong(sums.axis);
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
