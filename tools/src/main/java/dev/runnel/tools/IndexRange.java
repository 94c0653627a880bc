package dev.runnel.tools;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The numbers that an integer input may be: below the rows of every table that it looks up, as a
/// token does in an embedding.
final class IndexRange {
    /// What leaves indices indices.
    private static final Set<String> MOVING =
            Set.of(
                    "Cast",
                    "Concat",
                    "Expand",
                    "Flatten",
                    "Identity",
                    "Reshape",
                    "Slice",
                    "Split",
                    "Squeeze",
                    "Transpose",
                    "Unsqueeze");

    private static final int UNKNOWN = 2;

    private IndexRange() {}

    /// One more than the greatest number that input `name` may be; 2, as for a flag, if it looks
    /// nothing up.
    static long below(Graph graph, String name) {
        long below = Long.MAX_VALUE;
        Set<String> seen = new HashSet<>(Set.of(name));
        Deque<String> open = new ArrayDeque<>(seen);
        while (!open.isEmpty()) {
            String value = open.remove();
            for (Node node : graph.nodes()) {
                if (node.inputs().contains(value)) {
                    below = Math.min(below, extent(graph, node, value));
                    if (MOVING.contains(node.op())) {
                        node.outputs().stream().filter(seen::add).forEach(open::add);
                    }
                }
            }
        }
        return below == Long.MAX_VALUE ? UNKNOWN : Math.max(below, 1);
    }

    /// The rows that the node picks from by `value`.
    private static long extent(Graph graph, Node node, String value) {
        List<String> in = node.inputs();
        if (node.op().equals("Gather") && in.indexOf(value) == 1) {
            Tensor table = constant(graph, in.getFirst());
            long axis = node.attributes().get("axis") instanceof Attribute.OfLong(long a) ? a : 0;
            int rank = table == null ? 0 : table.shape().rank();
            if (table != null && axis >= -rank && axis < rank) {
                return table.shape().dim((int) (axis < 0 ? axis + rank : axis));
            }
        }
        if (node.op().equals("OneHot") && in.indexOf(value) == 0) {
            Tensor depth = constant(graph, in.get(1));
            if (depth != null && depth.elements() == 1) {
                return (long) depth.getDouble(0);
            }
        }
        return Long.MAX_VALUE;
    }

    /// A constant, also one that is stored in fewer bits and widened by a node.
    private static @Nullable Tensor constant(Graph graph, String name) {
        Tensor t = graph.initializers().get(name);
        if (t != null) {
            return t;
        }
        for (Node node : graph.nodes()) {
            if (node.outputs().contains(name)
                    && Set.of("Cast", "DequantizeLinear").contains(node.op())) {
                return graph.initializers().get(node.inputs().getFirst());
            }
        }
        return null;
    }
}
