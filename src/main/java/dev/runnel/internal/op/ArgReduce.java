package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// `ArgMax` and `ArgMin`: where along an axis the greatest or least element is; of equal ones the
/// first, or the last if `select_last_index` says so.
final class ArgReduce implements Operator {
    private final boolean max;

    ArgReduce(boolean max) {
        this.max = max;
    }

    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, DTypes.NUMBERS);
        int axis = axis(call);
        call.flag("select_last_index", false);
        Shape x = call.shape(0);
        if (x.dim(axis) == 0) {
            throw call.malformed(
                    "input 0 has shape "
                            + x
                            + ", expected at least one element along axis "
                            + axis);
        }
        if (call.flag("keepdims", true)) {
            return List.of(new TensorType(DType.INT64, x.with(axis, 1)));
        }
        long[] dims = x.dims();
        System.arraycopy(dims, axis + 1, dims, axis, dims.length - axis - 1);
        return List.of(new TensorType(DType.INT64, Shape.of(Arrays.copyOf(dims, dims.length - 1))));
    }

    @Override
    public Program compile(Call call) {
        int axis = axis(call);
        Shape x = call.shape(0);
        return new Search(
                call.dtype(0),
                max,
                call.flag("select_last_index", false),
                x.elements(0, axis),
                x.dim(axis),
                x.elements(axis + 1, x.rank()));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == axis(call) ? "searches along time" : null;
    }

    /// x\[outer, n, inner\] → y\[outer, inner\].
    private record Search(DType dtype, boolean max, boolean last, long outer, long n, long inner)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            int size = dtype.byteSize();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long p = 0; p < outer * inner; p++) {
                        long at = x.offset(r) + (p / inner * n * inner + p % inner) * size;
                        long found = search(dtype, max, last, x.segment(r), at, inner * size, n);
                        Elements.setLong(DType.INT64, y.segment(r), y.offset(r) + 8 * p, found);
                    }
                }
            };
        }
    }

    /// The index of the greatest or least of `n` elements, `step` bytes apart.
    ///
    /// @param last whether of equal ones the last is meant
    static long search(
            DType dtype, boolean max, boolean last, MemorySegment x, long at, long step, long n) {
        long best = 0;
        for (long i = 1; i < n; i++) {
            int order = compare(dtype, x, at + i * step, at + best * step);
            if (order == 0 ? last : (order > 0) == max) {
                best = i;
            }
        }
        return best;
    }

    /// Which of the elements at bytes `a` and `b` is greater; NaN is greater than all numbers.
    static int compare(DType dtype, MemorySegment x, long a, long b) {
        if (dtype.isFloat()) {
            double u = Elements.getDouble(dtype, x, a);
            double v = Elements.getDouble(dtype, x, b);
            return u == v ? 0 : Double.compare(u, v);
        }
        long u = Elements.getLong(dtype, x, a);
        long v = Elements.getLong(dtype, x, b);
        return dtype == DType.UINT64 ? Long.compareUnsigned(u, v) : Long.compare(u, v);
    }
}
