package dev.runnel.formats.recipe;

import dev.runnel.formats.layers.Value;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.ValueInfo.Dim;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The input that a recipe does not declare, by what its first layer reads.
final class FirstLayer {
    private static final Set<String> RECURRENT = Set.of("lstm", "gru", "rnn");

    private FirstLayer() {}

    /// The graph's only input, `x`.
    static Value input(Assembly to, List<Item> items) {
        Item first = items.getFirst();
        boolean sequence = items.stream().anyMatch(i -> RECURRENT.contains(i.kind()));
        List<Dim> dims = new ArrayList<>();
        Dim t = Dim.of("T");
        Dim n = Dim.of("N");
        dims.addAll(to.batchFirst ? List.of(n, t) : List.of(t, n));
        if (first.kind().equals("embedding")) {
            return to.graph.input("x", DType.INT64, dims);
        }
        if (!sequence && !first.kind().equals("conv1d")) {
            dims.remove(t);
        }
        dims.add(Dim.of(features(to, first)));
        return to.graph.input("x", DType.FLOAT32, dims);
    }

    private static long features(Assembly to, Item first) {
        switch (first.kind()) {
            case "lstm", "gru", "rnn", "dense", "conv1d", "layer_norm" -> {}
            default ->
                    throw first.malformed(
                            "is the first layer and does not say what it reads: declare the"
                                    + " inputs, such as inputs: {x: [T, N, 40]}");
        }
        Yaml weights = first.get("weights");
        Yaml one =
                weights.isList() && !weights.list().isEmpty() ? weights.list().getFirst() : weights;
        List<String> keras = List.of("kernel", "gamma");
        List<String> others = List.of("weight", "weight_ih", "weight_ih_l0", "w_ih", "W");
        for (String role :
                java.util.stream.Stream.concat(keras.stream(), others.stream()).toList()) {
            Shape shape = shape(to, one, role);
            if (shape != null && shape.rank() > 0) {
                boolean last = !keras.contains(role) && !first.kind().equals("conv1d");
                long features = shape.dim(last ? shape.rank() - 1 : shape.rank() == 3 ? 1 : 0);
                return features * (shape.rank() == 3 ? first.number("groups", 1) : 1);
            }
        }
        throw Roles.nothingBelow(one, to.tensors, List.of("weight", "kernel", "weight_ih_l0"));
    }

    private static @org.jspecify.annotations.Nullable Shape shape(
            Assembly to, Yaml weights, String role) {
        if (weights.isMap()) {
            Yaml name = weights.map().get(role);
            return name == null ? null : to.tensors.get(name.text(), name).shape();
        }
        for (String name : to.tensors.below(weights.text())) {
            if (Roles.lastPart(name).equals(role)) {
                var w = to.tensors.find(name, weights);
                return w == null ? null : w.shape();
            }
        }
        return null;
    }
}
