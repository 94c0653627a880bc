package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Where patterns look: a graph and what is known of its tensors.
///
/// @param cells of the LSTM cells found so far, c′ by h′
/// @param weights of the cells found last, by name
record Site(
        Net net,
        Constants constants,
        Affines affines,
        Map<String, String> cells,
        Map<String, Tensor> weights) {
    /// Cells of equal weights, which are steps of one that was unrolled, are next to each other.
    private static final int REMEMBERED = 24;

    static Site of(Net net, Constants constants) {
        Map<String, Tensor> last =
                new LinkedHashMap<>() {
                    @java.io.Serial private static final long serialVersionUID = 1;

                    @Override
                    protected boolean removeEldestEntry(Map.Entry<String, Tensor> eldest) {
                        return size() > REMEMBERED;
                    }
                };
        return new Site(net, constants, new Affines(net, constants), new HashMap<>(), last);
    }

    /// The name of a constant of that value: of one cell before, or a new one.
    String shared(String base, Tensor value) {
        for (Map.Entry<String, Tensor> e : weights.entrySet()) {
            if (e.getValue().type().equals(value.type())
                    && e.getValue().data().mismatch(value.data()) == -1) {
                return e.getKey();
            }
        }
        String name = net.constant(base, value);
        weights.put(name, value);
        return name;
    }

    @Nullable Gate gate(String tensor) {
        return Gate.of(this, tensor);
    }

    Gate.@Nullable Applied applied(String tensor) {
        return Gate.applied(net, constants, tensor);
    }

    /// Two operands in either order.
    record Pair(String a, String b) {}

    /// The operands of a node of two inputs, as they stand and the other way round; none if `node`
    /// is null.
    static List<Pair> operands(@Nullable Node node) {
        if (node == null || node.inputs().size() != 2) {
            return List.of();
        }
        String a = node.inputs().get(0);
        String b = node.inputs().get(1);
        return List.of(new Pair(a, b), new Pair(b, a));
    }

    /// The z of a tensor that is 1 − z; null if it is none.
    @Nullable String complementOf(String tensor) {
        Node sub = net.producer(tensor, "Sub");
        return sub != null
                        && sub.inputs().size() == 2
                        && constants.scalar(net, sub.inputs().getFirst()) == 1
                ? sub.inputs().get(1)
                : null;
    }
}
