package dev.runnel.internal.plan;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// What the planner knows of recurrences: where their memory goes in and comes out. They are RNN,
/// GRU and LSTM nodes, `dev.runnel.LSTM` included, and Scan, whose memory is what it hands from
/// iteration to iteration.
final class Recurrence {
    private static final Set<String> CELLS = Set.of("RNN", "GRU", "LSTM");

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
                ? CELLS.contains(node.op()) || isScan(node)
                : node.domain().equals("dev.runnel") && node.op().equals("LSTM");
    }

    private static boolean isScan(Node node) {
        return node.op().equals("Scan")
                && node.attributes().get("num_scan_inputs") instanceof Attribute.OfLong(long m)
                && m >= 1
                && m <= node.inputs().size()
                && node.attributes().get("body") instanceof Attribute.OfGraph(Graph body)
                && body.inputs().size() == node.inputs().size();
    }

    static boolean isForward(Node node) {
        if (is(node) && node.op().equals("Scan")) {
            return !(node.attributes().get("scan_input_directions")
                            instanceof Attribute.OfLongs(List<Long> d))
                    || d.stream().allMatch(way -> way == 0);
        }
        return is(node)
                && (!(node.attributes().get("direction") instanceof Attribute.OfString(String d))
                        || d.equalsIgnoreCase("forward"));
    }

    static List<Memory> memories(Node node) {
        if (!node.op().equals("Scan")) {
            return node.op().equals("LSTM") ? List.of(H, C) : List.of(H);
        }
        List<Memory> memories = new ArrayList<>();
        if (node.attributes().get("body") instanceof Attribute.OfGraph(Graph body)) {
            for (int i = 0; i < sequence(node); i++) {
                memories.add(new Memory(body.inputs().get(i).name(), i, i));
            }
        }
        return memories;
    }

    /// Whether input `i` is what the node's memory starts from.
    static boolean isMemory(Node node, int i) {
        for (Memory m : memories(node)) {
            if (m.input() == i) {
                return true;
            }
        }
        return false;
    }

    /// The index of the input that is the sequence, or the first of them.
    static int sequence(Node node) {
        return node.op().equals("Scan")
                        && node.attributes().get("num_scan_inputs")
                                instanceof Attribute.OfLong(long m)
                ? node.inputs().size() - (int) m
                : 0;
    }

    /// Which axis of the sequence counts the steps: of X 0, or 1 in the layout that puts the batch
    /// first. May count from the end.
    static int timeAxis(Node node) {
        if (node.op().equals("Scan")) {
            return node.attributes().get("scan_input_axes")
                                    instanceof Attribute.OfLongs(List<Long> axes)
                            && !axes.isEmpty()
                    ? axes.getFirst().intValue()
                    : 0;
        }
        return isBatchFirst(node) ? 1 : 0;
    }

    /// The same as an index into `rank` axes; −1 if there is no such axis.
    static int timeAxis(Node node, int rank) {
        int axis = timeAxis(node);
        axis += axis < 0 ? rank : 0;
        return axis < rank ? axis : -1;
    }

    static boolean isBatchFirst(Node node) {
        return node.attributes().get("layout") instanceof Attribute.OfLong(long l) && l == 1;
    }

    /// The type of initial_h or initial_c of a node of one direction: `[1, N, H]`, batch first `[N,
    /// 1, H]`, of initial_h with a projection P for H; null if the inputs are too broken to say,
    /// which the operator will complain of.
    static @Nullable TensorType memoryType(Node node, List<@Nullable Value> in, Memory memory) {
        if (node.op().equals("Scan")) {
            Value initial = in.get(memory.input());
            return initial == null ? null : initial.type;
        }
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
