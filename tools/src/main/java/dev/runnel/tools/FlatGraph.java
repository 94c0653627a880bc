package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/// The nodes and constants of a graph and of the subgraphs in it by name; those of a subgraph have
/// the node and the attribute before theirs: `if_1.then_branch/add_3`. A constant that is stored in
/// fewer bits, which a node makes float32, counts as what that node yields.
///
/// @param nodes in the graph's order
/// @param tensors by name, sorted
/// @param columns those whose columns are what one sum is made of, as `MatMul` multiplies
record FlatGraph(Map<String, Node> nodes, Map<String, Tensor> tensors, Set<String> columns) {
    static FlatGraph of(Graph graph) {
        FlatGraph flat =
                new FlatGraph(new LinkedHashMap<>(), new LinkedHashMap<>(), new HashSet<>());
        flat.add("", graph, Map.of());
        return flat;
    }

    /// @param around the constants of the graphs around, by the names that `graph` sees
    private void add(String prefix, Graph graph, Map<String, String> around) {
        Map<String, String> seen = new HashMap<>(around);
        graph.initializers().keySet().forEach(name -> seen.put(name, prefix + name));
        graph.nodes().forEach(n -> n.outputs().forEach(o -> seen.put(o, prefix + o)));
        Map<String, Tensor> constants = new TreeMap<>(graph.initializers());
        Set<String> widened = new HashSet<>();
        Set<String> read = new HashSet<>();
        List<Node> widening = new ArrayList<>();
        graph.outputs().forEach(o -> read.add(o.name()));
        for (Node node : graph.nodes()) {
            if (widens(node, constants.keySet(), widened)) {
                String output = node.outputs().getFirst();
                constants.put(output, value(graph.name(), node, constants));
                widened.add(output);
                widening.add(node);
                continue;
            }
            read.addAll(node.inputs());
            String name = prefix + node.name();
            for (int i = 2; nodes.putIfAbsent(name, node) != null; i++) {
                name = prefix + node.name() + " (" + i + ")";
            }
            for (Map.Entry<String, Attribute> a : new TreeMap<>(node.attributes()).entrySet()) {
                if (a.getValue() instanceof Attribute.OfGraph(Graph subgraph)) {
                    add(name + "." + a.getKey() + "/", subgraph, seen);
                }
            }
            if (Set.of("MatMul", "Gemm").contains(node.op()) && !isTransposed(node)) {
                columns.add(seen.getOrDefault(node.inputs().get(1), ""));
            }
        }
        for (Node node : widening) {
            node.inputs().stream().filter(n -> !read.contains(n)).forEach(constants::remove);
        }
        constants.forEach((name, t) -> tensors.put(prefix + name, t));
    }

    private static boolean isTransposed(Node node) {
        return node.attributes().get("transB") instanceof Attribute.OfLong(long v) && v != 0;
    }

    /// Whether a node does nothing but make a constant float32, or gives such a one its shape.
    private static boolean widens(Node node, Set<String> constants, Set<String> widened) {
        if (!node.domain().isEmpty()
                || node.outputs().size() != 1
                || !constants.containsAll(node.inputs())) {
            return false;
        }
        return switch (node.op()) {
            case "DequantizeLinear" -> true;
            case "Cast" ->
                    node.attributes().get("to") instanceof Attribute.OfLong(long to)
                            && to == DType.FLOAT32.onnxCode();
            case "Reshape" -> widened.contains(node.inputs().getFirst());
            default -> false;
        };
    }

    /// What a node of constants yields.
    private static Tensor value(String model, Node node, Map<String, Tensor> constants) {
        String name = node.outputs().getFirst();
        Map<String, Tensor> inputs = new LinkedHashMap<>(constants);
        inputs.keySet().retainAll(node.inputs());
        Graph single =
                new Graph(
                        model,
                        List.of(),
                        List.of(new ValueInfo(name, DType.FLOAT32, null)),
                        inputs,
                        List.of(node),
                        Map.of());
        try (Model compiled = Model.compile(single);
                Session session = compiled.open()) {
            return Objects.requireNonNull(session.run(Map.of()).get(name));
        }
    }
}
