package dev.runnel.internal.op;

import static dev.runnel.graph.DType.BFLOAT16;
import static dev.runnel.graph.DType.FLOAT16;
import static dev.runnel.graph.DType.FLOAT32;
import static dev.runnel.graph.DType.FLOAT64;
import static dev.runnel.graph.DType.INT8;
import static dev.runnel.graph.DType.UINT8;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// `MaxPool` and `AveragePool`: the greatest element in a moving window and where it is, or the
/// mean. Padding never wins a maximum; it counts as zeros in a mean if `count_include_pad` says so.
final class Pool implements Operator {
    private static final long SEEN_LIMIT = 1L << 27;

    private final boolean max;

    Pool(boolean max) {
        this.max = max;
    }

    private static Window window(Call call) {
        return Window.of(call, new long[0], call.flag("ceil_mode", false));
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        if (max) {
            call.requireType(0, FLOAT32, FLOAT64, FLOAT16, BFLOAT16, INT8, UINT8);
            call.flag("storage_order", false);
        } else {
            call.requireType(0, DTypes.FLOATS);
            call.flag("count_include_pad", false);
        }
        Window w = window(call);
        for (int i = 0; i < w.rank(); i++) {
            if (w.begin()[i] >= w.kernel()[i] * w.dilation()[i]
                    || w.end()[i] >= w.kernel()[i] * w.dilation()[i]) {
                throw call.malformed(
                        "attribute 'pads' pads axis "
                                + (i + 2)
                                + " by more than its kernel covers");
            }
        }
        long seen = saturated(saturated(1, w.out()), w.kernel());
        if (seen > SEEN_LIMIT) {
            throw call.unsupported(
                    "moves a kernel of "
                            + Arrays.toString(w.kernel())
                            + " to "
                            + Arrays.toString(w.out())
                            + " places; supported are "
                            + SEEN_LIMIT
                            + " positions in all");
        }
        Shape y = Conv.shape(call, call.shape(0).dim(1), w.out());
        TensorType values = new TensorType(call.dtype(0), y);
        return max ? List.of(values, new TensorType(DType.INT64, y)) : List.of(values);
    }

    /// `n` times all of `factors`, or something beyond the limit.
    private static long saturated(long n, long[] factors) {
        for (long f : factors) {
            n = f != 0 && n > SEEN_LIMIT / f ? SEEN_LIMIT + 1 : n * f;
        }
        return n;
    }

    @Override
    public Program compile(Call call) {
        Window w = window(call);
        Shape x = call.shape(0);
        return new Moving(
                call.dtype(0),
                max,
                Math.toIntExact(x.elements(0, 2)),
                x.elements(2, x.rank()),
                Views.of(w, !max && call.flag("count_include_pad", false)),
                call.wants(1) && max ? order(w, call.flag("storage_order", false)) : null);
    }

    /// For each element of a channel its index as `Indices` has it.
    private static long[] order(Window w, boolean columnMajor) {
        long[] order = new long[Math.toIntExact(Shape.of(w.in()).elements())];
        for (int p = 0; p < order.length; p++) {
            long rest = p;
            long stride = order.length;
            order[p] = p;
            if (columnMajor) {
                order[p] = 0;
                for (int a = w.rank() - 1; a >= 0; a--) {
                    stride /= w.in()[a];
                    order[p] += rest % w.in()[a] * stride;
                    rest /= w.in()[a];
                }
            }
        }
        return order;
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (max && out.length > 1 && call.wants(1)) {
            return "counts positions in the whole sequence";
        }
        return Window.timeObstacle(window(call), in[0] - 2);
    }

    /// What each output pixel sees: elements `seen[starts[p]]` … `seen[starts[p + 1] - 1]` of its
    /// channel, to be divided by `count[p]` for a mean.
    private record Views(int[] starts, int[] seen, int[] count) {
        static Views of(Window w, boolean countPadding) {
            int pixels = Math.toIntExact(Shape.of(w.out()).elements());
            int positions = Math.toIntExact(Shape.of(w.kernel()).elements());
            int[] starts = new int[pixels + 1];
            int[] seen = new int[Math.multiplyExact(pixels, positions)];
            int[] count = new int[pixels];
            int end = 0;
            for (int p = 0; p < pixels; p++) {
                for (int k = 0; k < positions; k++) {
                    long at = see(w, p, k);
                    if (at >= 0) {
                        seen[end++] = Math.toIntExact(at);
                    }
                    count[p] += at >= 0 || (countPadding && at == PADDING) ? 1 : 0;
                }
                starts[p + 1] = end;
            }
            return new Views(starts, Arrays.copyOf(seen, end), count);
        }

        private static final long PADDING = -1;
        private static final long BEYOND = -2;

        /// The element that pixel `p` sees at kernel position `k`, or that it is padding, or beyond
        /// it.
        private static long see(Window w, int p, int k) {
            long at = 0;
            long stride = 1;
            boolean padding = false;
            for (int a = w.rank() - 1; a >= 0; a--) {
                long i =
                        p % w.out()[a] * w.stride()[a]
                                + k % w.kernel()[a] * w.dilation()[a]
                                - w.begin()[a];
                if (i >= w.in()[a] + w.end()[a]) {
                    return BEYOND;
                }
                padding |= i < 0 || i >= w.in()[a];
                at += i * stride;
                stride *= w.in()[a];
                p = (int) (p / w.out()[a]);
                k = (int) (k / w.kernel()[a]);
            }
            return padding ? PADDING : at;
        }
    }

    /// @param order for each element of a channel its index; null if nobody asks for indices
    private record Moving(
            DType dtype,
            boolean max,
            int channels,
            long plane,
            Views views,
            long @Nullable [] order)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            Operand indices = order == null ? null : bench.out(1);
            int size = dtype.byteSize();
            int pixels = views.count.length;
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int c = 0; c < channels; c++) {
                        long xAt = x.offset(r) + c * plane * size;
                        for (int p = 0; p < pixels; p++) {
                            long at = (long) c * pixels + p;
                            if (max) {
                                int best = best(x.segment(r), xAt, p);
                                put(x.segment(r), xAt, best, y.segment(r), y.offset(r) + at * size);
                                if (indices != null && order != null) {
                                    long index = best < 0 ? 0 : c * plane + order[best];
                                    Elements.setLong(
                                            DType.INT64,
                                            indices.segment(r),
                                            indices.offset(r) + 8 * at,
                                            index);
                                }
                            } else {
                                double mean = mean(x.segment(r), xAt, p);
                                Elements.setDouble(
                                        dtype, y.segment(r), y.offset(r) + at * size, mean);
                            }
                        }
                    }
                }
            };
        }

        /// The first of the greatest elements that pixel `p` sees, -1 if it sees none.
        private int best(MemorySegment x, long xAt, int p) {
            int best = -1;
            double greatest = Double.NaN;
            for (int i = views.starts[p]; i < views.starts[p + 1]; i++) {
                int at = views.seen[i];
                double v = Elements.getDouble(dtype, x, xAt + (long) at * dtype.byteSize());
                if (best < 0 || v > greatest || (Double.isNaN(v) && !Double.isNaN(greatest))) {
                    best = at;
                    greatest = v;
                }
            }
            return best;
        }

        private void put(MemorySegment x, long xAt, int best, MemorySegment y, long yAt) {
            if (best >= 0) {
                MemorySegment.copy(
                        x, xAt + (long) best * dtype.byteSize(), y, yAt, dtype.byteSize());
            } else {
                double least =
                        dtype.isFloat() ? Double.NEGATIVE_INFINITY : dtype == INT8 ? -128 : 0;
                Elements.setDouble(dtype, y, yAt, least);
            }
        }

        private double mean(MemorySegment x, long xAt, int p) {
            double sum = 0;
            for (int i = views.starts[p]; i < views.starts[p + 1]; i++) {
                sum += Elements.getDouble(dtype, x, xAt + (long) views.seen[i] * dtype.byteSize());
            }
            return sum / views.count[p];
        }
    }

    /// `GlobalAveragePool` and `GlobalMaxPool`: over all spatial axes at once.
    static final class Global implements Operator {
        private final boolean max;

        Global(boolean max) {
            this.max = max;
        }

        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 1);
            call.requireType(0, DTypes.FLOATS);
            long[] ones = new long[Window.spatialRank(call)];
            Arrays.fill(ones, 1);
            return List.of(
                    new TensorType(call.dtype(0), Conv.shape(call, call.shape(0).dim(1), ones)));
        }

        @Override
        public Program compile(Call call) {
            return Reduce.overSpace(call, max);
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return in[0] >= 2 ? "reduces over time" : null;
        }
    }
}
