package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Finds what tensors of a graph are as [Affine]: through MatMul or Gemm, Add, Sub, products with a
/// number, Split and Slice. Takes all tensors to be of rank 2, as those of a cell are; a fused node
/// says so when it is lowered.
final class Affines {
    private static final int MAX_DEPTH = 100;

    private final Net net;
    private final Constants constants;
    private final Map<String, @Nullable Affine> known = new HashMap<>();
    private int depth;

    Affines(Net net, Constants constants) {
        this.net = net;
        this.constants = constants;
    }

    /// What the tensor is; null if that is not known.
    @Nullable Affine find(String tensor) {
        if (!known.containsKey(tensor)) {
            Node node = net.producer(tensor);
            if (node == null || !node.domain().isEmpty() || depth == MAX_DEPTH) {
                return null;
            }
            depth++;
            Affine found = parse(node, tensor);
            depth--;
            known.put(tensor, found);
        }
        return known.get(tensor);
    }

    private @Nullable Affine parse(Node node, String output) {
        List<String> in = node.inputs();
        return switch (node.op()) {
            case "MatMul" -> in.size() == 2 ? product(in.get(0), in.get(1), false) : null;
            case "Gemm" -> in.size() >= 2 ? gemm(node) : null;
            case "Add" -> in.size() == 2 ? sum(in.get(0), in.get(1), 1) : null;
            case "Sub" -> in.size() == 2 ? sum(in.get(0), in.get(1), -1) : null;
            case "Mul" -> in.size() == 2 ? scaled(in.get(0), in.get(1)) : null;
            case "Div" -> in.size() == 2 ? divided(in.get(0), in.get(1)) : null;
            case "Identity" -> in.size() == 1 ? find(in.getFirst()) : null;
            case "Split" -> split(node, output);
            case "Slice" -> slice(node);
            default -> null;
        };
    }

    private @Nullable Affine product(String x, String w, boolean transposed) {
        Matrix m = Matrix.of(constants.find(net, w), transposed);
        return m == null ? null : Affine.of(x, m);
    }

    private @Nullable Affine gemm(Node node) {
        if (number(node, "transA", 0) != 0) {
            return null;
        }
        List<String> in = node.inputs();
        Affine product = product(in.get(0), in.get(1), number(node, "transB", 0) != 0);
        if (product == null) {
            return null;
        }
        product = product.times(number(node, "alpha", 1));
        if (in.size() < 3 || in.get(2).isEmpty()) {
            return product;
        }
        double beta = number(node, "beta", 1);
        double[] bias = bias(in.get(2), product.columns());
        if (bias != null) {
            return product.plus(Arrays.stream(bias).map(b -> b * beta).toArray());
        }
        Affine added = find(in.get(2));
        return added == null || added.columns() != product.columns()
                ? null
                : product.plus(added.times(beta));
    }

    private @Nullable Affine sum(String a, String b, int sign) {
        Affine left = find(a);
        Affine right = find(b);
        if (left != null && right != null) {
            return left.columns() == right.columns() ? left.plus(right.times(sign)) : null;
        }
        if (left != null) {
            double[] bias = bias(b, left.columns());
            return bias == null
                    ? null
                    : left.plus(Arrays.stream(bias).map(v -> v * sign).toArray());
        }
        double[] bias = right == null ? null : bias(a, right.columns());
        return right == null || bias == null ? null : right.times(sign).plus(bias);
    }

    private @Nullable Affine scaled(String a, String b) {
        Affine left = find(a);
        Affine of = left == null ? find(b) : left;
        double factor = constants.scalar(net, left == null ? a : b);
        return of == null || Double.isNaN(factor) ? null : of.times(factor);
    }

    private @Nullable Affine divided(String a, String b) {
        Affine of = find(a);
        double divisor = constants.scalar(net, b);
        return of == null || Double.isNaN(divisor) || divisor == 0 ? null : of.times(1 / divisor);
    }

    /// A constant row of that many columns, or one number for all; null if it is none.
    double @Nullable [] bias(String tensor, int columns) {
        Tensor t = constants.find(net, tensor);
        if (t == null || t.dtype() != DType.FLOAT32 || t.shape().rank() > 2) {
            return null;
        }
        Shape s = t.shape();
        boolean row = s.rank() > 0 && s.dim(s.rank() - 1) == columns && t.elements() == columns;
        if (!row && t.elements() != 1) {
            return null;
        }
        double[] bias = new double[columns];
        for (int j = 0; j < columns; j++) {
            bias[j] = t.getDouble(row ? j : 0);
        }
        return bias;
    }

    // ---- columns

    private @Nullable Affine split(Node node, String output) {
        Affine of = find(node.inputs().getFirst());
        if (of == null || !isLastAxis((long) number(node, "axis", 0))) {
            return null;
        }
        int n = node.outputs().size();
        int i = node.outputs().indexOf(output);
        long[] sizes = node.inputs().size() > 1 ? constants.longs(net, node.inputs().get(1)) : null;
        if (sizes == null) {
            boolean equal = node.inputs().size() < 2 || node.inputs().get(1).isEmpty();
            if (!equal || of.columns() % n != 0) {
                return null;
            }
            sizes = new long[n];
            Arrays.fill(sizes, of.columns() / n);
        }
        long from = 0;
        for (int k = 0; k < Math.min(i, sizes.length); k++) {
            from += sizes[k];
        }
        return i < sizes.length ? columns(of, from, from + sizes[i]) : null;
    }

    private @Nullable Affine slice(Node node) {
        List<String> in = node.inputs();
        Affine of = in.size() < 3 ? null : find(in.getFirst());
        if (of == null) {
            return null;
        }
        widthIsKnown(in.getFirst(), of.columns());
        long[] from = constants.longs(net, in.get(1));
        long[] to = constants.longs(net, in.get(2));
        long[] axes = in.size() > 3 ? constants.longs(net, in.get(3)) : null;
        long[] steps =
                in.size() > 4 && !in.get(4).isEmpty()
                        ? constants.longs(net, in.get(4))
                        : new long[] {1};
        if (from == null || to == null || axes == null || steps == null) {
            return null;
        }
        boolean one = from.length == 1 && to.length == 1 && axes.length == 1 && steps.length == 1;
        if (!one || !isLastAxis(axes[0]) || steps[0] != 1) {
            return null;
        }
        return columns(of, index(from[0], of.columns()), index(to[0], of.columns()));
    }

    private static long index(long i, int columns) {
        return Math.clamp(i < 0 ? i + columns : i, 0, columns);
    }

    private static @Nullable Affine columns(Affine of, long from, long to) {
        return from < 0 || from >= to || to > of.columns()
                ? null
                : of.columns((int) from, (int) to);
    }

    /// What exporters compute from the number of columns, where to slice, is a constant then.
    private void widthIsKnown(String tensor, int columns) {
        for (Node shape : net.readers(tensor)) {
            if (!Net.is(shape, "Shape") || !shape.attributes().isEmpty()) {
                continue;
            }
            for (Node gather : net.readers(shape.outputs().getFirst())) {
                long[] i =
                        Net.is(gather, "Gather") && gather.inputs().size() == 2
                                ? constants.longs(net, gather.inputs().get(1))
                                : null;
                if (i != null && i.length == 1 && isLastAxis(i[0])) {
                    Tensor index = constants.find(net, gather.inputs().get(1));
                    Shape form = index == null ? Shape.SCALAR : index.shape();
                    constants.put(net, gather.outputs().getFirst(), Tensor.ofLongs(form, columns));
                }
            }
        }
    }

    static boolean isLastAxis(long axis) {
        return axis == 1 || axis == -1;
    }

    static double number(Node node, String name, double otherwise) {
        return switch (node.attributes().get(name)) {
            case Attribute.OfLong(long v) -> v;
            case Attribute.OfFloat(float v) -> v;
            case null, default -> otherwise;
        };
    }
}
