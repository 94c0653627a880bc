package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A graph while it is being rewritten: who produces a tensor, who reads it. Nodes may come in any
/// order.
final class Net {
    private static final Set<String> MOVERS =
            Set.of(
                    "Identity",
                    "Reshape",
                    "Squeeze",
                    "Unsqueeze",
                    "Flatten",
                    "Transpose",
                    "Slice",
                    "Split",
                    "Gather",
                    "Cast");

    final @Nullable Net outer;
    final String name;
    final List<ValueInfo> inputs;
    final List<ValueInfo> outputs;
    final Map<String, Tensor> initializers;

    /// In the body of a loop: the output that an input is in the next iteration.
    final Map<String, String> carried;

    private final Map<String, String> metadata;
    private final List<Node> nodes = new ArrayList<>();
    private final Set<Node> removed = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<String, Node> producers = new HashMap<>();
    private final Map<String, Set<Node>> readers = new HashMap<>();
    private final Set<String> outputNames = new HashSet<>();
    private final Set<String> names;

    Net(Graph graph, @Nullable Net outer, Map<String, String> carried) {
        this.outer = outer;
        this.name = graph.name();
        this.inputs = new ArrayList<>(graph.inputs());
        this.outputs = new ArrayList<>(graph.outputs());
        this.initializers = new HashMap<>(graph.initializers());
        this.carried = carried;
        this.metadata = graph.metadata();
        this.names = outer == null ? new HashSet<>() : outer.names;
        if (outer == null) {
            collectNames(graph, names);
        }
        for (ValueInfo output : graph.outputs()) {
            outputNames.add(output.name());
        }
        for (Node node : graph.nodes()) {
            add(node);
        }
    }

    private static void collectNames(Graph graph, Set<String> names) {
        for (ValueInfo input : graph.inputs()) {
            names.add(input.name());
        }
        names.addAll(graph.initializers().keySet());
        for (Node node : graph.nodes()) {
            names.add(node.name());
            names.addAll(node.outputs());
            for (Attribute a : node.attributes().values()) {
                if (a instanceof Attribute.OfGraph(Graph g)) {
                    collectNames(g, names);
                }
            }
        }
    }

    Graph toGraph() {
        return new Graph(name, inputs, outputs, initializers, nodes(), metadata);
    }

    /// Those that were not removed.
    List<Node> nodes() {
        List<Node> left = new ArrayList<>(nodes);
        left.removeAll(removed);
        return left;
    }

    boolean contains(Node node) {
        return !removed.contains(node);
    }

    void add(Node node) {
        nodes.add(node);
        for (String output : node.outputs()) {
            if (!output.isEmpty()) {
                producers.put(output, node);
            }
        }
        for (String input : reads(node)) {
            Set<Node> of = readers.get(input);
            if (of == null) {
                of = Collections.newSetFromMap(new IdentityHashMap<>());
                readers.put(input, of);
            }
            of.add(node);
        }
    }

    void remove(Node node) {
        removed.add(node);
        for (String output : node.outputs()) {
            producers.remove(output, node);
        }
        for (String input : reads(node)) {
            Set<Node> of = readers.get(input);
            if (of != null) {
                of.remove(node);
            }
        }
    }

    /// Removes nodes that nobody reads any more, and then those that they alone read.
    void removeUnread(Collection<Node> candidates) {
        List<Node> todo = new ArrayList<>(candidates);
        while (!todo.isEmpty()) {
            Node node = todo.removeLast();
            if (contains(node) && node.outputs().stream().noneMatch(this::isRead)) {
                List<Node> before = new ArrayList<>();
                for (String input : reads(node)) {
                    Node producer = producers.get(input);
                    if (producer != null) {
                        before.add(producer);
                    }
                }
                remove(node);
                todo.addAll(before);
            }
        }
    }

    boolean isRead(String tensor) {
        return outputNames.contains(tensor) || !readers(tensor).isEmpty();
    }

    boolean isOutput(String tensor) {
        return outputNames.contains(tensor);
    }

    Set<Node> readers(String tensor) {
        return readers.getOrDefault(tensor, Set.of());
    }

    /// The node of this graph that makes a tensor; null if it comes from elsewhere.
    @Nullable Node producer(String tensor) {
        return producers.get(tensor);
    }

    /// The same if it is of that operator.
    @Nullable Node producer(String tensor, String op) {
        Node node = producers.get(tensor);
        return node != null && is(node, op) ? node : null;
    }

    static boolean is(Node node, String op) {
        return node.domain().isEmpty() && node.op().equals(op);
    }

    /// The graph, this one or one around it, that has the tensor; null if none has.
    @Nullable Net owner(String tensor) {
        boolean own =
                producers.containsKey(tensor)
                        || initializers.containsKey(tensor)
                        || inputs.stream().anyMatch(i -> i.name().equals(tensor));
        return own ? this : outer == null ? null : outer.owner(tensor);
    }

    @Nullable ValueInfo input(String tensor) {
        return inputs.stream().filter(i -> i.name().equals(tensor)).findFirst().orElse(null);
    }

    /// What the tensor's elements are taken from: the first tensor on the way back that is more
    /// than moved.
    String root(String tensor) {
        String at = tensor;
        for (Node n = producer(at); n != null && isMover(n); n = producer(at)) {
            at = n.inputs().getFirst();
        }
        return at;
    }

    private static boolean isMover(Node node) {
        return node.domain().isEmpty() && MOVERS.contains(node.op()) && !node.inputs().isEmpty();
    }

    /// Whether a node does nothing but move the elements of that input.
    boolean isMoved(Node node, String tensor) {
        return isMover(node) && node.inputs().getFirst().equals(tensor);
    }

    String fresh(String base) {
        String free = base;
        for (int i = 2; !names.add(free); i++) {
            free = base + "_" + i;
        }
        return free;
    }

    String constant(String base, Tensor value) {
        String free = fresh(base);
        initializers.put(free, value);
        return free;
    }

    /// Adds a node of one output, whose name it gives.
    String emit(String base, String op, List<String> in, Map<String, Attribute> attributes) {
        String out = fresh(base);
        add(new Node(fresh(base + "/" + op), "", op, in, List.of(out), attributes));
        return out;
    }

    /// The names a node reads: its inputs, and what its subgraphs take from outside.
    static Set<String> reads(Node node) {
        Set<String> read = new LinkedHashSet<>(node.inputs());
        read.remove("");
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                read.addAll(captures(g));
            }
        }
        return read;
    }

    static Set<String> captures(Graph graph) {
        Set<String> captured = new LinkedHashSet<>();
        graph.nodes().forEach(n -> captured.addAll(reads(n)));
        graph.outputs().forEach(o -> captured.add(o.name()));
        captured.removeAll(graph.initializers().keySet());
        graph.inputs().forEach(i -> captured.remove(i.name()));
        graph.nodes().forEach(n -> n.outputs().forEach(captured::remove));
        return captured;
    }
}
