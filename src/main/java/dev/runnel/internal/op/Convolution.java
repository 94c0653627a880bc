package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.memory.Blocks;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// The program of Conv and ConvTranspose: each output is one chain, from the bias over input
/// channels, then kernel positions. It is a [DenseKernels] product in one of two ways, whichever
/// keeps more of the lanes busy:
///
/// - lanes are output pixels: A is a group's weights, B the input itself, its rows found by taps;
/// - lanes are output channels: A is the input, one row for each pixel, B the packed weights; the
///   result, pixels by channels, is turned round on its way to the output.
///
/// The input is read where it lies. Only where it has to be padded, spread apart (ConvTranspose is
/// a convolution of an input with zeros in between) or, for pixels in lanes with a stride, sorted
/// by its index modulo the stride, it is copied into scratch before.
final class Convolution implements Program {
    /// One spatial axis: input element i stands at position `i · spread + lead`; output o sees the
    /// positions `o · step + k · dilation`.
    record Axis(int in, int out, int kernel, int step, int dilation, int lead, int spread) {
        /// The positions that are seen.
        int extent() {
            return out == 0 ? 0 : Math.toIntExact((out - 1L) * step + (kernel - 1L) * dilation + 1);
        }

        boolean fits() {
            return lead == 0 && spread == 1 && extent() <= in;
        }
    }

    /// Where in the weights, as the node has them, a weight is.
    @FunctionalInterface
    interface WeightIndex {
        /// @param out output channel
        /// @param tap input channel of its group · kernel positions + kernel position
        long of(int out, int tap);
    }

    private final DType dtype;
    private final int batch;
    private final int groups;
    private final int groupIn;
    private final int groupOut;
    private final Axis[] axes;
    private final boolean natural;
    private final WeightIndex index;
    private final boolean channelLanes;
    private final @Nullable Panel panel;
    private final @Nullable MemorySegment packed;
    private final boolean hasBias;
    private final int k;
    private final Pixels pixels;
    private final @Nullable Spread spread;

    /// @param index where a weight is; null if the weights are `[M, C / groups, kernel …]`
    Convolution(Call call, Axis[] axes, int groups, int groupOut, @Nullable WeightIndex index) {
        this.dtype = call.dtype(0);
        this.axes = axes;
        this.groups = groups;
        this.groupOut = groupOut;
        batch = call.shape(0).size(0);
        groupIn = call.shape(0).size(1) / groups;
        natural = index == null;
        hasBias = call.has(2);
        int positions = 1;
        for (Axis a : axes) {
            positions = Math.multiplyExact(positions, a.kernel);
        }
        k = Math.multiplyExact(groupIn, positions);
        this.index = index != null ? index : (out, tap) -> (long) out * k + tap;
        Tensor weights = call.constant(1);
        int run = Pixels.of(axes, true, copies(axes, true), dtype).run();
        channelLanes = weights != null && dtype == FLOAT32 && channelsFill(run);
        boolean copy = copies(axes, !channelLanes);
        pixels = Pixels.of(axes, !channelLanes, copy, dtype);
        spread = copy ? Spread.of(axes, pixels, groups * groupIn, dtype) : null;
        panel = channelLanes && weights != null ? panel(call, weights) : null;
        packed = !channelLanes && !natural && weights != null ? pack(call, weights) : null;
    }

    private static boolean copies(Axis[] axes, boolean pixelLanes) {
        for (Axis a : axes) {
            if (!a.fits()) {
                return true;
            }
        }
        return pixelLanes && axes[axes.length - 1].step != 1;
    }

    /// Whether output channels make better lanes than `run` pixels: counts vectors of 16, and the
    /// turning round at about three of them an output.
    private boolean channelsFill(int run) {
        long byChannel = (long) run * (k * ((groupOut + 15L) / 16) + 3L * groupOut);
        long byPixel = (long) groupOut * k * ((run + 15L) / 16);
        return byChannel < byPixel;
    }

    private Panel panel(Call call, Tensor weights) {
        return Panel.pack(
                call,
                weights,
                "convolution natural=" + natural,
                Panel.ROWS,
                groups,
                k,
                groupOut,
                (g, tap, o) -> (float) weights.getDouble(index.of(g * groupOut + o, tap)));
    }

    private MemorySegment pack(Call call, Tensor weights) {
        long bytes = (long) groups * groupOut * k * dtype.byteSize();
        String layout = "convolution " + groups + "x" + groupOut + "x" + k;
        return call.weights()
                .pack(layout, List.of(weights), bytes, s -> reorder(weights.data(), 0, s, 0));
    }

    private void reorder(MemorySegment from, long fromAt, MemorySegment to, long toAt) {
        int size = dtype.byteSize();
        for (int out = 0; out < groups * groupOut; out++) {
            for (int tap = 0; tap < k; tap++) {
                long at = toAt + ((long) out * k + tap) * size;
                MemorySegment.copy(from, fromAt + index.of(out, tap) * size, to, at, size);
            }
        }
    }

    @Override
    public boolean reads(int i) {
        return i != 1 || (panel == null && packed == null);
    }

    @Override
    public String description() {
        return (channelLanes ? "channels" : "pixels")
                + " in lanes"
                + (spread != null ? ", input padded" : "");
    }

    @Override
    public long scratchBytes(int rows) {
        return aligned(inputBytes()) + aligned(weightBytes()) + turnBytes();
    }

    private static long aligned(long bytes) {
        return (bytes + 63) & -64;
    }

    private long inputBytes() {
        return spread == null ? 0 : (long) groups * groupIn * pixels.plane() * dtype.byteSize();
    }

    /// What weights in another order than ours take that are not known before.
    private long weightBytes() {
        return natural || panel != null || packed != null
                ? 0
                : (long) groups * groupOut * k * dtype.byteSize();
    }

    private long turnBytes() {
        return channelLanes ? 4L * pixels.run() * groupOut : 0;
    }

    @Override
    public Step bind(Bench bench) {
        return new Bound(bench)::run;
    }

    /// The convolution in one session's memory.
    private final class Bound {
        private final Operand x;
        private final @Nullable Operand w;
        private final @Nullable Operand bias;
        private final Operand y;
        private final DenseKernels dense;
        private final MemorySegment spreadInput;
        private final MemorySegment scratch;
        private final long reorderedAt = aligned(inputBytes());
        private final long turnAt = reorderedAt + aligned(weightBytes());
        private final int size = dtype.byteSize();
        private final int[] weightTaps = Panel.taps(channelLanes ? 0 : k, size);
        private final int[] taps = pixels.taps(axes, groupIn);

        /// From pixels by channels to channels by pixels.
        private final StridedCopy turn =
                new StridedCopy(
                        4,
                        new long[] {pixels.run(), groupOut},
                        new StridedCopy.Place(0, groupOut, 1),
                        new StridedCopy.Place(0, 1, pixels.count()));

        Bound(Bench bench) {
            x = bench.in(0);
            w = panel == null && packed == null ? bench.in(1) : null;
            bias = hasBias ? bench.in(2) : null;
            y = bench.out(0);
            dense = ElementDense.of(dtype, bench.kernels());
            scratch = bench.scratch();
            spreadInput = scratch.asSlice(0, inputBytes());
        }

        void run(int from, int to) {
            for (int r = from; r < to; r++) {
                MemorySegment weights = packed != null ? packed : scratch;
                long weightsAt = 0;
                if (w != null) {
                    weights = natural ? w.segment(r) : scratch;
                    weightsAt = natural ? w.offset(r) : reorderedAt;
                    if (!natural) {
                        reorder(w.segment(r), w.offset(r), scratch, reorderedAt);
                    }
                }
                for (int n = 0; n < batch; n++) {
                    image(r, n, weights, weightsAt);
                }
            }
        }

        private void image(int r, int n, MemorySegment weights, long weightsAt) {
            MemorySegment in = x.segment(r);
            long inAt = x.offset(r) + (long) n * groups * groupIn * inputPlane() * size;
            if (spread != null) {
                spread.copy(in, inAt, spreadInput);
                in = spreadInput;
                inAt = 0;
            }
            long plane = spread != null ? pixels.plane() : inputPlane();
            long outPlane = pixels.count();
            long outAt = y.offset(r) + n * groups * groupOut * outPlane * size;
            if (groupOut == 1 && groups > 1) {
                depthwise(r, in, inAt, weights, weightsAt, outAt);
                return;
            }
            for (int g = 0; g < groups; g++) {
                long xAt = inAt + g * groupIn * plane * size;
                long yAt = outAt + g * groupOut * outPlane * size;
                if (panel != null) {
                    channels(panel, r, g, in, xAt, yAt);
                } else {
                    begin(r, g * groupOut, groupOut, yAt);
                    pixels(g, in, xAt, weights, weightsAt, y.segment(r), yAt);
                }
            }
        }

        private long inputPlane() {
            long plane = 1;
            for (Axis a : axes) {
                plane *= a.in;
            }
            return plane;
        }

        /// Fills the outputs of `count` channels from `first` on with their bias.
        private void begin(int r, int first, int count, long yAt) {
            MemorySegment from = bias == null ? Pixels.ZERO : bias.segment(r);
            long fromAt = bias == null ? 0 : bias.offset(r) + (long) first * size;
            int n = Math.toIntExact(pixels.count());
            dense.begin(
                    count,
                    n,
                    from,
                    fromAt,
                    bias == null ? 0 : size,
                    y.segment(r),
                    yAt,
                    (long) n * size);
        }

        /// Each group has one output channel: a row of its own weights over its own input.
        private void depthwise(
                int r,
                MemorySegment in,
                long inAt,
                MemorySegment weights,
                long weightsAt,
                long yAt) {
            begin(r, 0, groups, yAt);
            long plane = spread != null ? pixels.plane() : inputPlane();
            long[] starts = pixels.starts();
            for (int row = 0; row < starts.length; row++) {
                dense.accumulateEach(
                        groups,
                        pixels.run(),
                        weights,
                        weightsAt,
                        (long) k * size,
                        weightTaps,
                        in,
                        inAt + starts[row],
                        groupIn * plane * size,
                        taps,
                        y.segment(r),
                        yAt + (long) row * pixels.run() * size,
                        pixels.count() * size);
            }
        }

        private void pixels(
                int g,
                MemorySegment in,
                long xAt,
                MemorySegment weights,
                long weightsAt,
                MemorySegment out,
                long yAt) {
            long wAt = weightsAt + (long) g * groupOut * k * size;
            long[] starts = pixels.starts();
            for (int row = 0; row < starts.length; row++) {
                dense.accumulate(
                        groupOut,
                        pixels.run(),
                        weights,
                        wAt,
                        (long) k * size,
                        weightTaps,
                        in,
                        xAt + starts[row],
                        taps,
                        out,
                        yAt + (long) row * pixels.run() * size,
                        pixels.count() * size);
            }
        }

        private void channels(Panel weights, int r, int g, MemorySegment in, long xAt, long yAt) {
            long[] starts = pixels.starts();
            int run = pixels.run();
            // One pixel's channels lie as the output wants them.
            boolean turned = pixels.count() != 1;
            MemorySegment to = turned ? scratch : y.segment(r);
            long toAt = turned ? turnAt : yAt;
            for (int row = 0; row < starts.length; row++) {
                for (int p = 0; p < run; p++) {
                    start(r, g, to, toAt + 4L * p * groupOut);
                }
                long step = 4L * groupOut;
                weights.accumulate(
                        dense, g, run, in, xAt + starts[row], pixels.step(), taps, to, toAt, step);
                if (turned) {
                    turn.run(scratch, turnAt, y.segment(r), yAt + 4L * row * run);
                }
            }
        }

        private void start(int r, int g, MemorySegment to, long at) {
            long bytes = 4L * groupOut;
            if (bias != null) {
                MemorySegment.copy(bias.segment(r), bias.offset(r) + g * bytes, to, at, bytes);
            } else {
                Blocks.clear(to, at, bytes);
            }
        }
    }
}
