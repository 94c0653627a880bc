package dev.runnel.internal.op;

import static dev.runnel.graph.DType.BFLOAT16;
import static dev.runnel.graph.DType.FLOAT16;
import static dev.runnel.graph.DType.FLOAT32;
import static dev.runnel.graph.DType.FLOAT64;
import static dev.runnel.graph.DType.INT32;
import static dev.runnel.graph.DType.INT64;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// `Pow`: base to the power of exponent, in the base's type whatever that of the exponent. Integers
/// to integral powers are exact and wrap around; all else is computed in double and rounded once.
final class Pow implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        call.requireType(0, FLOAT32, FLOAT64, FLOAT16, BFLOAT16, INT32, INT64);
        call.requireType(1, DTypes.NUMBERS);
        return List.of(
                new TensorType(call.dtype(0), Broadcast.shape(call, call.shape(0), call.shape(1))));
    }

    @Override
    public Program compile(Call call) {
        Shape out = call.outputTypes().getFirst().shape();
        Tensor exponent = call.constant(1);
        if (call.dtype(0) == FLOAT32
                && exponent != null
                && exponent.elements() == 1
                && exponent.getDouble(0) == 2
                && out.equals(call.shape(0))) {
            return new Square(Math.toIntExact(out.elements()));
        }
        return new General(
                call.dtype(0), call.dtype(1), Broadcast.of(out, call.shape(0), call.shape(1), out));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Broadcast.timeObstacle(call, in, out);
    }

    /// The power that models mean most often.
    private record Square(int n) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand in = bench.in(0);
            Operand out = bench.out(0);
            ArithmeticKernels kernels = bench.kernels().arithmetic();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    MemorySegment x = in.segment(r);
                    long at = in.offset(r);
                    kernels.apply(
                            BinaryFunction.MUL,
                            x,
                            at,
                            1,
                            x,
                            at,
                            1,
                            out.segment(r),
                            out.offset(r),
                            n);
                }
            };
        }

        @Override
        public boolean reads(int i) {
            return i == 0;
        }
    }

    private record General(DType base, DType exponent, Broadcast walk) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand e = bench.in(1);
            Operand out = bench.out(0);
            Broadcast.Cursor cursor = walk.cursor();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    cursor.start();
                    do {
                        for (int i = 0; i < walk.length(); i++) {
                            long xAt =
                                    x.offset(r)
                                            + (cursor.at(0) + i * walk.step(0)) * base.byteSize();
                            long eAt =
                                    e.offset(r)
                                            + (cursor.at(1) + i * walk.step(1))
                                                    * exponent.byteSize();
                            long at = out.offset(r) + (cursor.at(2) + i) * base.byteSize();
                            power(x.segment(r), xAt, e.segment(r), eAt, out.segment(r), at);
                        }
                    } while (cursor.next());
                }
            };
        }

        private void power(
                MemorySegment x, long xAt, MemorySegment e, long eAt, MemorySegment out, long at) {
            if (base.isInteger() && exponent.isInteger()) {
                long p = power(Elements.getLong(base, x, xAt), Elements.getLong(exponent, e, eAt));
                Elements.setLong(base, out, at, p);
            } else {
                double p =
                        StrictMath.pow(
                                Elements.getDouble(base, x, xAt),
                                Elements.getDouble(exponent, e, eAt));
                Elements.setDouble(base, out, at, p);
            }
        }

        /// The low 64 bits of `x` to the power of `e`; a negative power is truncated to an integer.
        private static long power(long x, long e) {
            if (e < 0) {
                return x == 1 ? 1 : x == -1 ? ((e & 1) == 0 ? 1 : -1) : 0;
            }
            long p = 1;
            for (long square = x, rest = e; rest != 0; rest >>>= 1, square *= square) {
                if ((rest & 1) != 0) {
                    p *= square;
                }
            }
            return p;
        }
    }
}
