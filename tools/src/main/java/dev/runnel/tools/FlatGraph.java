package dev.runnel.tools;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/// The nodes and constants of a graph and of the subgraphs in it by name; those of a subgraph have
/// the node and the attribute before theirs: `if_1.then_branch/add_3`.
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
        new TreeMap<>(graph.initializers()).forEach((name, t) -> tensors.put(prefix + name, t));
        for (Node node : graph.nodes()) {
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
    }
}
