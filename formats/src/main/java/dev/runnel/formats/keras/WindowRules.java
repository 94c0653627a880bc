package dev.runnel.formats.keras;

import dev.runnel.formats.layers.Activation;
import dev.runnel.formats.layers.GraphBuilder;
import dev.runnel.formats.layers.Layers;
import dev.runnel.formats.layers.Value;
import dev.runnel.formats.layers.Weight;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Convolutions and pooling of Keras, along one axis or two. Channels come last there and first in
/// ONNX, so that axes are exchanged before and behind.
final class WindowRules {
    private final GraphBuilder g;
    private final LayerRules rules;

    WindowRules(GraphBuilder g, LayerRules rules) {
        this.g = g;
        this.rules = rules;
    }

    /// What `layer` yields; null if it is none of those here.
    @Nullable Value apply(Layer layer, Value x) {
        return switch (layer.className()) {
            case "Conv1D" -> convolution(layer, x, 1);
            case "Conv2D" -> convolution(layer, x, 2);
            case "MaxPooling1D" -> pooling(layer, x, 1, "MaxPool");
            case "MaxPooling2D" -> pooling(layer, x, 2, "MaxPool");
            case "AveragePooling1D" -> pooling(layer, x, 1, "AveragePool");
            case "AveragePooling2D" -> pooling(layer, x, 2, "AveragePool");
            case "GlobalMaxPooling1D" -> global(layer, x, 1, "ReduceMax");
            case "GlobalMaxPooling2D" -> global(layer, x, 2, "ReduceMax");
            case "GlobalAveragePooling1D" -> global(layer, x, 1, "ReduceMean");
            case "GlobalAveragePooling2D" -> global(layer, x, 2, "ReduceMean");
            case "ZeroPadding1D" -> zeroPadding(layer, x);
            default -> null;
        };
    }

    void requireChannelsLast(Layer layer) {
        String format = layer.config().text("data_format", "channels_last");
        if (!format.equals("channels_last")) {
            throw layer.config()
                    .unsupported("'data_format' is " + format + ", expected channels_last");
        }
    }

    private Value convolution(Layer layer, Value x, int axes) {
        Config c = layer.config();
        requireRank(layer, x, axes);
        boolean biased = c.flag("use_bias", true);
        layer.requireWeights(biased ? 2 : 1);
        Weight kernel = layer.weight(0);
        long[] anyShape = new long[axes + 2];
        java.util.Arrays.fill(anyShape, -1);
        kernel.require(axes == 1 ? "[K, C, O]" : "[K, K, C, O]", anyShape);
        int o = kernel.size(axes + 1);
        long groups = c.integer("groups", 1);
        Dim channels = x.dim(isChannelsFirst(layer) ? 1 : -1);
        if (channels.isFixed() && channels.size() != kernel.size(axes) * groups) {
            throw kernel.malformed("does not fit an input " + x.shapeText());
        }
        List<Long> sizes = new ArrayList<>();
        for (int a = 0; a < axes; a++) {
            sizes.add((long) kernel.size(a));
        }
        List<Long> strides = c.integers("strides", axes, 1);
        List<Long> dilations = c.integers("dilation_rate", axes, 1);
        Map<String, Attribute> attributes = new LinkedHashMap<>();
        attributes.put("kernel_shape", new Attribute.OfLongs(sizes));
        attributes.put("strides", new Attribute.OfLongs(strides));
        attributes.put("dilations", new Attribute.OfLongs(dilations));
        attributes.put("group", new Attribute.OfLong(groups));
        pad(layer, attributes, (sizes.getFirst() - 1) * dilations.getFirst(), axes);
        Value in = channelsFirst(layer, x, axes);
        int[] order = new int[axes + 2];
        order[0] = axes + 1;
        order[1] = axes;
        for (int a = 0; a < axes; a++) {
            order[2 + a] = a;
        }
        String name = layer.name();
        Value w =
                Layers.transpose(
                        g, name + "/W", g.constant(name + "/kernel", kernel.tensor()), order);
        List<Value> all = new ArrayList<>(List.of(in, w));
        if (biased) {
            Weight bias = layer.weight(1).require("[O]", o);
            all.add(g.constant(name + "/b", bias.tensor()));
        }
        boolean keeps =
                strides.stream().allMatch(s -> s == 1)
                        && !c.text("padding", "valid").equals("valid");
        List<Dim> dims = dims(in, Dim.of(o), keeps);
        Value y = g.node(name + "/conv", "Conv", attributes, dims, all.toArray(Value[]::new));
        Activation f = rules.function(c, "activation");
        y = channelsLast(f.isLinear() ? name : name + "/linear", layer, y, axes);
        return rules.activation(name, y, f);
    }

    private Value pooling(Layer layer, Value x, int axes, String op) {
        Config c = layer.config();
        requireRank(layer, x, axes);
        List<Long> sizes = c.integers("pool_size", axes, 2);
        List<Long> strides = c.has("strides") ? c.integers("strides", axes, 1) : sizes;
        Map<String, Attribute> attributes = new LinkedHashMap<>();
        attributes.put("kernel_shape", new Attribute.OfLongs(sizes));
        attributes.put("strides", new Attribute.OfLongs(strides));
        pad(layer, attributes, -1, axes);
        Value in = channelsFirst(layer, x, axes);
        Value y = g.node(layer.name() + "/pool", op, attributes, dims(in, in.dim(1), false), in);
        return channelsLast(layer.name(), layer, y, axes);
    }

    /// @param causal zeros before the first step if the padding is `causal`; −1 where it cannot be
    private static void pad(Layer layer, Map<String, Attribute> attributes, long causal, int axes) {
        String padding = layer.config().text("padding", "valid");
        switch (padding) {
            case "valid" -> attributes.put("auto_pad", new Attribute.OfString("VALID"));
            case "same" -> attributes.put("auto_pad", new Attribute.OfString("SAME_UPPER"));
            default -> {
                if (!padding.equals("causal") || axes != 1 || causal < 0) {
                    throw layer.config().unsupported("'padding': " + padding + " is not supported");
                }
                attributes.put("pads", new Attribute.OfLongs(List.of(causal, 0L)));
            }
        }
    }

    private Value global(Layer layer, Value x, int axes, String op) {
        requireRank(layer, x, axes);
        boolean keep = layer.config().flag("keepdims", false);
        boolean first = isChannelsFirst(layer);
        long[] over = new long[axes];
        List<Dim> dims = new ArrayList<>(x.dims());
        for (int a = 0; a < axes; a++) {
            over[a] = a + (first ? 2 : 1);
            dims.set(Math.toIntExact(over[a]), Dim.of(1));
        }
        for (int a = axes - 1; a >= 0 && !keep; a--) {
            dims.remove(Math.toIntExact(over[a]));
        }
        Map<String, Attribute> attributes = Map.of("keepdims", new Attribute.OfLong(keep ? 1 : 0));
        return g.node(layer.name(), op, attributes, dims, x, g.longs(layer.name() + "/axes", over));
    }

    private Value zeroPadding(Layer layer, Value x) {
        requireRank(layer, x, 1);
        requireChannelsLast(layer);
        List<Long> p = layer.config().integers("padding", 2, 1);
        if (p.size() != 2) {
            throw layer.config().malformed("'padding' is " + p + ", expected two integers");
        }
        Value pads = g.longs(layer.name() + "/pads", 0, p.get(0), 0, 0, p.get(1), 0);
        List<Dim> dims = x.with(1, Value.unknown());
        return g.node(layer.name(), "Pad", Map.of(), dims, x, pads);
    }

    private static void requireRank(Layer layer, Value x, int axes) {
        if (x.rank() != axes + 2) {
            throw layer.config()
                    .malformed("has an input " + x.shapeText() + ", expected rank " + (axes + 2));
        }
    }

    private static List<Dim> dims(Value in, Dim channels, boolean keeps) {
        List<Dim> dims = new ArrayList<>(List.of(in.dim(0), channels));
        for (int a = 2; a < in.rank(); a++) {
            dims.add(keeps ? in.dim(a) : Value.unknown());
        }
        return dims;
    }

    private static boolean isChannelsFirst(Layer layer) {
        return layer.config().text("data_format", "channels_last").equals("channels_first");
    }

    private Value channelsFirst(Layer layer, Value x, int axes) {
        if (isChannelsFirst(layer)) {
            return x;
        }
        int[] order = axes == 1 ? new int[] {0, 2, 1} : new int[] {0, 3, 1, 2};
        return Layers.transpose(g, layer.name() + "/channels_first", x, order);
    }

    private Value channelsLast(String name, Layer layer, Value y, int axes) {
        if (isChannelsFirst(layer)) {
            return y;
        }
        int[] order = axes == 1 ? new int[] {0, 2, 1} : new int[] {0, 2, 3, 1};
        return Layers.transpose(g, name, y, order);
    }
}
