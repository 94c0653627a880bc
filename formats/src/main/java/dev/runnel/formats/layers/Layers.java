package dev.runnel.formats.layers;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/// What layers other than recurrent ones become: a few nodes of a graph. Each method's `name` is
/// that of its last node, or what names of its nodes begin with.
///
/// Messages blame the weight that does not fit the layer's input.
public final class Layers {
    private Layers() {}

    /// Whether a matrix has a row for each output, as in PyTorch, or for each input, as in Keras.
    public enum Rows {
        OUTPUTS,
        INPUTS
    }

    /// x·W + b over the last axis.
    ///
    /// @param bias \[O\], or null
    /// @throws dev.runnel.MalformedModelException if they do not fit together
    public static Value dense(
            GraphBuilder g, String name, Value x, Weight weight, Rows rows, @Nullable Weight bias) {
        boolean outputs = rows == Rows.OUTPUTS;
        weight.require(outputs ? "[O, I]" : "[I, O]", -1, -1);
        Matrix m = outputs ? Matrix.of(weight).transposed() : Matrix.of(weight);
        requireFeatures(weight, x, -1, m.rows());
        Value w =
                g.constant(name + "/W", Matrix.concat(Shape.of(m.rows(), m.columns()), List.of(m)));
        List<Dim> dims = x.with(-1, Dim.of(m.columns()));
        if (bias == null) {
            return g.node(name, "MatMul", Map.of(), dims, x, w);
        }
        Value product = g.node(name + "/product", "MatMul", Map.of(), dims, x, w);
        return g.node(
                name,
                "Add",
                Map.of(),
                dims,
                product,
                vector(g, name + "/b", bias, "[O]", m.columns()));
    }

    /// @throws dev.runnel.MalformedModelException unless `x` has `count` features along `axis`, as
    ///   far as is known
    static void requireFeatures(Weight weight, Value x, int axis, long count) {
        if (x.rank() == 0 || x.dim(axis).isFixed() && x.dim(axis).size() != count) {
            throw weight.malformed(
                    "takes "
                            + count
                            + " features, '"
                            + x.name()
                            + "' has the shape "
                            + x.shapeText());
        }
    }

    private static Value vector(GraphBuilder g, String name, Weight w, String formula, long n) {
        return g.constant(
                name, Matrix.concat(Shape.of(n), List.of(Matrix.of(w.require(formula, n)))));
    }

    /// The rows of a table by their numbers.
    ///
    /// @param ids integers of any shape
    /// @param table \[count, E\]
    /// @throws dev.runnel.MalformedModelException unless the table is a matrix
    public static Value embedding(GraphBuilder g, String name, Value ids, Weight table) {
        table.require("[count, E]", -1, -1);
        if (!ids.dtype().isInteger()) {
            throw table.malformed(
                    "is looked up by integers, '" + ids.name() + "' is " + ids.dtype());
        }
        Matrix m = Matrix.of(table);
        Value t = g.constant(name + "/table", Matrix.concat(table.shape(), List.of(m)));
        List<Dim> dims = new ArrayList<>(ids.dims());
        dims.add(Dim.of(m.columns()));
        return g.node(name, "Gather", Map.of("axis", new Attribute.OfLong(0)), dims, t, ids);
    }

    /// A function of each element; of softmax and log_softmax, over the last axis.
    ///
    /// @throws IllegalArgumentException if the elements are no floats
    public static Value activation(GraphBuilder g, String name, Value x, Activation f) {
        if (!x.dtype().isFloat()) {
            throw new IllegalArgumentException(
                    "reads '" + x.name() + "' of " + x.dtype() + ", expected floats");
        }
        return f.isLinear() ? x : g.node(name, f.op(), f.attributes(), x.dims(), x);
    }

    /// (x − mean) / √(variance + ε) · scale + shift, over the last axis.
    ///
    /// @param shift \[I\], or null
    /// @throws dev.runnel.MalformedModelException if they do not fit together
    public static Value layerNorm(
            GraphBuilder g,
            String name,
            Value x,
            Weight scale,
            @Nullable Weight shift,
            float epsilon) {
        int n = scale.require("[I]", -1).size(0);
        requireFeatures(scale, x, -1, n);
        List<Value> in = new ArrayList<>(List.of(x, vector(g, name + "/scale", scale, "[I]", n)));
        if (shift != null) {
            in.add(vector(g, name + "/shift", shift, "[I]", n));
        }
        return g.node(
                name,
                "LayerNormalization",
                Map.of("axis", new Attribute.OfLong(-1), "epsilon", new Attribute.OfFloat(epsilon)),
                x.dims(),
                in.toArray(Value[]::new));
    }

    /// (x − mean) / √(variance + ε) · scale + shift with known mean and variance: x · a + b.
    ///
    /// @param scale \[C\] or null, as is `shift`
    /// @param axis of the channels; may count from the end
    /// @throws dev.runnel.MalformedModelException if they do not fit together
    public static Value batchNorm(
            GraphBuilder g,
            String name,
            Value x,
            @Nullable Weight scale,
            @Nullable Weight shift,
            Weight mean,
            Weight variance,
            double epsilon,
            int axis) {
        int n = mean.require("[C]", -1).size(0);
        variance.require("[C]", n);
        requireFeatures(mean, x, axis, n);
        float[] a = new float[n];
        float[] b = new float[n];
        for (int c = 0; c < n; c++) {
            double factor = 1 / Math.sqrt(variance.tensor().getDouble(c) + epsilon);
            factor *= scale == null ? 1 : scale.require("[C]", n).tensor().getDouble(c);
            double start = shift == null ? 0 : shift.require("[C]", n).tensor().getDouble(c);
            a[c] = (float) factor;
            b[c] = (float) (start - mean.tensor().getDouble(c) * factor);
        }
        int behind = x.rank() - 1 - x.axis(axis);
        long[] shape = new long[behind + 1];
        java.util.Arrays.fill(shape, 1);
        shape[0] = n;
        Value factors = g.constant(name + "/scale", Tensor.ofFloats(Shape.of(shape), a));
        Value starts = g.constant(name + "/shift", Tensor.ofFloats(Shape.of(shape), b));
        Value product = g.node(name + "/product", "Mul", Map.of(), x.dims(), x, factors);
        return g.node(name, "Add", Map.of(), x.dims(), product, starts);
    }

    /// Values side by side along `axis`, which may count from the end.
    ///
    /// @throws IllegalArgumentException if their ranks or other extents differ
    public static Value concat(GraphBuilder g, String name, List<Value> parts, int axis) {
        Value first = parts.getFirst();
        long sum = 0;
        for (Value v : parts) {
            if (v.rank() != first.rank() || !v.mayBe(first.with(axis, v.dim(axis)))) {
                throw new IllegalArgumentException(
                        "reads " + shapes(parts) + ", which cannot be joined along axis " + axis);
            }
            sum = sum < 0 || !v.dim(axis).isFixed() ? -1 : sum + v.dim(axis).size();
        }
        List<Dim> dims = first.with(axis, sum < 0 ? Value.unknown() : Dim.of(sum));
        Map<String, Attribute> attributes = Map.of("axis", new Attribute.OfLong(axis));
        return g.node(name, "Concat", attributes, dims, parts.toArray(Value[]::new));
    }

    /// An operator of two operands that are spread to one shape: `Add`, `Sub`, `Mul`; of more
    /// values, one after the other.
    ///
    /// @throws IllegalArgumentException if their shapes do not fit
    public static Value combine(GraphBuilder g, String name, String op, List<Value> parts) {
        Value all = parts.getFirst();
        for (int i = 1; i < parts.size(); i++) {
            Value next = parts.get(i);
            String node = i == parts.size() - 1 ? name : name + "/part";
            all = g.node(node, op, Map.of(), spread(all, next), all, next);
        }
        return all;
    }

    private static List<Dim> spread(Value a, Value b) {
        Value longer = a.rank() >= b.rank() ? a : b;
        Value shorter = longer == a ? b : a;
        List<Dim> dims = new ArrayList<>(longer.dims());
        for (int i = 1; i <= shorter.rank(); i++) {
            Dim l = longer.dim(-i);
            Dim s = shorter.dim(-i);
            if (l.isFixed()
                    && s.isFixed()
                    && l.size() != s.size()
                    && l.size() != 1
                    && s.size() != 1) {
                throw new IllegalArgumentException(
                        "reads " + shapes(List.of(a, b)) + ", which cannot be spread to one shape");
            }
            boolean other = l.isFixed() && l.size() == 1 || !l.isFixed() && s.size() > 1;
            dims.set(longer.rank() - i, other ? s : l);
        }
        return dims;
    }

    private static String shapes(List<Value> values) {
        List<String> texts =
                values.stream().map(v -> "'" + v.name() + "' " + v.shapeText()).toList();
        return String.join(", ", texts);
    }

    /// x with its axes in another order.
    ///
    /// @throws IllegalArgumentException unless `order` names each axis once
    public static Value transpose(GraphBuilder g, String name, Value x, int... order) {
        long[] sorted = java.util.Arrays.stream(order).sorted().asLongStream().toArray();
        if (!java.util.Arrays.equals(
                sorted, java.util.stream.LongStream.range(0, x.rank()).toArray())) {
            throw new IllegalArgumentException(
                    "has the order "
                            + java.util.Arrays.toString(order)
                            + ", which is none of the axes of "
                            + x.shapeText());
        }
        List<Dim> dims = new ArrayList<>();
        for (int a : order) {
            dims.add(x.dim(a));
        }
        long[] perm = java.util.Arrays.stream(order).asLongStream().toArray();
        return g.node(name, "Transpose", Map.of("perm", GraphBuilder.list(perm)), dims, x);
    }

    /// x in another shape.
    ///
    /// @param shape 0 for an extent of x's at the same place, −1 for what is left
    /// @throws IllegalArgumentException if x has not as many elements, as far as is known
    public static Value reshape(GraphBuilder g, String name, Value x, long... shape) {
        List<Dim> dims = new ArrayList<>();
        int open = -1;
        boolean sound = true;
        for (int a = 0; a < shape.length; a++) {
            sound &= shape[a] >= -1 && shape[a] <= Integer.MAX_VALUE;
            sound &= shape[a] != 0 || a < x.rank();
            sound &= shape[a] != -1 || open < 0;
            open = shape[a] == -1 ? a : open;
            Dim other = shape[a] > 0 ? Dim.of(shape[a]) : Value.unknown();
            dims.add(shape[a] == 0 && a < x.rank() ? x.dim(a) : other);
        }
        // What is copied from x is on either side, whatever its extent.
        List<Dim> before = new ArrayList<>();
        for (int a = 0; a < x.rank(); a++) {
            if (a >= shape.length || shape[a] != 0) {
                before.add(x.dim(a));
            }
        }
        long all = elements(before);
        long given = elements(LongStream.of(shape).filter(d -> d > 0).mapToObj(Dim::of).toList());
        if (all >= 0) {
            sound &= given > 0 && (open < 0 ? given == all : all % given == 0);
        }
        if (!sound) {
            throw new IllegalArgumentException(
                    "has the shape "
                            + java.util.Arrays.toString(shape)
                            + ", which '"
                            + x.name()
                            + "' "
                            + x.shapeText()
                            + " cannot have");
        }
        if (open >= 0 && all >= 0) {
            dims.set(open, Dim.of(all / given));
        }
        Value to = g.longs(name + "/shape", shape);
        return g.node(name, "Reshape", Map.of(), dims, x, to);
    }

    /// The product of extents; −1 if one is open, or if it is beyond 2⁶³.
    private static long elements(List<Dim> dims) {
        long product = 1;
        for (Dim d : dims) {
            boolean fits = d.isFixed() && Math.multiplyHigh(product, d.size()) == 0;
            product = fits ? product * d.size() : -1;
            if (product < 0) {
                return -1;
            }
        }
        return product;
    }

    /// x from its end to its beginning along `axis`.
    ///
    /// @throws IllegalArgumentException if there is no such axis
    public static Value flip(GraphBuilder g, String name, Value x, int axis) {
        return g.node(
                name,
                "Slice",
                Map.of(),
                x.dims(),
                x,
                g.longs(name + "/starts", -1),
                g.longs(name + "/ends", Long.MIN_VALUE),
                g.longs(name + "/axes", x.axis(axis)),
                g.longs(name + "/steps", -1));
    }

    /// The element of index `at` along `axis`, without that axis; −1 is the last.
    ///
    /// @throws IllegalArgumentException if there is no such axis, or nothing at that index
    public static Value pick(GraphBuilder g, String name, Value x, int axis, long at) {
        List<Dim> dims = x.without(axis);
        Dim all = x.dim(axis);
        if (all.isFixed() && (at < -all.size() || at >= all.size())) {
            throw new IllegalArgumentException(
                    "picks "
                            + at
                            + " along axis "
                            + axis
                            + " of '"
                            + x.name()
                            + "' "
                            + x.shapeText());
        }
        Value index = g.constant(name + "/index", Tensor.ofLongs(Shape.SCALAR, at));
        return g.node(name, "Gather", Map.of("axis", new Attribute.OfLong(axis)), dims, x, index);
    }

    /// The average of x along `axis`, each part weighted by the softmax of its product with
    /// `weight`: `Σₜ softmaxₜ(x[t]·w) · x[t]`, without that axis.
    ///
    /// @param x \[…, I\]
    /// @param weight \[I, 1\] or \[1, I\]
    /// @throws dev.runnel.MalformedModelException if they do not fit together
    public static Value attentionAverage(
            GraphBuilder g, String name, Value x, Weight weight, int axis) {
        boolean row = weight.rank() == 2 && weight.size(0) == 1;
        int n =
                weight.require(row ? "[1, I]" : "[I, 1]", row ? 1 : -1, row ? -1 : 1)
                        .size(row ? 1 : 0);
        requireFeatures(weight, x, -1, n);
        Value w =
                g.constant(name + "/W", Matrix.concat(Shape.of(n, 1), List.of(Matrix.of(weight))));
        List<Dim> dims = x.with(-1, Dim.of(1));
        Value scores = g.node(name + "/scores", "MatMul", Map.of(), dims, x, w);
        Map<String, Attribute> along = new LinkedHashMap<>();
        along.put("axis", new Attribute.OfLong(axis));
        Value shares = g.node(name + "/shares", "Softmax", along, dims, scores);
        Value parts = g.node(name + "/parts", "Mul", Map.of(), x.dims(), x, shares);
        List<Dim> without = x.without(axis);
        along.clear();
        along.put("keepdims", new Attribute.OfLong(0));
        return g.node(name, "ReduceSum", along, without, parts, g.longs(name + "/axes", axis));
    }

    /// x as elements of another type.
    public static Value cast(GraphBuilder g, String name, Value x, DType to) {
        Map<String, Attribute> attributes = Map.of("to", new Attribute.OfLong(to.onnxCode()));
        Value y = g.node(name, "Cast", attributes, x.dims(), x);
        return new Value(y.name(), to, y.dims());
    }
}
