package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// ConvInteger-10: the convolution of 8-bit integers less their zero points, in int32. x has one
/// zero point, w one or one for each output channel; padding is what stands for 0.
///
/// For each run of output pixels along the last axis, what their windows see is gathered into a
/// matrix, taps by pixels, which each output channel's weights are multiplied with.
final class ConvInteger implements Operator {
    private static final int X = 0;
    private static final int W = 1;
    private static final int X_ZERO = 2;
    private static final int W_ZERO = 3;

    /// Pixels of a run: what they see shall stay in the second cache.
    private static final int RUN = 256;

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 4);
        Window w = Conv.window(call);
        Conv.channels(call);
        long outputs = call.shape(W).dim(0);
        IntegerProduct.check(call, X, X_ZERO, Shape.SCALAR, "one for all");
        IntegerProduct.check(call, W, W_ZERO, Shape.of(outputs), "[M]");
        return List.of(new TensorType(DType.INT32, Conv.shape(call, outputs, w.out())));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(X);
        Shape w = call.shape(W);
        int groups = Math.toIntExact(Conv.group(call));
        int taps = Math.toIntExact(w.elements(1, w.rank()));
        var image = new IntegerProduct.Side(X, X_ZERO, call.dtype(X), 1, 1, x.elements());
        var weights = new IntegerProduct.Side(W, W_ZERO, call.dtype(W), 1, w.dim(0), taps);
        return new Convolved(
                Conv.window(call),
                x.size(0),
                groups,
                x.size(1) / groups,
                w.size(0) / groups,
                taps,
                image,
                weights,
                weights.pack(call));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[X] == 1) {
            return "mixes channels";
        }
        for (int i = W; i < in.length; i++) {
            if (in[i] >= 0) {
                return "has weights that vary with time";
            }
        }
        return Window.timeObstacle(Conv.window(call), in[X] - 2);
    }

    /// @param taps input channels of a group by kernel positions
    /// @param packed the weights, widened; null if they are not constant
    private record Convolved(
            Window window,
            int batch,
            int groups,
            int groupIn,
            int groupOut,
            int taps,
            IntegerProduct.Side image,
            IntegerProduct.Side weights,
            @Nullable MemorySegment packed)
            implements Program {
        private int run() {
            return (int) Math.min(RUN, window.out()[window.rank() - 1]);
        }

        private long seenAt() {
            return image.byteSize() + (packed == null ? weights.byteSize() : 0);
        }

        @Override
        public long scratchBytes(int rows) {
            return seenAt() + 4L * taps * run();
        }

        @Override
        public boolean reads(int i) {
            return packed == null || (i != W && i != W_ZERO);
        }

        @Override
        public String description() {
            return packed == null ? "" : "packed " + weights.byteSize() + " bytes";
        }

        @Override
        public Step bind(Bench bench) {
            return new Bound(this, bench)::run;
        }
    }

    /// The convolution in one session's memory.
    private static final class Bound {
        private final Convolved c;
        private final Bench bench;
        private final Operand y;
        private final MemorySegment scratch;
        private final MemorySegment weights;
        private final long weightsAt;
        private final int[] sums;
        private final int last;
        private final long outPlane;
        private final long inPlane;

        /// Where the current run is: its index of each spatial axis of the output but the last.
        private final long[] place;

        Bound(Convolved c, Bench bench) {
            this.c = c;
            this.bench = bench;
            y = bench.out(0);
            scratch = bench.scratch();
            weights = c.packed == null ? scratch : c.packed;
            weightsAt = c.packed == null ? c.image.byteSize() : 0;
            sums = new int[c.run()];
            last = c.window.rank() - 1;
            place = new long[last];
            outPlane = Shape.of(c.window.out()).elements();
            inPlane = Shape.of(c.window.in()).elements();
        }

        void run(int from, int to) {
            for (int r = from; r < to; r++) {
                c.image.widen(bench, r, scratch, 0);
                if (c.packed == null) {
                    c.weights.widen(bench, r, scratch, weightsAt);
                }
                for (int g = 0; g < c.batch * c.groups; g++) {
                    long outLast = c.window.out()[last];
                    for (long line = 0; line < outPlane; line += outLast) {
                        placeAt(line / outLast);
                        for (long p = 0; p < outLast; p += RUN) {
                            int n = (int) Math.min(RUN, outLast - p);
                            gather(g, p, n);
                            long at = y.offset(r) + 4 * (g * c.groupOut * outPlane + line + p);
                            multiply(g % c.groups, n, y.segment(r), at);
                        }
                    }
                }
            }
        }

        private void placeAt(long line) {
            for (int a = last - 1; a >= 0; a--) {
                place[a] = line % c.window.out()[a];
                line /= c.window.out()[a];
            }
        }

        /// What `n` pixels from `p` on see of group `g`: taps by pixels.
        private void gather(int g, long p, int n) {
            long positions = c.taps / c.groupIn;
            long at = c.seenAt();
            for (int tap = 0; tap < c.taps; tap++) {
                long channel = (long) g * c.groupIn + tap / positions;
                long rest = tap % positions;
                long column = rest % c.window.kernel()[last];
                long line = line(rest / c.window.kernel()[last]);
                long from = 4 * (channel * inPlane + line * c.window.in()[last]);
                long first =
                        p * c.window.stride()[last]
                                + column * c.window.dilation()[last]
                                - c.window.begin()[last];
                for (int j = 0; j < n; j++) {
                    long i = first + j * c.window.stride()[last];
                    boolean inside = line >= 0 && i >= 0 && i < c.window.in()[last];
                    scratch.set(
                            JAVA_INT,
                            at + 4L * j,
                            inside ? scratch.get(JAVA_INT, from + 4 * i) : 0);
                }
                at += 4L * n;
            }
        }

        /// Which line of the input the current run sees at a position of the kernel's axes but the
        /// last; -1 if it is padding.
        private long line(long position) {
            long line = 0;
            long step = 1;
            for (int a = last - 1; a >= 0; a--) {
                long k = position % c.window.kernel()[a];
                position /= c.window.kernel()[a];
                long i =
                        place[a] * c.window.stride()[a]
                                + k * c.window.dilation()[a]
                                - c.window.begin()[a];
                if (i < 0 || i >= c.window.in()[a]) {
                    return -1;
                }
                line += i * step;
                step *= c.window.in()[a];
            }
            return line;
        }

        private void multiply(int group, int n, MemorySegment out, long at) {
            for (int m = 0; m < c.groupOut; m++) {
                long row = weightsAt + 4L * (group * c.groupOut + m) * c.taps;
                IntegerProduct.multiply(weights, row, c.taps, scratch, c.seenAt(), n, sums);
                MemorySegment.copy(sums, 0, out, JAVA_INT_UNALIGNED, at + 4 * m * outPlane, n);
            }
        }
    }
}
