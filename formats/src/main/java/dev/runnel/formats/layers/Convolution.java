package dev.runnel.formats.layers;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Shape;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A convolution along time.
///
/// @param stride between two windows
/// @param dilation between two of a window's steps
/// @param groups of channels that do not mix
/// @param padLeft steps of zeros before the first
/// @param padRight behind the last
public record Convolution(int stride, int dilation, int groups, int padLeft, int padRight) {
    /// Windows side by side, no padding.
    public static final Convolution PLAIN = new Convolution(1, 1, 1, 0, 0);

    /// @throws IllegalArgumentException if a number is out of range
    public Convolution {
        if (stride < 1 || dilation < 1 || groups < 1 || padLeft < 0 || padRight < 0) {
            throw new IllegalArgumentException("a convolution has a number out of range");
        }
    }

    /// With as many zeros before the first step as make each output depend on what came before it
    /// only (`causal`).
    public Convolution causal(int kernelSize) {
        return new Convolution(stride, dilation, groups, (kernelSize - 1) * dilation, 0);
    }

    /// With as many zeros as leave the number of steps what it is at stride 1 (`same`).
    public Convolution same(int kernelSize) {
        int all = (kernelSize - 1) * dilation;
        return new Convolution(stride, dilation, groups, all / 2, all - all / 2);
    }

    /// Adds the layer to a graph.
    ///
    /// @param x \[N, C, T\]
    /// @param weight \[O, C / groups, K\], rows being outputs, or \[K, C / groups, O\]
    /// @param bias \[O\], or null
    /// @return \[N, O, T'\]
    /// @throws dev.runnel.MalformedModelException if they do not fit together
    public Value add(
            GraphBuilder g,
            String name,
            Value x,
            Weight weight,
            Layers.Rows rows,
            @Nullable Weight bias) {
        boolean outputs = rows == Layers.Rows.OUTPUTS;
        weight.require(outputs ? "[O, C, K]" : "[K, C, O]", -1, -1, -1);
        int o = weight.size(outputs ? 0 : 2);
        int c = weight.size(1);
        int k = weight.size(outputs ? 2 : 0);
        Layers.requireFeatures(weight, x, 1, (long) c * groups);
        if (o % groups != 0) {
            throw weight.malformed("has " + o + " outputs, no multiple of groups " + groups);
        }
        Matrix m =
                Matrix.of(
                        weight,
                        o,
                        c * k,
                        (r, i) ->
                                outputs
                                        ? (long) r * c * k + i
                                        : ((long) i % k * c + i / k) * o + r);
        Value w = g.constant(name + "/W", Matrix.concat(Shape.of(o, c, k), List.of(m)));
        Map<String, Attribute> a = new LinkedHashMap<>();
        a.put("kernel_shape", GraphBuilder.list(k));
        a.put("strides", GraphBuilder.list(stride));
        a.put("dilations", GraphBuilder.list(dilation));
        a.put("group", new Attribute.OfLong(groups));
        a.put("pads", GraphBuilder.list(padLeft, padRight));
        Dim t = x.dim(2);
        long span = (k - 1L) * dilation + 1;
        long room = t.size() + padLeft + padRight - span;
        if (t.isFixed() && room < 0 || k == 0) {
            throw weight.malformed(
                    "spans " + span + " steps, of which '" + x.name() + "' has too few");
        }
        long steps = room / stride + 1;
        boolean keeps = stride == 1 && span == 1L + padLeft + padRight;
        Dim after = t.isFixed() ? Dim.of(steps) : keeps ? t : Value.unknown();
        List<Dim> dims = List.of(x.dim(0), Dim.of(o), after);
        if (bias == null) {
            return g.node(name, "Conv", a, dims, x, w);
        }
        Matrix b = Matrix.of(bias.require("[O]", o));
        Value start = g.constant(name + "/b", Matrix.concat(Shape.of(o), List.of(b)));
        return g.node(name, "Conv", a, dims, x, w, start);
    }
}
