package dev.runnel.internal.plan;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Set;

/// What the planner knows of RNN, GRU and LSTM nodes, `dev.runnel.LSTM` included: where their
/// memory goes in and comes out.
final class Recurrence {
    private static final Set<String> OPERATORS = Set.of("RNN", "GRU", "LSTM");

    /// A tensor that a recurrence hands from step to step.
    ///
    /// @param input the index of the input it starts from
    /// @param output the index of the output it ends in
    record Memory(String name, int input, int output) {}

    private static final Memory H = new Memory("h", 5, 1);
    private static final Memory C = new Memory("c", 6, 2);

    private Recurrence() {}

    static boolean is(Node node) {
        return node.domain().isEmpty()
                ? OPERATORS.contains(node.op())
                : node.domain().equals("dev.runnel") && node.op().equals("LSTM");
    }

    static boolean isForward(Node node) {
        return is(node)
                && (!(node.attributes().get("direction") instanceof Attribute.OfString(String d))
                        || d.equalsIgnoreCase("forward"));
    }

    static List<Memory> memories(Node node) {
        return node.op().equals("LSTM") ? List.of(H, C) : List.of(H);
    }

    /// Whether input `i` is what the node's memory starts from.
    static boolean isMemory(Node node, int i) {
        return memories(node).stream().anyMatch(m -> m.input() == i);
    }

    /// Which axis of X counts the steps: 0, or 1 in the layout that puts the batch first.
    static int timeAxis(Node node) {
        return isBatchFirst(node) ? 1 : 0;
    }

    static boolean isBatchFirst(Node node) {
        return node.attributes().get("layout") instanceof Attribute.OfLong(long l) && l == 1;
    }

    /// The type of initial_h or initial_c of a node of one direction: `[1, N, H]`, batch first `[N,
    /// 1, H]`, of initial_h with a projection P for H; null if the inputs are too broken to say,
    /// which the operator will complain of.
    static @Nullable TensorType memoryType(Node node, List<@Nullable Value> in, Memory memory) {
        Value x = in.isEmpty() ? null : in.getFirst();
        Value r = in.size() < 3 ? null : in.get(2);
        if (x == null || r == null || x.type.shape().rank() != 3 || r.type.shape().rank() != 3) {
            return null;
        }
        // R is [1, G·H, H], or [1, 4·H, P].
        Shape ofR = r.type.shape();
        long hidden = memory == C ? ofR.dim(1) / 4 : ofR.dim(2);
        long batch = x.type.shape().dim(1 - timeAxis(node));
        return new TensorType(
                x.type.dtype(),
                isBatchFirst(node) ? Shape.of(batch, 1, hidden) : Shape.of(1, batch, hidden));
    }
}
