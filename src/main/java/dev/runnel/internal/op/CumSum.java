package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// CumSum-14, the running sum along an axis: `y[i] = x[0] + … + x[i]`, without `x[i]` if
/// `exclusive`, from the other end if `reverse`. float32 is summed in float32, one addition after
/// the other.
final class CumSum implements Operator {
    private static int axis(Call call) {
        long[] axis = call.longs(1, "axis");
        if (axis.length != 1) {
            throw call.malformed("axis has " + axis.length + " elements, expected one");
        }
        return call.axis("axis", axis[0], call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        call.requireType(0, DTypes.NUMBERS);
        axis(call);
        call.flag("exclusive", false);
        call.flag("reverse", false);
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        int axis = axis(call);
        Shape x = call.shape(0);
        return new Running(
                call.dtype(0),
                x.elements(0, axis),
                x.dim(axis),
                x.elements(axis + 1, x.rank()),
                call.flag("exclusive", false),
                call.flag("reverse", false));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == axis(call) ? "sums over time" : null;
    }

    /// x\[outer, n, inner\] → y of the same shape.
    private record Running(
            DType dtype, long outer, long n, long inner, boolean exclusive, boolean reverse)
            implements Program {
        @Override
        public boolean reads(int i) {
            return i == 0;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            int size = dtype.byteSize();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long p = 0; p < outer * inner; p++) {
                        long at = (p / inner * n * inner + p % inner) * size;
                        column(x.segment(r), x.offset(r) + at, y.segment(r), y.offset(r) + at);
                    }
                }
            };
        }

        private void column(MemorySegment x, long xAt, MemorySegment y, long yAt) {
            long step = inner * dtype.byteSize();
            double sum = 0;
            long whole = 0;
            for (long k = 0; k < n; k++) {
                long i = reverse ? n - 1 - k : k;
                if (dtype.isFloat()) {
                    double before = sum;
                    double v = sum + Elements.getDouble(dtype, x, xAt + i * step);
                    sum = dtype == DType.FLOAT32 ? (float) v : v;
                    Elements.setDouble(dtype, y, yAt + i * step, exclusive ? before : sum);
                } else {
                    long before = whole;
                    whole += Elements.getLong(dtype, x, xAt + i * step);
                    Elements.setLong(dtype, y, yAt + i * step, exclusive ? before : whole);
                }
            }
        }
    }
}
