package dev.runnel.decode;

import dev.runnel.GraphBuilder;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.Map;
import java.util.Random;

/// A language model of random weights: token → embedding → LSTM → logits.
final class TinyLanguageModel {
    static final int V = 11;
    static final int E = 6;
    private static final int H = 21;

    private TinyLanguageModel() {}

    static Model compile(KernelSet kernels) {
        return Model.compile(graph(), Options.defaults().stateful().kernels(kernels));
    }

    static Model compile() {
        return compile(KernelSet.SCALAR);
    }

    /// `token[T, 1]` int64 → `logits[T, 1, 1, V]`.
    static Graph graph() {
        return graph(DType.INT64);
    }

    /// `token[T, 1]` → `logits[T, 1, 1, V]`.
    static Graph graph(DType token) {
        Random random = new Random(3);
        return lstm(
                        new GraphBuilder("tiny")
                                .input("token", token, "T", 1)
                                .weights("table", random, V, E)
                                .node("Gather", "table token", "x"),
                        random,
                        E)
                .build();
    }

    /// `x[T, 1, V]` float32, a 1 among zeros → `logits[T, 1, 1, V]`.
    static Graph graphOfVectors() {
        Random random = new Random(3);
        return lstm(new GraphBuilder("tiny").input("x", DType.FLOAT32, "T", 1, V), random, V)
                .build();
    }

    /// As [#graph], with `feature[T, 1, E]` added to the embedding.
    static Graph graphWithFeature() {
        Random random = new Random(3);
        return lstm(
                        new GraphBuilder("fed")
                                .input("token", DType.INT64, "T", 1)
                                .input("feature", DType.FLOAT32, "T", 1, E)
                                .weights("table", random, V, E)
                                .node("Gather", "table token", "e")
                                .node("Add", "e feature", "x"),
                        random,
                        E)
                .build();
    }

    /// As [#graph], with `p = softmax(logits)` as a second output.
    static Graph graphWithProbabilities() {
        Random random = new Random(3);
        return lstm(
                        new GraphBuilder("tiny")
                                .input("token", DType.INT64, "T", 1)
                                .weights("table", random, V, E)
                                .node("Gather", "table token", "x"),
                        random,
                        E)
                .output("p", DType.FLOAT32, "T", 1, 1, V)
                .node("Softmax", "logits", "p")
                .build();
    }

    private static GraphBuilder lstm(GraphBuilder builder, Random random, int inputs) {
        return builder.output("logits", DType.FLOAT32, "T", 1, 1, V)
                .weights("w", random, 1, 4L * H, inputs)
                .weights("r", random, 1, 4L * H, H)
                .weights("b", random, 1, 8L * H)
                .node("LSTM", "x w r b", "y", Map.of("hidden_size", new Attribute.OfLong(H)))
                // Large, so that scores differ.
                .constant("ten", Tensor.ofFloats(Shape.of(), 10))
                .weights("u", random, H, V)
                .node("MatMul", "y u", "small")
                .node("Mul", "small ten", "logits");
    }
}
