package dev.runnel.tools.trace;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Graphs of stacked LSTM layers: token → embedding → layers → scores, five tokens.
final class TinyLstm {
    static final int TOKENS = 5;
    static final int UNITS = 4;

    private TinyLstm() {}

    static Graph layers(int count, Map<String, Attribute> attributes) {
        Random random = new Random(1);
        Map<String, Tensor> weights = new HashMap<>();
        List<Node> nodes = new ArrayList<>();
        List<ValueInfo> inputs = new ArrayList<>();
        List<ValueInfo> outputs = new ArrayList<>();
        TensorType state = new TensorType(DType.FLOAT32, Shape.of(1, 1, UNITS));
        inputs.add(ValueInfo.of("token", new TensorType(DType.INT64, Shape.of(1, 1))));
        weights.put("E", random(random, TOKENS, UNITS));
        weights.put("direction", Tensor.ofLongs(Shape.of(1), 1));
        weights.put("P", random(random, UNITS, TOKENS));
        nodes.add(node("Gather", List.of("E", "token"), List.of("x0"), Map.of()));
        for (int l = 0; l < count; l++) {
            weights.put("W" + l, random(random, 1, 4 * UNITS, UNITS));
            weights.put("R" + l, random(random, 1, 4 * UNITS, UNITS));
            weights.put("B" + l, random(random, 1, 8 * UNITS));
            Map<String, Attribute> all = new HashMap<>(attributes);
            all.put("hidden_size", new Attribute.OfLong(UNITS));
            nodes.add(
                    node(
                            "LSTM",
                            List.of("x" + l, "W" + l, "R" + l, "B" + l, "", "h" + l, "c" + l),
                            List.of("y" + l, "hn" + l, "cn" + l),
                            all));
            String next = "x" + (l + 1);
            nodes.add(node("Squeeze", List.of("y" + l, "direction"), List.of(next), Map.of()));
            for (String kind : List.of("h", "c")) {
                inputs.add(ValueInfo.of(kind + l, state));
                outputs.add(ValueInfo.of(kind + "n" + l, state));
            }
        }
        nodes.add(node("MatMul", List.of("x" + count, "P"), List.of("scores"), Map.of()));
        TensorType scores = new TensorType(DType.FLOAT32, Shape.of(1, 1, TOKENS));
        outputs.add(ValueInfo.of("scores", scores));
        return new Graph("tiny", inputs, outputs, weights, nodes, Map.of());
    }

    private static Node node(
            String op, List<String> inputs, List<String> outputs, Map<String, Attribute> with) {
        return new Node(outputs.getFirst(), "", op, inputs, outputs, with);
    }

    private static Tensor random(Random random, long... dims) {
        Shape shape = Shape.of(dims);
        float[] values = new float[(int) shape.elements()];
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return Tensor.ofFloats(shape, values);
    }
}
