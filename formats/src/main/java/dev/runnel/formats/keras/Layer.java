package dev.runnel.formats.keras;

import dev.runnel.formats.layers.Weight;

import java.util.List;

/// A layer of a model's configuration.
///
/// @param className of Keras, such as `LSTM`
/// @param config its settings
/// @param wiring the object around them
/// @param weights in the layer's own order
record Layer(String name, String className, Config config, Config wiring, List<Weight> weights) {
    /// Weight `i`.
    Weight weight(int i) {
        if (i >= weights.size()) {
            throw config.malformed(
                    "has " + weights.size() + " weights in the file, expected at least " + (i + 1));
        }
        return weights.get(i);
    }

    /// @throws dev.runnel.MalformedModelException unless the file has `n` weights for it
    void requireWeights(int n) {
        if (weights.size() != n) {
            throw config.malformed("has " + weights.size() + " weights in the file, expected " + n);
        }
    }

    /// A layer of another configuration that has some of the weights: what a wrapper wraps.
    Layer inner(String key, int from, int to) {
        Config outer = config.object(key, config.where());
        String inner = outer.text("class_name");
        Config own = outer.object("config", config.where() + ": " + inner);
        return new Layer(name, inner, own, outer, weights.subList(from, to));
    }
}
