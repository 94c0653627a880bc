package dev.runnel.formats.onnx;

import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// LSTMs with projection, `dev.runnel.LSTM`, in the vocabulary of ONNX, which has none: for each
/// direction a `Scan` whose body is the cell. Runnel recognises it when it is compiled.
final class ProjectedLstm {
    private static final String DOMAIN = "dev.runnel";

    private final String model;
    private final Set<String> names = new HashSet<>();

    private ProjectedLstm(Graph graph) {
        model = graph.name();
        addNames(graph);
    }

    /// The graph with such nodes, those of subgraphs included, written out.
    ///
    /// @throws UnsupportedModelException if one has what this cell has not
    static Graph writtenOut(Graph graph) {
        return isIn(graph) ? new ProjectedLstm(graph).rewrite(graph) : graph;
    }

    private static boolean isIn(Graph graph) {
        return graph.nodes().stream()
                .anyMatch(
                        n ->
                                isProjected(n)
                                        || n.attributes().values().stream()
                                                .anyMatch(
                                                        a ->
                                                                a
                                                                                instanceof
                                                                                Attribute.OfGraph(
                                                                                        Graph g)
                                                                        && isIn(g)));
    }

    private static boolean isProjected(Node node) {
        return node.domain().equals(DOMAIN) && node.op().equals("LSTM");
    }

    private void addNames(Graph graph) {
        graph.inputs().forEach(v -> names.add(v.name()));
        names.addAll(graph.initializers().keySet());
        for (Node node : graph.nodes()) {
            names.add(node.name());
            names.addAll(node.outputs());
            for (Attribute a : node.attributes().values()) {
                if (a instanceof Attribute.OfGraph(Graph g)) {
                    addNames(g);
                }
            }
        }
    }

    private Graph rewrite(Graph graph) {
        Map<String, Tensor> constants = new HashMap<>(graph.initializers());
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            if (isProjected(node)) {
                new Layer(node, constants, nodes).write();
                continue;
            }
            Map<String, Attribute> attributes = new HashMap<>(node.attributes());
            attributes.replaceAll(
                    (_, a) ->
                            a instanceof Attribute.OfGraph(Graph g)
                                    ? new Attribute.OfGraph(rewrite(g))
                                    : a);
            nodes.add(
                    new Node(
                            node.name(),
                            node.domain(),
                            node.op(),
                            node.inputs(),
                            node.outputs(),
                            attributes));
        }
        return new Graph(
                graph.name(), graph.inputs(), graph.outputs(), constants, nodes, graph.metadata());
    }

    private String fresh(String base) {
        String name = base;
        for (int i = 2; !names.add(name); i++) {
            name = base + "_" + i;
        }
        return name;
    }

    /// Nodes of one output, put at the end of a list.
    private final class Writer {
        private final String base;
        private final Map<String, Tensor> constants;
        private final List<Node> nodes;

        Writer(String base, Map<String, Tensor> constants, List<Node> nodes) {
            this.base = base;
            this.constants = constants;
            this.nodes = nodes;
        }

        String add(String op, List<String> inputs, Map<String, Attribute> attributes) {
            String output = fresh(base + "/" + op);
            put(op, inputs, List.of(output), attributes);
            return output;
        }

        String add(String op, String... inputs) {
            return add(op, List.of(inputs), Map.of());
        }

        void put(
                String op,
                List<String> inputs,
                List<String> outputs,
                Map<String, Attribute> attributes) {
            nodes.add(new Node(fresh(base + "/" + op), "", op, inputs, outputs, attributes));
        }

        List<String> split(String tensor, int axis, int parts) {
            List<String> outputs = new ArrayList<>();
            for (int i = 0; i < parts; i++) {
                outputs.add(fresh(base + "/part"));
            }
            put(
                    "Split",
                    List.of(tensor),
                    outputs,
                    Map.of(
                            "axis", new Attribute.OfLong(axis),
                            "num_outputs", new Attribute.OfLong(parts)));
            return outputs;
        }

        String transposed(String tensor, long... order) {
            List<Long> perm = java.util.Arrays.stream(order).boxed().toList();
            return add("Transpose", List.of(tensor), Map.of("perm", new Attribute.OfLongs(perm)));
        }

        String taken(String tensor, int axis, long index) {
            String at = constant(Tensor.ofLongs(Shape.SCALAR, index));
            return add("Gather", List.of(tensor, at), Map.of("axis", new Attribute.OfLong(axis)));
        }

        String unsqueezed(String tensor, long axis) {
            return add("Unsqueeze", tensor, constant(Tensor.ofLongs(Shape.of(1), axis)));
        }

        /// One of them as it is, several along an axis.
        String joined(List<String> parts, int axis) {
            return parts.size() == 1
                    ? parts.getFirst()
                    : add("Concat", parts, Map.of("axis", new Attribute.OfLong(axis)));
        }

        /// The extent of an axis, as a list of one.
        String extent(String tensor, int axis) {
            return add(
                    "Shape",
                    List.of(tensor),
                    Map.of(
                            "start", new Attribute.OfLong(axis),
                            "end", new Attribute.OfLong(axis + 1)));
        }

        private String constant(Tensor value) {
            String name = fresh(base + "/constant");
            constants.put(name, value);
            return name;
        }
    }

    /// One node.
    private final class Layer {
        private static final int W = 1;
        private static final int R = 2;
        private static final int B = 3;
        private static final int LENGTHS = 4;
        private static final int H0 = 5;
        private static final int C0 = 6;
        private static final int PEEPHOLES = 7;
        private static final int PROJECTION = 8;

        private final Node node;
        private final Writer out;
        private final boolean batchFirst;

        Layer(Node node, Map<String, Tensor> constants, List<Node> nodes) {
            this.node = node;
            this.out = new Writer(node.name().isEmpty() ? "lstm" : node.name(), constants, nodes);
            batchFirst = number("layout") == 1;
            refuse(!input(LENGTHS).isEmpty(), "sequence_lens");
            refuse(!input(PEEPHOLES).isEmpty(), "peepholes");
            refuse(node.attributes().containsKey("clip"), "clip");
            refuse(number("input_forget") != 0, "input_forget");
            refuse(!isUsual(), "other activations than Sigmoid, Tanh, Tanh");
            Tensor w = constants.get(input(W));
            refuse(w != null && w.dtype() != DType.FLOAT32, "other types than float32");
        }

        private void refuse(boolean odd, String what) {
            if (odd) {
                throw new UnsupportedModelException(
                        model
                                + ": "
                                + node
                                + ": ONNX has no LSTM with projection; it is written as a Scan,"
                                + " which Runnel does not do for one with "
                                + what
                                + "; write .rnl");
            }
        }

        private boolean isUsual() {
            if (!(node.attributes().get("activations")
                    instanceof Attribute.OfStrings(List<String> functions))) {
                return true;
            }
            List<String> usual = List.of("Sigmoid", "Tanh", "Tanh");
            for (int i = 0; i < functions.size(); i++) {
                if (!functions.get(i).equalsIgnoreCase(usual.get(i % 3))) {
                    return false;
                }
            }
            return true;
        }

        private String input(int i) {
            return i < node.inputs().size() ? node.inputs().get(i) : "";
        }

        private String output(int i) {
            return i < node.outputs().size() ? node.outputs().get(i) : "";
        }

        private long number(String attribute) {
            return node.attributes().get(attribute) instanceof Attribute.OfLong(long v) ? v : 0;
        }

        private String direction() {
            return node.attributes().get("direction") instanceof Attribute.OfString(String s)
                    ? s.toLowerCase(Locale.ROOT)
                    : "forward";
        }

        void write() {
            String x = batchFirst ? out.transposed(input(0), 1, 0, 2) : input(0);
            List<String> y = new ArrayList<>();
            List<String> h = new ArrayList<>();
            List<String> c = new ArrayList<>();
            for (int d = 0; d < (direction().equals("bidirectional") ? 2 : 1); d++) {
                List<String> results =
                        List.of(
                                fresh(out.base + "/h"),
                                fresh(out.base + "/c"),
                                fresh(out.base + "/y"));
                scan(x, d, results);
                h.add(out.unsqueezed(results.get(0), 0));
                c.add(out.unsqueezed(results.get(1), 0));
                y.add(out.unsqueezed(results.get(2), 1));
            }
            // [T, D, N, P], [D, N, P], [D, N, H]
            result(0, out.joined(y, 1), 2, 0, 1, 3);
            result(1, out.joined(h, 0), 1, 0, 2);
            result(2, out.joined(c, 0), 1, 0, 2);
        }

        /// @param order what it becomes if the batch is first
        private void result(int i, String tensor, long... order) {
            if (!output(i).isEmpty()) {
                String turned = batchFirst ? out.transposed(tensor, order) : tensor;
                out.put("Identity", List.of(turned), List.of(output(i)), Map.of());
            }
        }

        /// @param results the last h and c, and all h
        private void scan(String x, int d, List<String> results) {
            boolean reverse = direction().equals("reverse") || d == 1;
            Attribute directions = new Attribute.OfLongs(List.of(reverse ? 1L : 0L));
            out.put(
                    "Scan",
                    List.of(
                            initial(H0, x, d, input(R), 2),
                            initial(C0, x, d, input(PROJECTION), 2),
                            x),
                    results,
                    Map.of(
                            "body",
                            new Attribute.OfGraph(body(d)),
                            "num_scan_inputs",
                            new Attribute.OfLong(1),
                            "scan_input_directions",
                            directions,
                            "scan_output_directions",
                            directions));
        }

        /// A state at the start of a direction, \[N, P\] or \[N, H\].
        ///
        /// @param sized a tensor that has its size along `axis`
        private String initial(int i, String x, int d, String sized, int axis) {
            if (!input(i).isEmpty()) {
                return out.taken(input(i), batchFirst ? 1 : 0, d);
            }
            String shape = out.joined(List.of(out.extent(x, 1), out.extent(sized, axis)), 0);
            return out.add("ConstantOfShape", shape);
        }

        /// One step: h\[N, P\], c\[N, H\] and x\[N, I\] to h, c and h.
        private Graph body(int d) {
            String w = out.transposed(out.taken(input(W), 0, d), 1, 0);
            String r = out.transposed(out.taken(input(R), 0, d), 1, 0);
            String p = out.transposed(out.taken(input(PROJECTION), 0, d), 1, 0);
            String b = "";
            if (!input(B).isEmpty()) {
                List<String> halves = out.split(out.taken(input(B), 0, d), 0, 2);
                b = out.add("Add", halves.get(0), halves.get(1));
            }
            List<Node> nodes = new ArrayList<>();
            Writer in = new Writer(out.base + "/step", new HashMap<>(), nodes);
            String h = fresh(in.base + "/h");
            String c = fresh(in.base + "/c");
            String x = fresh(in.base + "/x");
            String sum = in.add("Add", in.add("MatMul", x, w), in.add("MatMul", h, r));
            List<String> gates = in.split(b.isEmpty() ? sum : in.add("Add", sum, b), 1, 4);
            String i = in.add("Sigmoid", gates.get(0));
            String o = in.add("Sigmoid", gates.get(1));
            String f = in.add("Sigmoid", gates.get(2));
            String g = in.add("Tanh", gates.get(3));
            String nextC = in.add("Add", in.add("Mul", f, c), in.add("Mul", i, g));
            String nextH = in.add("MatMul", in.add("Mul", o, in.add("Tanh", nextC)), p);
            return new Graph(
                    in.base,
                    List.of(value(h), value(c), value(x)),
                    List.of(value(nextH), value(nextC), value(in.add("Identity", nextH))),
                    Map.of(),
                    nodes,
                    Map.of());
        }

        private static ValueInfo value(String name) {
            return new ValueInfo(name, DType.FLOAT32, null);
        }
    }
}
