package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// `Clip`: `min(max(x, low), high)`, either bound optional; where low > high all becomes high.
final class Clip implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 3);
        call.requireType(0, DTypes.NUMBERS);
        for (int i = 1; i < 3; i++) {
            if (call.has(i)) {
                MatMul.requireSameType(call, 0, i);
                if (call.shape(i).elements() != 1) {
                    throw call.malformed(
                            "input " + i + " has shape " + call.shape(i) + ", expected a scalar");
                }
            }
        }
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        boolean low = call.has(1);
        boolean high = call.has(2);
        int n = Math.toIntExact(call.shape(0).elements());
        return low || high ? new Bounded(call.dtype(0), n, low, high) : Program.VIEW;
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] != out[0] || (in.length > 1 && in[1] >= 0) || (in.length > 2 && in[2] >= 0)
                ? "has bounds that vary with time"
                : null;
    }

    private record Bounded(DType dtype, int n, boolean low, boolean high) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand min = low ? bench.in(1) : null;
            Operand max = high ? bench.in(2) : null;
            Operand y = bench.out(0);
            ArithmeticKernels kernels = bench.kernels().arithmetic();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    if (min != null) {
                        bound(kernels, BinaryFunction.MAX, r, x, min, y);
                    }
                    if (max != null) {
                        bound(kernels, BinaryFunction.MIN, r, min == null ? x : y, max, y);
                    }
                }
            };
        }

        private void bound(
                ArithmeticKernels kernels,
                BinaryFunction f,
                int r,
                Operand x,
                Operand bound,
                Operand y) {
            MemorySegment src = x.segment(r);
            MemorySegment dst = y.segment(r);
            MemorySegment b = bound.segment(r);
            long bAt = bound.offset(r);
            if (dtype == FLOAT32) {
                kernels.apply(f, src, x.offset(r), 1, b, bAt, 0, dst, y.offset(r), n);
                return;
            }
            int size = dtype.byteSize();
            for (long i = 0; i < (long) n * size; i += size) {
                // The element is copied, not computed with, so that no bit of it changes.
                boolean beyond =
                        f == BinaryFunction.MAX
                                ? less(src, x.offset(r) + i, b, bAt)
                                : less(b, bAt, src, x.offset(r) + i);
                MemorySegment.copy(
                        beyond ? b : src,
                        beyond ? bAt : x.offset(r) + i,
                        dst,
                        y.offset(r) + i,
                        size);
            }
        }

        private boolean less(MemorySegment a, long aAt, MemorySegment b, long bAt) {
            if (dtype.isFloat()) {
                return Elements.getDouble(dtype, a, aAt) < Elements.getDouble(dtype, b, bAt);
            }
            long x = Elements.getLong(dtype, a, aAt);
            long y = Elements.getLong(dtype, b, bAt);
            return dtype == DType.UINT64 ? Long.compareUnsigned(x, y) < 0 : x < y;
        }
    }
}
