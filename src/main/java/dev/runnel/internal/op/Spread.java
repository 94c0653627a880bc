package dev.runnel.internal.op;

import dev.runnel.graph.DType;

import java.lang.foreign.MemorySegment;

/// Copies a convolution's input to where its pixels look for it: padded with zeros, spread apart,
/// the last axis sorted by remainder, what nobody sees left out.
///
/// @param rowFrom for each row of a channel that is seen, where it lies in the input, in bytes
/// @param rowTo where it goes, in bytes
/// @param first the first element of a row that is seen
/// @param columns for each element of a row from there on that is seen where it goes, in bytes
/// @param together whether these are adjacent
/// @param planeFrom bytes of a channel of the input
/// @param planeTo bytes of a channel of the copy
record Spread(
        long[] rowFrom,
        long[] rowTo,
        int first,
        int[] columns,
        boolean together,
        long planeFrom,
        long planeTo,
        int size) {

    static Spread of(Convolution.Axis[] axes, Pixels pixels, DType dtype) {
        int size = dtype.byteSize();
        int rank = axes.length;
        Convolution.Axis last = axes[rank - 1];
        int first = first(last);
        int[] columns = new int[Math.max(0, end(last) - first)];
        boolean together = true;
        for (int i = 0; i < columns.length; i++) {
            columns[i] = Math.toIntExact((long) pixels.column(position(last, first + i)) * size);
            together &= columns[i] == columns[0] + i * size;
        }
        int rows = 1;
        long plane = last.in();
        for (int a = 0; a < rank - 1; a++) {
            rows = Math.multiplyExact(rows, Math.max(0, end(axes[a]) - first(axes[a])));
            plane *= axes[a].in();
        }
        long[] from = new long[rows];
        long[] to = new long[rows];
        for (int p = 0; p < rows; p++) {
            int rest = p;
            long stride = last.in();
            for (int a = rank - 2; a >= 0; a--) {
                int seen = end(axes[a]) - first(axes[a]);
                int i = first(axes[a]) + rest % seen;
                from[p] += i * stride * size;
                to[p] += position(axes[a], i) * pixels.strides()[a] * size;
                stride *= axes[a].in();
                rest /= seen;
            }
        }
        return new Spread(
                from, to, first, columns, together, plane * size, pixels.plane() * size, size);
    }

    private static int position(Convolution.Axis a, int i) {
        return i * a.spread() + a.lead();
    }

    /// The first element whose position is not negative.
    private static int first(Convolution.Axis a) {
        return Math.clamp(Math.ceilDiv(-a.lead(), a.spread()), 0, a.in());
    }

    /// The element behind the last one that is seen.
    private static int end(Convolution.Axis a) {
        return Math.clamp(Math.ceilDiv(a.extent() - a.lead(), a.spread()), first(a), a.in());
    }

    /// Copies `channels` channels; `to` is zeroed before.
    void copy(MemorySegment from, long fromAt, MemorySegment to, int channels) {
        to.fill((byte) 0);
        for (int c = 0; c < channels; c++) {
            for (int row = 0; row < rowFrom.length; row++) {
                long source = fromAt + c * planeFrom + rowFrom[row] + (long) first * size;
                long target = c * planeTo + rowTo[row];
                if (together && columns.length > 0) {
                    MemorySegment.copy(
                            from, source, to, target + columns[0], (long) columns.length * size);
                } else {
                    scatter(from, source, to, target);
                }
            }
        }
    }

    private void scatter(MemorySegment from, long source, MemorySegment to, long target) {
        for (int i = 0; i < columns.length; i++) {
            if (size == 4) {
                float v = from.get(Pixels.F32, source + 4L * i);
                to.set(Pixels.F32, target + columns[i], v);
            } else {
                MemorySegment.copy(from, source + (long) i * size, to, target + columns[i], size);
            }
        }
    }
}
