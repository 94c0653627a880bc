package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

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
record FlatGraph(Map<String, Node> nodes, Map<String, Tensor> tensors) {
    static FlatGraph of(Graph graph) {
        FlatGraph flat = new FlatGraph(new LinkedHashMap<>(), new LinkedHashMap<>());
        flat.add("", graph);
        return flat;
    }

    private void add(String prefix, Graph graph) {
        Map<String, Tensor> constants = new TreeMap<>(graph.initializers());
        Set<String> read = new HashSet<>();
        graph.outputs().forEach(o -> read.add(o.name()));
        for (Node node : graph.nodes()) {
            if (widens(graph, node)) {
                constants.put(node.outputs().getFirst(), widened(graph, node));
                continue;
            }
            read.addAll(node.inputs());
            String name = prefix + node.name();
            for (int i = 2; nodes.putIfAbsent(name, node) != null; i++) {
                name = prefix + node.name() + " (" + i + ")";
            }
            for (Map.Entry<String, Attribute> a : new TreeMap<>(node.attributes()).entrySet()) {
                if (a.getValue() instanceof Attribute.OfGraph(Graph subgraph)) {
                    add(name + "." + a.getKey() + "/", subgraph);
                }
            }
        }
        for (Node node : graph.nodes()) {
            if (widens(graph, node)) {
                node.inputs().stream().filter(n -> !read.contains(n)).forEach(constants::remove);
            }
        }
        constants.forEach((name, t) -> tensors.put(prefix + name, t));
    }

    /// Whether a node does nothing but make a constant float32.
    private static boolean widens(Graph graph, Node node) {
        boolean cast =
                node.op().equals("Cast")
                        && node.attributes().get("to") instanceof Attribute.OfLong(long to)
                        && to == DType.FLOAT32.onnxCode();
        return node.domain().isEmpty()
                && (cast || node.op().equals("DequantizeLinear"))
                && node.outputs().size() == 1
                && graph.initializers().keySet().containsAll(node.inputs());
    }

    private static Tensor widened(Graph graph, Node node) {
        String name = node.outputs().getFirst();
        Map<String, Tensor> constants = new LinkedHashMap<>();
        for (String input : node.inputs()) {
            constants.put(input, Objects.requireNonNull(graph.initializers().get(input)));
        }
        Graph single =
                new Graph(
                        graph.name(),
                        List.of(),
                        List.of(new ValueInfo(name, DType.FLOAT32, null)),
                        constants,
                        List.of(node),
                        Map.of());
        try (Model model = Model.compile(single);
                Session session = model.open()) {
            return Objects.requireNonNull(session.run(Map.of()).get(name));
        }
    }
}
