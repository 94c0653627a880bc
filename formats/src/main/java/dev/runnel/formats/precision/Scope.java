package dev.runnel.formats.precision;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/// A graph and, if it is the branch of an `If` or the body of a loop, those around it, whose names
/// it sees.
final class Scope {
    final Graph graph;

    /// The constants that were met as weights, by name.
    private final Map<String, Weight> weights = new TreeMap<>();

    private final @Nullable Scope outer;

    /// By what they yield; null for the graph's inputs.
    private final Map<String, @Nullable Node> producers = new HashMap<>();

    Scope(Graph graph, @Nullable Scope outer) {
        this.graph = graph;
        this.outer = outer;
        graph.inputs().forEach(v -> producers.put(v.name(), null));
        graph.nodes().forEach(n -> n.outputs().forEach(o -> producers.put(o, n)));
    }

    /// The graphs within a node.
    static List<Graph> subgraphs(Node node) {
        List<Graph> graphs = new ArrayList<>();
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                graphs.add(g);
            }
        }
        return graphs;
    }

    /// The innermost of this graph and those around it that has a tensor of that name.
    @Nullable Scope owner(String name) {
        for (Scope s = this; s != null; s = s.outer) {
            if (s.constant(name) != null || s.producers.containsKey(name)) {
                return s;
            }
        }
        return null;
    }

    @Nullable Tensor constant(String name) {
        return graph.initializers().get(name);
    }

    /// A constant of this graph as a weight.
    Weight weight(String name) {
        return weights.computeIfAbsent(
                name, _ -> new Weight(Objects.requireNonNull(constant(name))));
    }

    /// Those that are to be stored.
    Map<String, Weight> stored() {
        Map<String, Weight> stored = new TreeMap<>(weights);
        stored.values().removeIf(w -> !w.stored);
        return stored;
    }

    @Nullable Node producer(String name) {
        return producers.get(name);
    }
}
