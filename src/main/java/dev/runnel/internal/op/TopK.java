package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// TopK-11: the K greatest elements along an axis, or the K least unless `largest`, best first, and
/// where they were. Of equal ones the first comes first; NaN is greater than all numbers. Where the
/// order is left open (`sorted` is 0) it is the same.
final class TopK implements Operator {
    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", -1), call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        call.requireType(0, DTypes.NUMBERS);
        int axis = axis(call);
        call.flag("largest", true);
        call.flag("sorted", true);
        long[] k = call.longs(1, "K");
        long n = call.shape(0).dim(axis);
        if (k.length != 1 || k[0] < 0 || k[0] > n) {
            throw call.malformed(
                    "K is "
                            + java.util.Arrays.toString(k)
                            + ", expected one number of at most "
                            + n
                            + ", the extent of axis "
                            + axis);
        }
        Shape y = call.shape(0).with(axis, k[0]);
        return List.of(new TensorType(call.dtype(0), y), new TensorType(DType.INT64, y));
    }

    @Override
    public Program compile(Call call) {
        int axis = axis(call);
        Shape x = call.shape(0);
        return new Best(
                call.dtype(0),
                call.flag("largest", true),
                x.elements(0, axis),
                x.dim(axis),
                x.elements(axis + 1, x.rank()),
                call.outputTypes().getFirst().shape().dim(axis));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == axis(call) ? "searches along time" : null;
    }

    /// x\[outer, n, inner\] → values and indices\[outer, k, inner\].
    private record Best(DType dtype, boolean largest, long outer, long n, long inner, long k)
            implements Program {
        @Override
        public boolean reads(int i) {
            return i == 0;
        }

        @Override
        public long scratchBytes(int rows) {
            return 8 * k;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand values = bench.outputs().getFirst();
            Operand indices = bench.outputs().size() > 1 ? bench.outputs().get(1) : null;
            int size = dtype.byteSize();
            var heap = new Heap(bench.scratch(), dtype, largest, inner * size);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long p = 0; p < outer * inner; p++) {
                        long at = x.offset(r) + (p / inner * n * inner + p % inner) * size;
                        heap.take(x.segment(r), at, n, k);
                        long target = p / inner * k * inner + p % inner;
                        for (long i = 0; i < k; i++) {
                            long index = heap.get(i);
                            if (values != null) {
                                long bits =
                                        Fill.bits(size, x.segment(r), at + index * inner * size);
                                long to0 = values.offset(r) + (target + i * inner) * size;
                                Fill.fill(size, bits, values.segment(r), to0, 1);
                            }
                            if (indices != null) {
                                indices.segment(r)
                                        .set(
                                                JAVA_LONG_UNALIGNED,
                                                indices.offset(r) + 8 * (target + i * inner),
                                                index);
                            }
                        }
                    }
                }
            };
        }
    }

    /// The best indices found so far, the worst of them at the root; in scratch, as it must not
    /// allocate.
    private static final class Heap {
        private final MemorySegment scratch;
        private final DType dtype;
        private final boolean largest;
        private final long step;
        private MemorySegment x = MemorySegment.NULL;
        private long xAt;

        Heap(MemorySegment scratch, DType dtype, boolean largest, long step) {
            this.scratch = scratch;
            this.dtype = dtype;
            this.largest = largest;
            this.step = step;
        }

        /// Finds the best `k` of the `n` elements from byte `at` on, best first.
        void take(MemorySegment x, long at, long n, long k) {
            this.x = x;
            this.xAt = at;
            for (long i = 0; i < k; i++) {
                set(i, i);
            }
            for (long i = k / 2 - 1; i >= 0; i--) {
                sift(i, k);
            }
            for (long i = k; i < n && k > 0; i++) {
                if (isBetter(i, get(0))) {
                    set(0, i);
                    sift(0, k);
                }
            }
            for (long end = k - 1; end > 0; end--) {
                long worst = get(0);
                set(0, get(end));
                set(end, worst);
                sift(0, end);
            }
        }

        long get(long i) {
            return scratch.get(JAVA_LONG_UNALIGNED, 8 * i);
        }

        private void set(long i, long index) {
            scratch.set(JAVA_LONG_UNALIGNED, 8 * i, index);
        }

        private boolean isBetter(long a, long b) {
            int order = ArgReduce.compare(dtype, x, xAt + a * step, xAt + b * step);
            return order == 0 ? a < b : (order > 0) == largest;
        }

        private void sift(long root, long size) {
            long i = root;
            long index = get(i);
            while (2 * i + 1 < size) {
                long child = 2 * i + 1;
                if (child + 1 < size && isBetter(get(child), get(child + 1))) {
                    child++;
                }
                if (!isBetter(index, get(child))) {
                    break;
                }
                set(i, get(child));
                i = child;
            }
            set(i, index);
        }
    }
}
