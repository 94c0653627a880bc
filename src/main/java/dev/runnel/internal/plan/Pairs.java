package dev.runnel.internal.plan;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// Finds the inputs and outputs of a graph that are the two ends of a recurrent node's state: the
/// input reaches an initial_h or initial_c, the output comes from the matching Y_h or Y_c, and only
/// operators that move data lie between. An output may come from more nodes than the input reaches:
/// those of a branch that starts from zero. Follows names through the graph and the branches in it,
/// without looking at shapes.
final class Pairs {
    /// Operators that only move data: the elements of their outputs are those of their inputs.
    static final Set<String> MOVERS =
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
                    "Concat",
                    "Cast");

    /// One tensor of one node's memory.
    private record End(Node node, String memory) {
        @Override
        public boolean equals(Object o) {
            return o instanceof End e && e.node == node && e.memory.equals(memory);
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(node) ^ memory.hashCode();
        }
    }

    /// What a tensor is made of by moving data only.
    private static final class Content {
        final Set<String> inputs = new HashSet<>();
        final Set<End> ends = new HashSet<>();

        void add(Content other) {
            inputs.addAll(other.inputs);
            ends.addAll(other.ends);
        }
    }

    private final Map<String, Set<End>> reached = new HashMap<>();

    private Pairs() {}

    /// Output by input, in the graph's order.
    static Map<String, String> find(Graph graph) {
        Pairs pairs = new Pairs();
        Map<String, Content> names = new HashMap<>();
        for (ValueInfo input : graph.inputs()) {
            Content c = new Content();
            c.inputs.add(input.name());
            names.put(input.name(), c);
            pairs.reached.put(input.name(), new HashSet<>());
        }
        pairs.follow(graph, names);
        Map<String, String> found = new LinkedHashMap<>();
        for (ValueInfo input : graph.inputs()) {
            Set<End> ends = Objects.requireNonNull(pairs.reached.get(input.name()));
            if (ends.isEmpty()) {
                continue;
            }
            List<String> outputs = new ArrayList<>();
            for (ValueInfo output : graph.outputs()) {
                Content c = names.get(output.name());
                if (c != null && c.ends.containsAll(ends) && fits(input, output)) {
                    outputs.add(output.name());
                }
            }
            if (outputs.size() == 1 && !found.containsValue(outputs.getFirst())) {
                found.put(input.name(), outputs.getFirst());
            }
        }
        return found;
    }

    /// Whether an output may be an input's next value: no dimension that both declare differs.
    static boolean fits(ValueInfo in, ValueInfo output) {
        if (in.dtype() != output.dtype() || in.dims() == null || output.dims() == null) {
            return in.dtype() == output.dtype();
        }
        boolean fits = in.dims().size() == output.dims().size();
        for (int a = 0; fits && a < in.dims().size(); a++) {
            ValueInfo.Dim i = in.dims().get(a);
            ValueInfo.Dim o = output.dims().get(a);
            fits = !i.isFixed() || !o.isFixed() || i.size() == o.size();
        }
        return fits;
    }

    private void follow(Graph graph, Map<String, Content> names) {
        for (Node node : graph.nodes()) {
            if (node.op().equals("If")) {
                followBranches(node, names);
            } else if (Recurrence.isForward(node)) {
                followRecurrence(node, names);
            } else if (MOVERS.contains(node.op())) {
                Content c = new Content();
                int data = node.op().equals("Concat") ? node.inputs().size() : 1;
                for (String input :
                        node.inputs().subList(0, Math.min(data, node.inputs().size()))) {
                    add(c, names.get(input));
                }
                for (String output : node.outputs()) {
                    names.put(output, c);
                }
            }
        }
    }

    private static void add(Content to, @Nullable Content from) {
        if (from != null) {
            to.add(from);
        }
    }

    private void followBranches(Node node, Map<String, Content> names) {
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph branch)) {
                Map<String, Content> inner = new HashMap<>(names);
                follow(branch, inner);
                for (int i = 0; i < Math.min(node.outputs().size(), branch.outputs().size()); i++) {
                    Content result = inner.get(branch.outputs().get(i).name());
                    add(names.computeIfAbsent(node.outputs().get(i), o -> new Content()), result);
                }
            }
        }
    }

    private void followRecurrence(Node node, Map<String, Content> names) {
        for (Recurrence.Memory m : Recurrence.memories(node)) {
            Content from =
                    m.input() < node.inputs().size()
                            ? names.get(node.inputs().get(m.input()))
                            : null;
            if (from != null) {
                for (String input : from.inputs) {
                    Objects.requireNonNull(reached.get(input)).add(new End(node, m.name()));
                }
            }
            if (m.output() < node.outputs().size()) {
                Content c = new Content();
                c.ends.add(new End(node, m.name()));
                names.put(node.outputs().get(m.output()), c);
            }
        }
    }
}
