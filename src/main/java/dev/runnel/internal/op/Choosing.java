package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Where-16, `y = condition ? a : b` with broadcasting, and Not-1.
final class Choosing {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Where" -> new Where();
            case "Not" -> new Not();
            default -> null;
        };
    }

    private Choosing() {}

    private static void requireBool(Call call) {
        if (call.dtype(0) != DType.BOOL) {
            throw call.malformed("input 0 has element type " + call.dtype(0) + ", expected bool");
        }
    }

    private static final class Where implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(3, 3);
            requireBool(call);
            call.requireSameType(1, 2);
            Shape shape = Broadcast.shape(call, call.shape(0), call.shape(1), call.shape(2));
            return List.of(new TensorType(call.dtype(1), shape));
        }

        @Override
        public Program compile(Call call) {
            Shape out = call.outputTypes().getFirst().shape();
            Broadcast walk = Broadcast.of(out, call.shape(0), call.shape(1), call.shape(2));
            int size = call.dtype(1).byteSize();
            return bench -> bind(bench, walk, size);
        }

        private static Step bind(Bench bench, Broadcast walk, int size) {
            Operand c = bench.in(0);
            Operand a = bench.in(1);
            Operand b = bench.in(2);
            Operand y = bench.out(0);
            Broadcast.Cursor cursor = walk.cursor();
            int n = walk.length();
            int cs = walk.step(0);
            long as = (long) walk.step(1) * size;
            long bs = (long) walk.step(2) * size;
            if (n == 0) {
                return (from, to) -> {};
            }
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    long out = y.offset(row);
                    do {
                        long co = c.offset(row) + cursor.at(0);
                        long ao = a.offset(row) + size * cursor.at(1);
                        long bo = b.offset(row) + size * cursor.at(2);
                        if (cs == 0) {
                            boolean first = c.segment(row).get(JAVA_BYTE, co) != 0;
                            Operand source = first ? a : b;
                            take(
                                    size,
                                    n,
                                    source.segment(row),
                                    first ? ao : bo,
                                    first ? as : bs,
                                    y.segment(row),
                                    out);
                        } else {
                            choose(
                                    size,
                                    n,
                                    c.segment(row),
                                    co,
                                    a.segment(row),
                                    ao,
                                    as,
                                    b.segment(row),
                                    bo,
                                    bs,
                                    y.segment(row),
                                    out);
                        }
                        out += (long) n * size;
                    } while (cursor.next());
                }
            };
        }

        private static void take(
                int size, int n, MemorySegment x, long xo, long xs, MemorySegment y, long yo) {
            if (xs != 0) {
                MemorySegment.copy(x, xo, y, yo, (long) n * size);
            } else {
                Fill.fill(size, Fill.bits(size, x, xo), y, yo, n);
            }
        }

        private static void choose(
                int size,
                int n,
                MemorySegment c,
                long co,
                MemorySegment a,
                long ao,
                long as,
                MemorySegment b,
                long bo,
                long bs,
                MemorySegment y,
                long yo) {
            if (size == 4) {
                for (int i = 0; i < n; i++) {
                    int p = a.get(JAVA_INT_UNALIGNED, ao + i * as);
                    int q = b.get(JAVA_INT_UNALIGNED, bo + i * bs);
                    y.set(JAVA_INT_UNALIGNED, yo + 4L * i, c.get(JAVA_BYTE, co + i) != 0 ? p : q);
                }
                return;
            }
            for (int i = 0; i < n; i++) {
                boolean first = c.get(JAVA_BYTE, co + i) != 0;
                long bits = Fill.bits(size, first ? a : b, first ? ao + i * as : bo + i * bs);
                Fill.fill(size, bits, y, yo + (long) i * size, 1);
            }
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return Broadcast.timeObstacle(call, in, out);
        }
    }

    private static final class Not implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 1);
            requireBool(call);
            return List.of(call.type(0));
        }

        @Override
        public Program compile(Call call) {
            return bench -> {
                Operand x = bench.in(0);
                Operand y = bench.out(0);
                long n = y.type().shape().elements();
                return (from, to) -> {
                    for (int row = from; row < to; row++) {
                        MemorySegment xs = x.segment(row);
                        MemorySegment ys = y.segment(row);
                        long xo = x.offset(row);
                        long yo = y.offset(row);
                        for (long i = 0; i < n; i++) {
                            byte truth = (byte) (xs.get(JAVA_BYTE, xo + i) == 0 ? 1 : 0);
                            ys.set(JAVA_BYTE, yo + i, truth);
                        }
                    }
                };
            };
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return Broadcast.timeObstacle(call, in, out);
        }
    }
}
