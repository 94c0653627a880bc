package dev.runnel.internal.op;

import static dev.runnel.graph.DType.BFLOAT16;
import static dev.runnel.graph.DType.FLOAT16;
import static dev.runnel.graph.DType.FLOAT32;
import static dev.runnel.graph.DType.FLOAT64;
import static dev.runnel.graph.DType.INT32;
import static dev.runnel.graph.DType.INT64;
import static dev.runnel.graph.DType.UINT32;
import static dev.runnel.graph.DType.UINT64;

import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// `MatMul`: the product of matrices by NumPy's rules. A 1-D input is a row on the left and a
/// column on the right, whose axis then vanishes from the output; axes before the last two are
/// batches and are broadcast.
final class MatMul implements Operator {
    static final DType[] TYPES = {
        FLOAT32, FLOAT64, FLOAT16, BFLOAT16, INT32, INT64, UINT32, UINT64
    };

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        call.requireType(0, TYPES);
        requireSameType(call, 0, 1);
        return List.of(new TensorType(call.dtype(0), shape(call)));
    }

    /// The shape of the product of inputs 0 and 1.
    ///
    /// @throws dev.runnel.MalformedModelException if they do not go together
    static Shape shape(Call call) {
        Shape a = call.shape(0);
        Shape b = call.shape(1);
        if (a.rank() == 0 || b.rank() == 0) {
            throw call.malformed(
                    "inputs have shapes " + a + " and " + b + ", expected at least one axis each");
        }
        long k = a.dim(a.rank() - 1);
        int kAxis = Math.max(0, b.rank() - 2);
        if (b.dim(kAxis) != k) {
            throw call.malformed(
                    "input 1 has shape "
                            + b
                            + ", expected "
                            + k
                            + " along axis "
                            + kAxis
                            + " = the last of input 0's "
                            + a);
        }
        long[] batch = batch(call, a, b);
        int rank = batch.length;
        long[] dims = Arrays.copyOf(batch, rank + (a.rank() > 1 ? 1 : 0) + (b.rank() > 1 ? 1 : 0));
        if (a.rank() > 1) {
            dims[rank++] = a.dim(a.rank() - 2);
        }
        if (b.rank() > 1) {
            dims[rank] = b.dim(b.rank() - 1);
        }
        return call.shapeOf(dims);
    }

    /// @throws dev.runnel.MalformedModelException unless inputs `i` and `j` have one element type
    static void requireSameType(Call call, int i, int j) {
        if (call.dtype(i) != call.dtype(j)) {
            throw call.malformed(
                    "input "
                            + j
                            + " has element type "
                            + call.dtype(j)
                            + ", expected "
                            + call.dtype(i)
                            + " = that of input "
                            + i);
        }
    }

    /// What the axes before the last two are broadcast to.
    static long[] batch(Call call, Shape a, Shape b) {
        int rank = Math.max(0, Math.max(a.rank(), b.rank()) - 2);
        long[] batch = new long[rank];
        for (int i = 0; i < rank; i++) {
            long da = dim(a, rank, i);
            long db = dim(b, rank, i);
            if (da != db && da != 1 && db != 1) {
                throw call.malformed("batch axes of " + a + " and " + b + " cannot be broadcast");
            }
            batch[i] = da == 1 ? db : da;
        }
        return batch;
    }

    /// Axis `i` of the `rank` batch axes in `s`, which may have fewer.
    private static long dim(Shape s, int rank, int i) {
        int axis = i - rank + s.rank() - 2;
        return axis < 0 ? 1 : s.dim(axis);
    }

    @Override
    public Program compile(Call call) {
        Shape a = call.shape(0);
        Shape b = call.shape(1);
        int size = call.dtype(0).byteSize();
        int m = a.rank() > 1 ? a.size(a.rank() - 2) : 1;
        int k = a.size(a.rank() - 1);
        int n = b.rank() > 1 ? b.size(b.rank() - 1) : 1;
        long[] batch = batch(call, a, b);
        long[] aAt = {0};
        long[] bAt = {0};
        long groups = b.rank() > 2 ? b.elements(0, b.rank() - 2) : 1;
        if (groups == 1) {
            // One B for all: the batches of A are but more rows.
            m = Math.toIntExact(m * Shape.of(batch).elements());
        } else {
            aAt = offsets(a, batch, (long) m * k * size);
            bAt = offsets(b, batch, 1);
        }
        long[] cAt = new long[aAt.length];
        for (int i = 0; i < cAt.length; i++) {
            cAt[i] = (long) i * m * n * size;
        }
        Tensor weights = call.dtype(1) == FLOAT32 ? call.constant(1) : null;
        Panel.Source source = weights == null ? (_, _, _) -> 0 : new Panel.Rows(weights, k, n, 1);
        boolean streams = weights != null && call.precision(1) != Precision.F32;
        int count = Math.toIntExact(groups);
        Panel panel =
                weights == null || streams
                        ? null
                        : Panel.pack(call, weights, "matmul", Panel.ONE_ROW, count, k, n, source);
        if (weights == null) {
            for (int i = 0; i < bAt.length; i++) {
                bAt[i] *= (long) k * n * size;
            }
        }
        Product product =
                new Product(
                        call.dtype(0),
                        m,
                        n,
                        0,
                        1,
                        (long) k * size,
                        Panel.taps(k, size),
                        panel,
                        weights != null ? new int[0] : Panel.taps(k, (long) n * size),
                        (long) n * size,
                        aAt,
                        bAt,
                        cAt,
                        zeros(call, (long) n * size),
                        0);
        if (weights == null || !streams) {
            return product;
        }
        return StreamedProduct.pack(call, product, "matmul", List.of(weights), count, source, 1);
    }

    /// For each batch, in order, where its matrix starts in an input of shape `s` whose matrices
    /// are `step` apart.
    static long[] offsets(Shape s, long[] batch, long step) {
        long[] at = new long[Math.toIntExact(Shape.of(batch).elements())];
        for (int p = 0; p < at.length; p++) {
            long rest = p;
            long stride = step;
            for (int i = batch.length - 1; i >= 0; i--) {
                long d = dim(s, batch.length, i);
                at[p] += d == 1 ? 0 : rest % batch[i] * stride;
                rest /= batch[i];
                stride *= d;
            }
        }
        return at;
    }

    /// A start at zero, shared by all nodes of that width.
    static MemorySegment zeros(Call call, long bytes) {
        return call.weights().pack("zeros " + bytes, List.of(), bytes, s -> {});
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return obstacle(call, in);
    }

    static @Nullable String obstacle(Call call, int[] in) {
        int a = in[0] < 0 ? -1 : Math.max(1, call.shape(0).rank() - 1) - in[0];
        int b = in[1] < 0 ? -1 : call.shape(1).rank() - 1 - in[1];
        // Counted from the end: A's axis 0 and B's axis 1 (0 if it is 1-D) are summed over.
        if (in[0] >= 0 && in[0] == call.shape(0).rank() - 1) {
            return "sums over time";
        }
        if (in[1] >= 0 && in[1] == Math.max(0, call.shape(1).rank() - 2)) {
            return "sums over time";
        }
        if (in[0] >= 0 && in[1] >= 0 && a != b) {
            return "mixes time steps";
        }
        return null;
    }
}
