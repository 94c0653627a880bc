package dev.runnel.internal.fuse;

import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;

import java.util.HashMap;
import java.util.Map;

/// What Loop and Scan nodes hand to their bodies.
final class LoopBody {
    private LoopBody() {}

    /// By the body's input, the output that it is in the next iteration; nothing if `node` is no
    /// loop or is broken.
    static Map<String, String> carried(Node node, Graph body) {
        boolean scan = Net.is(node, "Scan");
        if (!scan && !Net.is(node, "Loop")) {
            return Map.of();
        }
        int states =
                scan
                        ? node.inputs().size() - (int) Affines.number(node, "num_scan_inputs", 0)
                        : node.inputs().size() - 2;
        int in = scan ? 0 : 2;
        int out = scan ? 0 : 1;
        Map<String, String> carried = new HashMap<>();
        if (body.inputs().size() >= states + in && body.outputs().size() >= states + out) {
            for (int i = 0; i < states; i++) {
                carried.put(body.inputs().get(in + i).name(), body.outputs().get(out + i).name());
            }
        }
        return carried;
    }
}
