package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Checks that a graph hangs together (every tensor read is produced exactly once, there is no
/// cycle) and puts its nodes in an order in which each comes after what it reads.
final class Wiring {
    private static final int MAX_DEPTH = 64;

    private final String model;

    private Wiring(String model) {
        this.model = model;
    }

    /// The same graph, its nodes and those of its subgraphs in order.
    ///
    /// @throws MalformedModelException if it does not hang together
    static Graph ordered(Graph graph) {
        return new Wiring(graph.name()).ordered(graph, Set.of(), 0);
    }

    private Graph ordered(Graph graph, Set<String> outer, int depth) {
        if (depth > MAX_DEPTH) {
            throw new MalformedModelException(
                    model + ": subgraphs are nested more than " + MAX_DEPTH + " deep");
        }
        Set<String> known = new HashSet<>(outer);
        known.addAll(graph.initializers().keySet());
        for (ValueInfo input : graph.inputs()) {
            if (!known.add(input.name()) && depth == 0) {
                throw new MalformedModelException(
                        model
                                + ": input '"
                                + input.name()
                                + "' is declared twice or is also an initializer");
            }
        }
        Map<String, Node> producers = producers(graph);
        List<Node> sorted = new Sort(graph, known, producers).run();
        Set<String> visible = new HashSet<>(known);
        visible.addAll(producers.keySet());
        for (ValueInfo output : graph.outputs()) {
            if (!visible.contains(output.name())) {
                throw new MalformedModelException(
                        model + ": output '" + output.name() + "' is produced by no node");
            }
        }
        List<Node> nodes = new ArrayList<>();
        for (Node node : sorted) {
            nodes.add(withOrderedSubgraphs(node, visible, depth));
        }
        return new Graph(
                graph.name(),
                graph.inputs(),
                graph.outputs(),
                graph.initializers(),
                nodes,
                graph.metadata());
    }

    private Node withOrderedSubgraphs(Node node, Set<String> visible, int depth) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        for (Map.Entry<String, Attribute> e : attributes.entrySet()) {
            if (e.getValue() instanceof Attribute.OfGraph(Graph g)) {
                e.setValue(new Attribute.OfGraph(ordered(g, visible, depth + 1)));
            }
        }
        return new Node(
                node.name(), node.domain(), node.op(), node.inputs(), node.outputs(), attributes);
    }

    private Map<String, Node> producers(Graph graph) {
        Map<String, Node> producers = new HashMap<>();
        Set<String> inputs = new HashSet<>();
        for (ValueInfo input : graph.inputs()) {
            inputs.add(input.name());
        }
        for (Node node : graph.nodes()) {
            for (String output : node.outputs()) {
                if (output.isEmpty()) {
                    continue;
                }
                Node other = producers.put(output, node);
                if (other != null) {
                    throw new MalformedModelException(
                            model
                                    + ": tensor '"
                                    + output
                                    + "' is produced twice, by "
                                    + other
                                    + " and by "
                                    + node);
                }
                if (inputs.contains(output) || graph.initializers().containsKey(output)) {
                    throw new MalformedModelException(
                            model
                                    + ": tensor '"
                                    + output
                                    + "' is produced by "
                                    + node
                                    + ", but is also an "
                                    + (inputs.contains(output) ? "input" : "initializer"));
                }
            }
        }
        return producers;
    }

    /// The names a node reads: its inputs, and what its subgraphs take from outside.
    static Set<String> reads(Node node) {
        Set<String> names = new LinkedHashSet<>(node.inputs());
        names.remove("");
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                names.addAll(captures(g));
            }
        }
        return names;
    }

    /// The names a subgraph takes from the graph around it.
    static Set<String> captures(Graph graph) {
        Set<String> own = new HashSet<>(graph.initializers().keySet());
        graph.inputs().forEach(i -> own.add(i.name()));
        graph.nodes().forEach(n -> own.addAll(n.outputs()));
        Set<String> captured = new LinkedHashSet<>();
        graph.nodes().forEach(n -> captured.addAll(reads(n)));
        graph.outputs().forEach(o -> captured.add(o.name()));
        captured.removeAll(own);
        return captured;
    }

    /// Depth-first, with a stack of its own: a chain of a million nodes must not overflow the
    /// thread's.
    private final class Sort {
        private record Visit(Node node, Iterator<String> pending) {}

        private final Graph graph;
        private final Set<String> known;
        private final Map<String, Node> producers;
        private final Set<Node> done = Collections.newSetFromMap(new IdentityHashMap<>());
        private final Set<Node> open = Collections.newSetFromMap(new IdentityHashMap<>());
        private final List<Node> sorted = new ArrayList<>();

        Sort(Graph graph, Set<String> known, Map<String, Node> producers) {
            this.graph = graph;
            this.known = known;
            this.producers = producers;
        }

        List<Node> run() {
            for (Node node : graph.nodes()) {
                visit(node);
            }
            return sorted;
        }

        private void visit(Node root) {
            Deque<Visit> stack = new ArrayDeque<>();
            push(stack, root);
            while (!stack.isEmpty()) {
                Visit v = stack.getFirst();
                if (!v.pending.hasNext()) {
                    stack.pop();
                    open.remove(v.node);
                    done.add(v.node);
                    sorted.add(v.node);
                    continue;
                }
                String name = v.pending.next();
                if (!known.contains(name)) {
                    Node producer = producers.get(name);
                    if (producer == null) {
                        throw new MalformedModelException(
                                model
                                        + ": "
                                        + v.node
                                        + ": input '"
                                        + name
                                        + "' is produced by no node and is no input or"
                                        + " initializer");
                    }
                    push(stack, producer);
                }
            }
        }

        private void push(Deque<Visit> stack, Node node) {
            if (done.contains(node)) {
                return;
            }
            if (!open.add(node)) {
                throw new MalformedModelException(
                        model + ": " + node + " depends on its own output: the graph has a cycle");
            }
            stack.push(new Visit(node, reads(node).iterator()));
        }
    }
}
