package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.Reduction;
import dev.runnel.internal.kernel.UnaryFunction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// `Softmax` and `LogSoftmax` along one axis: with m the greatest x there and s = Σ exp(x − m),
/// `exp(x − m) / s` and `x − m − log(s)`.
final class Softmax implements Operator {
    private final boolean log;

    Softmax(boolean log) {
        this.log = log;
    }

    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", -1), call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, DTypes.FLOATS);
        axis(call);
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        int axis = axis(call);
        int outer = Math.toIntExact(x.elements(0, axis));
        int n = x.size(axis);
        int inner = Math.toIntExact(x.elements(axis + 1, x.rank()));
        return call.dtype(0) == FLOAT32
                ? new ByKernels(log, outer, n, inner)
                : new General(log, call.dtype(0), outer, n, inner);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == axis(call) ? "normalises over time" : null;
    }

    /// float32, x\[outer, n, inner\]; unless inner is 1, each column goes through a row of scratch.
    private record ByKernels(boolean log, int outer, int n, int inner) implements Program {
        /// Where in scratch a row begins: behind a number.
        private static final long ROW = 64;

        @Override
        public long scratchBytes(int rows) {
            return ROW + 8L * n;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            ArithmeticKernels sums = bench.kernels().arithmetic();
            ElementKernels functions = bench.kernels().elements();
            MemorySegment scratch = bench.scratch();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int p = 0; p < outer * inner; p++) {
                        long at = 4L * (p / inner * (long) n * inner + p % inner);
                        if (inner == 1) {
                            row(
                                    sums,
                                    functions,
                                    scratch,
                                    x.segment(r),
                                    x.offset(r) + at,
                                    y.segment(r),
                                    y.offset(r) + at);
                        } else {
                            copy(x.segment(r), x.offset(r) + at, 4L * inner, scratch, ROW, 4);
                            row(sums, functions, scratch, scratch, ROW, scratch, ROW);
                            copy(scratch, ROW, 4, y.segment(r), y.offset(r) + at, 4L * inner);
                        }
                    }
                }
            };
        }

        private void copy(
                MemorySegment from,
                long fromAt,
                long fromStep,
                MemorySegment to,
                long toAt,
                long toStep) {
            for (int i = 0; i < n; i++) {
                to.set(
                        JAVA_FLOAT_UNALIGNED,
                        toAt + i * toStep,
                        from.get(JAVA_FLOAT_UNALIGNED, fromAt + i * fromStep));
            }
        }

        private void row(
                ArithmeticKernels sums,
                ElementKernels functions,
                MemorySegment scratch,
                MemorySegment x,
                long xAt,
                MemorySegment y,
                long yAt) {
            scratch.set(JAVA_FLOAT_UNALIGNED, 0, sums.reduce(Reduction.MAX, x, xAt, n));
            sums.apply(BinaryFunction.SUB, x, xAt, 1, scratch, 0, 0, y, yAt, n);
            if (log) {
                long exp = ROW + 4L * n;
                functions.apply(UnaryFunction.EXP, y, yAt, scratch, exp, n);
                float sum = sums.reduce(Reduction.SUM, scratch, exp, n);
                scratch.set(JAVA_FLOAT_UNALIGNED, 0, (float) StrictMath.log(sum));
                sums.apply(BinaryFunction.SUB, y, yAt, 1, scratch, 0, 0, y, yAt, n);
            } else {
                functions.apply(UnaryFunction.EXP, y, yAt, y, yAt, n);
                scratch.set(JAVA_FLOAT_UNALIGNED, 0, sums.reduce(Reduction.SUM, y, yAt, n));
                sums.apply(BinaryFunction.DIV, y, yAt, 1, scratch, 0, 0, y, yAt, n);
            }
        }
    }

    private record General(boolean log, DType dtype, int outer, int n, int inner)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            int size = dtype.byteSize();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int p = 0; p < outer * inner; p++) {
                        long at = (p / inner * (long) n * inner + p % inner) * size;
                        row(x.segment(r), x.offset(r) + at, y.segment(r), y.offset(r) + at);
                    }
                }
            };
        }

        private void row(MemorySegment x, long xAt, MemorySegment y, long yAt) {
            long step = (long) inner * dtype.byteSize();
            double max = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                max = Math.max(max, Elements.getDouble(dtype, x, xAt + i * step));
            }
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += StrictMath.exp(Elements.getDouble(dtype, x, xAt + i * step) - max);
            }
            double logSum = StrictMath.log(sum);
            for (int i = 0; i < n; i++) {
                double v = Elements.getDouble(dtype, x, xAt + i * step) - max;
                Elements.setDouble(
                        dtype, y, yAt + i * step, log ? v - logSum : StrictMath.exp(v) / sum);
            }
        }
    }
}
