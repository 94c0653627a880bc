package dev.runnel.formats.onnx;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Scan of operator set 8: its tensors had the batch first and the steps second, and each entry of
/// the batch was scanned by itself. So it becomes a Scan over the batch whose body is the Scan of
/// today.
final class BatchedScan {
    private BatchedScan() {}

    static void rewrite(Draft d) {
        if (!d.input(0).isEmpty()) {
            throw d.unsupported("sequence_lens of Scan-8 is not supported; convert the model to 9");
        }
        if (d.inputs.isEmpty()
                || !(d.attributes.get("num_scan_inputs") instanceof Attribute.OfLong(long m))
                || !(d.attributes.get("body") instanceof Attribute.OfGraph(Graph body))) {
            return; // refused by the planner
        }
        d.inputs.removeFirst();
        long[] directions = d.takeLongs("directions");
        Map<String, Attribute> inner = new HashMap<>(d.attributes);
        if (directions != null) {
            List<Long> ways = new ArrayList<>();
            for (long way : directions) {
                ways.add(way);
            }
            inner.put("scan_input_directions", new Attribute.OfLongs(ways));
        }
        List<String> in = fresh(d, "entry", d.inputs.size());
        List<String> out = fresh(d, "result", d.outputs.size());
        Node scan = new Node(d.name + "/entry", "", "Scan", in, out, inner);
        Graph entry =
                new Graph(body.name(), values(in), values(out), Map.of(), List.of(scan), Map.of());
        d.attributes.clear();
        d.attributes.put("num_scan_inputs", new Attribute.OfLong(in.size()));
        d.attributes.put("body", new Attribute.OfGraph(entry));
    }

    private static List<String> fresh(Draft d, String what, int n) {
        return Stream.generate(() -> d.fresh(what)).limit(n).toList();
    }

    /// Types of what goes in and out of a body follow from the node's.
    private static List<ValueInfo> values(List<String> names) {
        return names.stream().map(n -> new ValueInfo(n, DType.FLOAT32, null)).toList();
    }
}
