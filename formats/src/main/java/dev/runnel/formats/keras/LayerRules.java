package dev.runnel.formats.keras;

import dev.runnel.formats.layers.Activation;
import dev.runnel.formats.layers.GraphBuilder;
import dev.runnel.formats.layers.Layers;
import dev.runnel.formats.layers.Value;
import dev.runnel.formats.layers.Weight;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.Set;

/// What a layer of Keras becomes in a graph. Inference only: what drops, adds noise or regularises
/// in training is the identity.
///
/// Sources: Keras' documentation of its layers, versions 2 and 3.
final class LayerRules {
    /// Layers that treat the elements along the last axis, or each element, and so may be
    /// distributed over time by doing nothing.
    private static final Set<String> DISTRIBUTED =
            Set.of(
                    "Dense",
                    "Activation",
                    "Dropout",
                    "LeakyReLU",
                    "ReLU",
                    "ELU",
                    "Softmax",
                    "LayerNormalization",
                    "BatchNormalization");

    private final GraphBuilder g;
    private final boolean keras3;
    private final RecurrentRules recurrent;
    private final WindowRules windows;

    /// @param states outputs of the graph that stateful layers add
    /// @param keras3 whether the names and defaults of Keras 3 are meant
    LayerRules(GraphBuilder g, Map<String, Value> states, boolean keras3) {
        this.g = g;
        this.keras3 = keras3;
        this.recurrent = new RecurrentRules(g, states, this);
        this.windows = new WindowRules(g, this);
    }

    /// Adds one call of `layer` to the graph.
    ///
    /// @param others arguments of the call that are no tensors, by name
    List<Value> apply(Layer layer, List<Value> in, Map<String, Object> others) {
        Config c = layer.config();
        requireFloats(c);
        others.forEach(
                (name, value) -> {
                    if (!name.equals("training")) {
                        throw c.unsupported(
                                "is called with "
                                        + (name.isEmpty() ? "" : name + " = ")
                                        + value
                                        + ", which is not supported");
                    }
                });
        if (in.isEmpty()) {
            throw c.malformed("is called without a tensor");
        }
        List<Value> out = recurrent.apply(layer, in);
        if (out.isEmpty()) {
            Value y = in.size() == 1 ? single(layer, in.getFirst()) : null;
            if (y == null) {
                y = merged(layer, in);
            }
            if (y == null) {
                throw unknown(layer, in.size());
            }
            out = List.of(y);
        }
        c.checkRead();
        return out;
    }

    private static RuntimeException unknown(Layer layer, int inputs) {
        String advice =
                switch (layer.className()) {
                    case "Lambda", "TFOpLambda", "SlicingOpLambda" ->
                            "is code, which Runnel does not run; say what it does in a recipe";
                    case "Masking" ->
                            "makes masks, which Runnel does not have; run sequences of their own"
                                    + " length instead of padded ones, without this layer";
                    default ->
                            "is not supported"
                                    + (inputs == 1 ? "" : " for " + inputs + " inputs")
                                    + "; docs/formats.md lists the layers that are; a recipe can"
                                    + " say what it computes";
                };
        return layer.config().unsupported(advice);
    }

    // ---- one input

    private @Nullable Value single(Layer layer, Value x) {
        Config c = layer.config();
        String name = layer.name();
        return switch (layer.className()) {
            case "Dropout",
                    "SpatialDropout1D",
                    "SpatialDropout2D",
                    "GaussianNoise",
                    "GaussianDropout",
                    "AlphaDropout",
                    "ActivityRegularization" ->
                    x;
            case "Identity" -> x;
            case "Dense" -> dense(layer, x);
            case "Embedding" -> embedding(layer, x);
            case "Activation" -> activation(name, x, function(c, "activation"));
            case "ReLU" -> relu(layer, x);
            case "LeakyReLU" ->
                    activation(
                            name,
                            x,
                            parametric(
                                    "LeakyRelu",
                                    c.number(c.has("alpha") ? "alpha" : "negative_slope", 0.3)));
            case "ELU" -> activation(name, x, parametric("Elu", c.number("alpha", 1)));
            case "Softmax" -> softmax(layer, x);
            case "BatchNormalization" -> batchNormalization(layer, x);
            case "LayerNormalization" -> layerNormalization(layer, x);
            case "Flatten" -> {
                windows.requireChannelsLast(layer);
                yield Layers.reshape(g, name, x, 0, -1);
            }
            case "Reshape" -> {
                List<Long> target = c.integers("target_shape", 0, 0);
                long[] shape = new long[target.size() + 1];
                for (int i = 1; i < shape.length; i++) {
                    shape[i] = target.get(i - 1);
                }
                yield Layers.reshape(g, name, x, shape);
            }
            case "Permute" -> {
                List<Long> dims = c.integers("dims", 0, 0);
                int[] order = new int[dims.size() + 1];
                for (int i = 1; i < order.length; i++) {
                    order[i] = Math.toIntExact(dims.get(i - 1));
                }
                yield Layers.transpose(g, name, x, order);
            }
            case "RepeatVector" -> repeat(layer, x);
            case "TimeDistributed" -> {
                Layer inner = layer.inner("layer", 0, layer.weights().size());
                if (!DISTRIBUTED.contains(inner.className())) {
                    throw c.unsupported(
                            "wraps "
                                    + inner.className()
                                    + ", expected one of "
                                    + DISTRIBUTED.stream().sorted().toList());
                }
                yield apply(inner, List.of(x), Map.of()).getFirst();
            }
            default -> windows.apply(layer, x);
        };
    }

    private Value dense(Layer layer, Value x) {
        boolean biased = layer.config().flag("use_bias", true);
        layer.requireWeights(biased ? 2 : 1);
        Activation f = function(layer.config(), "activation");
        String product = f.isLinear() ? layer.name() : layer.name() + "/dense";
        Value y =
                Layers.dense(
                        g,
                        product,
                        x,
                        layer.weight(0),
                        Layers.Rows.INPUTS,
                        biased ? layer.weight(1) : null);
        return activation(layer.name(), y, f);
    }

    private Value embedding(Layer layer, Value x) {
        Config c = layer.config();
        if (c.flag("mask_zero", false)) {
            throw c.unsupported(
                    "'mask_zero' makes masks, which Runnel does not have; run sequences of their"
                            + " own length instead of padded ones, and set it to false");
        }
        c.get("input_length");
        layer.requireWeights(1);
        Value ids =
                x.dtype().isInteger() ? x : Layers.cast(g, layer.name() + "/ids", x, DType.INT64);
        Value y = Layers.embedding(g, layer.name(), ids, layer.weight(0));
        return new Value(y.name(), DType.FLOAT32, y.dims());
    }

    private Value relu(Layer layer, Value x) {
        Config c = layer.config();
        double slope = c.number("negative_slope", 0);
        if (c.number("threshold", 0) != 0) {
            throw c.unsupported("'threshold' is not 0");
        }
        boolean limited = c.has("max_value");
        String name = limited ? layer.name() + "/unlimited" : layer.name();
        Value y = activation(name, x, parametric("LeakyRelu", slope));
        if (!limited) {
            return y;
        }
        Value top = scalar(layer.name() + "/max", (float) c.number("max_value", 0));
        return g.node(layer.name(), "Min", Map.of(), x.dims(), y, top);
    }

    private Value softmax(Layer layer, Value x) {
        Config c = layer.config();
        long axis = c.integers("axis", 1, -1).getFirst();
        Map<String, Attribute> attributes = Map.of("axis", new Attribute.OfLong(axis));
        return g.node(layer.name(), "Softmax", attributes, x.dims(), x);
    }

    private Value batchNormalization(Layer layer, Value x) {
        Config c = layer.config();
        int axis = Math.toIntExact(c.integers("axis", 1, -1).getFirst());
        boolean scaled = c.flag("scale", true);
        boolean centred = c.flag("center", true);
        int n = (scaled ? 1 : 0) + (centred ? 1 : 0);
        layer.requireWeights(n + 2);
        return Layers.batchNorm(
                g,
                layer.name(),
                x,
                scaled ? layer.weight(0) : null,
                centred ? layer.weight(n - 1) : null,
                layer.weight(n),
                layer.weight(n + 1),
                c.number("epsilon", 1e-3),
                axis);
    }

    private Value layerNormalization(Layer layer, Value x) {
        Config c = layer.config();
        List<Long> axes = c.integers("axis", 1, -1);
        if (axes.size() != 1 || axes.getFirst() != -1 && axes.getFirst() != x.rank() - 1) {
            throw c.unsupported("'axis' is " + axes + ", expected the last one");
        }
        boolean scaled = c.flag("scale", true);
        boolean centred = c.flag("center", true);
        layer.requireWeights((scaled ? 1 : 0) + (centred ? 1 : 0));
        Weight shift = centred ? layer.weight(scaled ? 1 : 0) : null;
        Weight scale = scaled ? layer.weight(0) : ones(layer, shift, x);
        float epsilon = (float) c.number("epsilon", 1e-3);
        return Layers.layerNorm(g, layer.name(), x, scale, shift, epsilon);
    }

    private static Weight ones(Layer layer, @Nullable Weight like, Value x) {
        int n = like == null ? Math.toIntExact(x.dim(-1).size()) : like.size(0);
        if (n < 0) {
            throw layer.config().unsupported("normalises an axis of unknown extent");
        }
        float[] ones = new float[n];
        java.util.Arrays.fill(ones, 1);
        return new Weight(layer.name(), "scale", Tensor.ofFloats(Shape.of(n), ones));
    }

    private Value repeat(Layer layer, Value x) {
        long n = layer.config().integer("n", -1);
        if (n < 1 || x.rank() != 2) {
            throw layer.config().malformed("repeats " + x.shapeText() + " " + n + " times");
        }
        Value row =
                g.node(
                        layer.name() + "/row",
                        "Unsqueeze",
                        Map.of(),
                        List.of(x.dim(0), Dim.of(1), x.dim(1)),
                        x,
                        g.longs(layer.name() + "/axes", 1));
        List<Dim> dims = List.of(x.dim(0), Dim.of(n), x.dim(1));
        return g.node(
                layer.name(), "Expand", Map.of(), dims, row, g.longs(layer.name() + "/n", 1, n, 1));
    }

    // ---- several inputs

    private @Nullable Value merged(Layer layer, List<Value> in) {
        String op =
                switch (layer.className()) {
                    case "Add" -> "Add";
                    case "Multiply" -> "Mul";
                    case "Subtract" -> "Sub";
                    case "Average" -> "Mean";
                    case "Maximum" -> "Max";
                    case "Minimum" -> "Min";
                    case "Concatenate" -> "Concat";
                    default -> null;
                };
        if (op == null || in.size() < 2 || op.equals("Sub") && in.size() != 2) {
            return null;
        }
        Config c = layer.config();
        if (in.stream().anyMatch(v -> v.rank() != in.getFirst().rank())) {
            throw c.unsupported("joins tensors of different ranks");
        }
        if (op.equals("Concat")) {
            int axis = Math.toIntExact(c.integer("axis", -1));
            return Layers.concat(g, layer.name(), in, axis);
        }
        if (op.equals("Mean")) {
            Value sum = Layers.combine(g, layer.name() + "/sum", "Add", in);
            Value n = scalar(layer.name() + "/count", in.size());
            return g.node(layer.name(), "Div", Map.of(), sum.dims(), sum, n);
        }
        return Layers.combine(g, layer.name(), op, in);
    }

    // ---- activations

    Value scalar(String name, float value) {
        return g.constant(name, Tensor.ofFloats(Shape.SCALAR, value));
    }

    private static Activation parametric(String op, double parameter) {
        return new Activation(op, List.of((float) parameter));
    }

    Value activation(String name, Value x, Activation f) {
        return Layers.activation(g, name, x, f);
    }

    /// The function that `key` names: a name, or an object that has it inside.
    Activation function(Config c, String key) {
        Object value = c.get(key);
        for (int i = 0; i < 3 && value instanceof Map<?, ?> m; i++) {
            Object inner = m.get("config");
            value = inner instanceof Map ? m.get("class_name") : inner;
        }
        if (value == null) {
            return Activation.of("linear");
        }
        String name = String.valueOf(value);
        String known =
                switch (name) {
                    case "hard_sigmoid" -> keras3 ? "hard_sigmoid(0.16666667, 0.5)" : name;
                    case "leaky_relu" -> "leaky_relu(0.2)";
                    case "hard_silu" -> "hard_swish";
                    default -> name;
                };
        try {
            return Activation.of(known);
        } catch (IllegalArgumentException e) {
            throw c.unsupported("'" + key + "': " + e.getMessage());
        }
    }

    /// Mixed precision keeps variables as float32; so does Runnel, and computes in it, too.
    private static void requireFloats(Config c) {
        Object policy = c.get("dtype");
        if (policy instanceof Map<?, ?> m && m.get("config") instanceof Map<?, ?> inner) {
            policy = inner.get("name");
        }
        if (policy != null
                && !Set.of("float32", "mixed_float16", "mixed_bfloat16").contains(policy)) {
            throw c.unsupported("'dtype' is " + policy + ", expected float32");
        }
    }
}
