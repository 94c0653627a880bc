package dev.runnel.formats.recipe;

import dev.runnel.formats.layers.Activation;
import dev.runnel.formats.layers.CellWeights.Kind;
import dev.runnel.formats.layers.Convolution;
import dev.runnel.formats.layers.Layers;
import dev.runnel.formats.layers.Layers.Rows;
import dev.runnel.formats.layers.Value;
import dev.runnel.formats.layers.Weight;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// What each kind of layer of a recipe becomes.
final class Kinds {
    static final List<String> ALL =
            List.of(
                    "lstm",
                    "gru",
                    "rnn",
                    "dense",
                    "embedding",
                    "conv1d",
                    "layer_norm",
                    "batch_norm",
                    "activation",
                    "concat",
                    "add",
                    "subtract",
                    "multiply",
                    "attention_average",
                    "reshape",
                    "transpose",
                    "flip",
                    "pick");

    private final Assembly to;
    private final Item item;
    private final String name;

    private Kinds(Assembly to, Item item, String name) {
        this.to = to;
        this.item = item;
        this.name = name;
    }

    /// Adds the layer, and returns what it yields.
    static Value add(Assembly to, Item item, String name) {
        return new Kinds(to, item, name).add();
    }

    private Value add() {
        return switch (item.kind()) {
            case "lstm" -> new RecurrentItem(to, item, name, Kind.LSTM).add();
            case "gru" -> new RecurrentItem(to, item, name, Kind.GRU).add();
            case "rnn" -> new RecurrentItem(to, item, name, Kind.RNN).add();
            case "dense" -> dense();
            case "embedding" ->
                    Layers.embedding(
                            to.graph, name, to.from(item), roles("weight", "embeddings").any());
            case "conv1d" -> conv1d();
            case "layer_norm" -> layerNorm();
            case "batch_norm" -> batchNorm();
            case "activation" -> activated(to.from(item), item.activation("function"), name);
            case "concat" ->
                    Layers.concat(to.graph, name, to.fromAll(item), item.number("axis", -1));
            case "add" -> Layers.combine(to.graph, name, "Add", to.fromAll(item));
            case "subtract" -> Layers.combine(to.graph, name, "Sub", to.fromAll(item));
            case "multiply" -> Layers.combine(to.graph, name, "Mul", to.fromAll(item));
            case "attention_average" ->
                    Layers.attentionAverage(to.graph, name, to.from(item), oneWeight(), timeAxis());
            case "reshape" -> Layers.reshape(to.graph, name, to.from(item), item.numbers("shape"));
            case "transpose" ->
                    Layers.transpose(to.graph, name, to.from(item), axes(item.numbers("order")));
            case "flip" ->
                    Layers.flip(to.graph, name, to.from(item), item.number("axis", timeAxis()));
            case "pick" ->
                    Layers.pick(
                            to.graph,
                            name,
                            to.from(item),
                            item.number("axis", timeAxis()),
                            item.number("at", -1));
            default -> throw new AssertionError(item.kind()); // which Item.of has refused
        };
    }

    /// How many features the layer reads, as its weights say; −1 of a kind whose weights do not.
    static long features(Assembly to, Item item) {
        Kinds kinds = new Kinds(to, item, item.kind());
        return switch (item.kind()) {
            case "lstm" -> new RecurrentItem(to, item, "", Kind.LSTM).features();
            case "gru" -> new RecurrentItem(to, item, "", Kind.GRU).features();
            case "rnn" -> new RecurrentItem(to, item, "", Kind.RNN).features();
            case "dense" -> {
                Found found = kinds.roles("weight", "kernel", "bias");
                boolean outputs = found.rows() == Rows.OUTPUTS;
                Weight w = found.any().require(outputs ? "[O, I]" : "[I, O]", -1, -1);
                yield w.size(outputs ? 1 : 0);
            }
            case "conv1d" -> {
                Found found = kinds.roles("weight", "kernel", "bias");
                boolean outputs = found.rows() == Rows.OUTPUTS;
                Weight w = found.any().require(outputs ? "[O, C, K]" : "[K, C, O]", -1, -1, -1);
                yield Math.max(0, (long) w.size(1) * item.number("groups", 1));
            }
            case "layer_norm" ->
                    kinds.roles("weight", "gamma", "bias", "beta").any().require("[I]", -1).size(0);
            default -> -1;
        };
    }

    private static int[] axes(long[] order) {
        return java.util.Arrays.stream(order).mapToInt(a -> Math.clamp(a, -1, 99)).toArray();
    }

    private int timeAxis() {
        return to.batchFirst ? 1 : 0;
    }

    /// Weights of which `main` is named as either framework does: rows of outputs first in PyTorch,
    /// of inputs in Keras.
    private record Found(Roles roles, String pytorch, String keras) {
        Weight any() {
            return roles.get(roles.has(keras) ? keras : pytorch);
        }

        Rows rows() {
            return roles.has(keras) ? Rows.INPUTS : Rows.OUTPUTS;
        }

        @Nullable Weight either(String a, String b) {
            Weight first = roles.find(a);
            return first == null ? roles.find(b) : first;
        }
    }

    private Found roles(String pytorch, String keras, String... others) {
        Yaml weights = item.get("weights");
        List<String> known = new java.util.ArrayList<>();
        if (!to.framework.equals("keras") || weights.isMap()) {
            known.add(pytorch);
        }
        if (!to.framework.equals("pytorch") || weights.isMap()) {
            known.add(keras);
        }
        known.addAll(List.of(others));
        if (weights.isMap()) {
            return new Found(Roles.named(weights, to.tensors, known), pytorch, keras);
        }
        Roles roles = Roles.below(weights, to.tensors, known, "", n -> true);
        if (roles.isEmpty()) {
            throw Roles.nothingBelow(weights, to.tensors, known);
        }
        return new Found(roles, pytorch, keras);
    }

    private Weight oneWeight() {
        Yaml weights = item.get("weights");
        return to.tensors.get(weights.text(), weights);
    }

    private Value activated(Value x, @Nullable Activation f, String last) {
        if (f == null) {
            throw item.malformed("has no 'function', which it needs");
        }
        return Layers.activation(to.graph, last, x, f);
    }

    /// The layer proper, and the activation behind it, if it has one.
    private Value maybeActivated(java.util.function.Function<String, Value> layer) {
        Activation f = item.activation("activation");
        boolean plain = f == null || f.isLinear();
        Value y = layer.apply(plain ? name : name + "/linear");
        return plain || f == null ? y : Layers.activation(to.graph, name, y, f);
    }

    private Value dense() {
        Value x = to.from(item);
        Found found = roles("weight", "kernel", "bias");
        Weight bias = found.roles.find("bias");
        return maybeActivated(n -> Layers.dense(to.graph, n, x, found.any(), found.rows(), bias));
    }

    private Value layerNorm() {
        Found found = roles("weight", "gamma", "bias", "beta");
        float epsilon = (float) item.real("epsilon", found.rows() == Rows.INPUTS ? 1e-3 : 1e-5);
        Weight shift = found.either("bias", "beta");
        return Layers.layerNorm(to.graph, name, to.from(item), found.any(), shift, epsilon);
    }

    private Value batchNorm() {
        Found f =
                roles(
                        "weight",
                        "gamma",
                        "bias",
                        "beta",
                        "running_mean",
                        "running_var",
                        "moving_mean",
                        "moving_variance");
        boolean keras = f.roles.has("moving_mean");
        return Layers.batchNorm(
                to.graph,
                name,
                to.from(item),
                f.either("weight", "gamma"),
                f.either("bias", "beta"),
                f.roles.get(keras ? "moving_mean" : "running_mean"),
                f.roles.get(keras ? "moving_variance" : "running_var"),
                item.real("epsilon", keras ? 1e-3 : 1e-5),
                item.number("axis", -1));
    }

    /// Along time, the channels being the last axis.
    private Value conv1d() {
        Value x = to.from(item);
        if (x.rank() != 3) {
            throw item.malformed("reads '" + x.name() + "' " + x.shapeText() + ", expected rank 3");
        }
        Found found = roles("weight", "kernel", "bias");
        Weight bias = found.roles.find("bias");
        int span =
                found.any().rank() == 3
                        ? found.any().size(found.rows() == Rows.OUTPUTS ? 2 : 0)
                        : 1;
        Convolution plain =
                new Convolution(
                        item.number("stride", 1),
                        item.number("dilation", 1),
                        item.number("groups", 1),
                        0,
                        0);
        String padding = item.text("padding", "valid");
        Convolution padded =
                switch (padding) {
                    case "valid" -> plain;
                    case "same" -> plain.same(span);
                    case "causal" -> plain.causal(span);
                    default -> {
                        int n = item.number("padding", 0);
                        yield new Convolution(
                                plain.stride(), plain.dilation(), plain.groups(), n, n);
                    }
                };
        int[] in = to.batchFirst ? new int[] {0, 2, 1} : new int[] {1, 2, 0};
        int[] out = to.batchFirst ? new int[] {0, 2, 1} : new int[] {2, 0, 1};
        return maybeActivated(
                n -> {
                    Value moved = Layers.transpose(to.graph, n + "/channels", x, in);
                    Value y =
                            padded.add(
                                    to.graph, n + "/conv", moved, found.any(), found.rows(), bias);
                    return Layers.transpose(to.graph, n, y, out);
                });
    }
}
