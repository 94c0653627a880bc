package dev.runnel.formats.recipe;

import dev.runnel.formats.layers.Value;
import dev.runnel.graph.DType;
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
        long features = Kinds.features(to, first);
        if (features < 0) {
            throw first.malformed(
                    "is the first layer and does not say what it reads: declare the"
                            + " inputs, such as inputs: {x: [T, N, 40]}");
        }
        return features;
    }
}
