package dev.runnel;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Graphs by hand, for tests.
public final class GraphBuilder {
    private final String name;
    private final List<ValueInfo> inputs = new ArrayList<>();
    private final List<ValueInfo> outputs = new ArrayList<>();
    private final Map<String, Tensor> initializers = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();

    public GraphBuilder(String name) {
        this.name = name;
    }

    private static ValueInfo info(String name, DType dtype, Object... dims) {
        List<ValueInfo.Dim> list = new ArrayList<>();
        for (Object d : dims) {
            list.add(
                    d instanceof Integer i
                            ? ValueInfo.Dim.of(i.longValue())
                            : ValueInfo.Dim.of((String) d));
        }
        return new ValueInfo(name, dtype, list);
    }

    /// An input; a dimension is an Integer, or a String if the caller chooses it.
    public GraphBuilder input(String name, DType dtype, Object... dims) {
        inputs.add(info(name, dtype, dims));
        return this;
    }

    public GraphBuilder output(String name, DType dtype, Object... dims) {
        outputs.add(info(name, dtype, dims));
        return this;
    }

    public GraphBuilder constant(String name, Tensor value) {
        initializers.put(name, value);
        return this;
    }

    /// Uniform random weights in ±1/√(last dimension).
    public GraphBuilder weights(String name, Random random, long... dims) {
        Shape shape = Shape.of(dims);
        float scale = (float) (1 / Math.sqrt(dims[dims.length - 1]));
        float[] v = new float[(int) shape.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = (random.nextFloat() * 2 - 1) * scale;
        }
        return constant(name, Tensor.ofFloats(shape, v));
    }

    /// A node named after its first output. `in` and `out` are separated by spaces; `-` is absent.
    public GraphBuilder node(String op, String in, String out, Map<String, Attribute> attributes) {
        List<String> outs = names(out);
        nodes.add(new Node(op + "_" + outs.getFirst(), "", op, names(in), outs, attributes));
        return this;
    }

    public GraphBuilder node(String op, String in, String out) {
        return node(op, in, out, Map.of());
    }

    private static List<String> names(String text) {
        List<String> names = new ArrayList<>();
        for (String s : text.split(" ")) {
            names.add(s.equals("-") ? "" : s);
        }
        return names;
    }

    public Graph build() {
        return new Graph(name, inputs, outputs, initializers, nodes, Map.of());
    }

    /// `x[T, 1, inputSize]` → LSTM → `y[T, 1, 1, hiddenSize]`, states absent.
    public static Graph lstm(int inputSize, int hiddenSize) {
        Random random = new Random(7);
        return new GraphBuilder("lstm")
                .input("x", DType.FLOAT32, "T", 1, inputSize)
                .output("y", DType.FLOAT32, "T", 1, 1, hiddenSize)
                .weights("w", random, 1, 4L * hiddenSize, inputSize)
                .weights("r", random, 1, 4L * hiddenSize, hiddenSize)
                .weights("b", random, 1, 8L * hiddenSize)
                .node(
                        "LSTM",
                        "x w r b",
                        "y",
                        Map.of("hidden_size", new Attribute.OfLong(hiddenSize)))
                .build();
    }
}
