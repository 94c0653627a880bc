package dev.runnel.internal.op;

import dev.runnel.graph.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// How a convolution's output pixels find their input: as runs of pixels that are evenly spaced in
/// the input, all seeing it through the same taps.
///
/// @param strides the input's stride along each axis, in elements; that of the last axis is 1 if
///   its positions are not sorted by remainder
/// @param split the number of remainders by which the last axis is sorted, or 1
/// @param length positions of one remainder
/// @param plane elements of one channel
/// @param run pixels in a run
/// @param starts for each run where its first pixel looks, in bytes
/// @param step bytes from one pixel of a run to the next
/// @param size bytes of an element
record Pixels(
        long[] strides,
        int split,
        int length,
        long plane,
        int run,
        long[] starts,
        long step,
        int size) {
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /// Zero in every type.
    static final MemorySegment ZERO = Arena.global().allocate(8, 8).asReadOnly();

    /// @param lanes whether the pixels of a run are to lie side by side
    /// @param copied whether the input is a copy that has just what is seen
    static Pixels of(Convolution.Axis[] axes, boolean lanes, boolean copied, DType dtype) {
        int rank = axes.length;
        Convolution.Axis last = axes[rank - 1];
        int split = lanes && copied ? last.step() : 1;
        int length = Math.ceilDiv(copied ? last.extent() : last.in(), split);
        long[] strides = new long[rank];
        long plane = (long) length * split;
        strides[rank - 1] = 1;
        for (int a = rank - 2; a >= 0; a--) {
            strides[a] = plane;
            plane = Math.multiplyExact(plane, copied ? axes[a].extent() : axes[a].in());
        }
        long step = split == last.step() ? 1 : last.step();
        int run = last.out();
        int outer = rank - 1;
        // Rows that go on at the same pace are one run.
        while (outer > 0 && axes[outer - 1].step() * strides[outer - 1] == run * step) {
            run = Math.multiplyExact(run, axes[--outer].out());
        }
        int rows = 1;
        for (int a = 0; a < outer; a++) {
            rows = Math.multiplyExact(rows, axes[a].out());
        }
        long[] starts = new long[run == 0 ? 0 : rows];
        for (int p = 0; p < starts.length; p++) {
            int rest = p;
            for (int a = outer - 1; a >= 0; a--) {
                starts[p] += rest % axes[a].out() * axes[a].step() * strides[a] * dtype.byteSize();
                rest /= axes[a].out();
            }
        }
        return new Pixels(
                strides,
                split,
                length,
                plane,
                run,
                starts,
                step * dtype.byteSize(),
                dtype.byteSize());
    }

    /// The number of output pixels.
    long count() {
        return (long) starts.length * run;
    }

    /// Where position `i` of the last axis lies, in elements.
    int column(int i) {
        return i % split * length + i / split;
    }

    /// The taps of one pixel: for each of `channels`, for each kernel position in row-major order.
    int[] taps(Convolution.Axis[] axes, int channels) {
        int positions = 1;
        for (Convolution.Axis a : axes) {
            positions *= a.kernel();
        }
        int[] taps = new int[channels * positions];
        for (int t = 0; t < taps.length; t++) {
            int rest = t % positions;
            long at = t / positions * plane;
            for (int a = axes.length - 1; a >= 0; a--) {
                int position = rest % axes[a].kernel() * axes[a].dilation();
                at += a == axes.length - 1 ? column(position) : position * strides[a];
                rest /= axes[a].kernel();
            }
            taps[t] = Math.toIntExact(at * size);
        }
        return taps;
    }
}
