package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.runnel.graph.Shape;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Copies a box of elements from one strided place to another: the one mechanism behind Transpose,
/// Slice, Expand, Tile, Concat, Split and Pad. A stride may be 0 (repeat) or negative (reverse).
///
/// The box is simplified once, when it is made: axes that go on alike on both sides are joined, and
/// what lies contiguously on both sides is one unit, moved as an integer of 1, 2, 4 or 8 bytes or
/// as a block. Immutable; source and destination do not overlap.
final class StridedCopy {
    /// Where one side's elements lie, in elements: that of index i at `offset + Σ i[a]·strides[a]`.
    record Place(long offset, long... strides) {
        /// A packed tensor, row-major.
        static Place of(Shape shape) {
            long[] strides = new long[shape.rank()];
            long stride = 1;
            for (int a = strides.length - 1; a >= 0; a--) {
                strides[a] = stride;
                stride *= shape.dim(a);
            }
            return new Place(0, strides);
        }

        /// The same strides, but starting `index` further on along `axis`.
        Place from(int axis, long index) {
            return new Place(offset + index * strides[axis], strides);
        }
    }

    /// Bytes moved at once.
    private final long unit;

    private final long sourceOffset;
    private final long targetOffset;

    /// Extents of the box, outermost first, at least two; strides in bytes.
    private final int[] dims;

    private final long[] source;
    private final long[] target;

    /// @param elementBytes 1, 2, 4 or 8
    /// @param box the extents to be copied, as many as each side has strides
    /// @throws IllegalArgumentException if an axis that is not contiguous has more than 2^31 − 1
    ///   units
    StridedCopy(int elementBytes, long[] box, Place source, Place target) {
        int rank = 0;
        long[] d = new long[box.length];
        long[] s = new long[box.length];
        long[] t = new long[box.length];
        boolean empty = false;
        for (int a = 0; a < box.length; a++) {
            empty |= box[a] == 0;
            if (box[a] == 1) {
                continue;
            }
            long here = source.strides[a] * elementBytes;
            long there = target.strides[a] * elementBytes;
            if (rank > 0 && s[rank - 1] == here * box[a] && t[rank - 1] == there * box[a]) {
                d[rank - 1] *= box[a];
            } else {
                d[rank++] = box[a];
            }
            s[rank - 1] = here;
            t[rank - 1] = there;
        }
        long unit = elementBytes;
        if (rank > 0 && s[rank - 1] == unit && t[rank - 1] == unit) {
            unit *= d[--rank];
        } else if (rank > 1) {
            putLongestInside(rank, d, s, t);
        }
        this.unit = empty ? 0 : unit;
        this.sourceOffset = source.offset * elementBytes;
        this.targetOffset = target.offset * elementBytes;
        int padding = Math.max(0, 2 - rank);
        this.dims = new int[rank + padding];
        this.source = new long[rank + padding];
        this.target = new long[rank + padding];
        Arrays.fill(dims, 1);
        for (int a = 0; a < rank && !empty; a++) {
            if (d[a] > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "axis of " + d[a] + " elements cannot be copied");
            }
            dims[padding + a] = (int) d[a];
            this.source[padding + a] = s[a];
            this.target[padding + a] = t[a];
        }
    }

    /// A short innermost loop costs more than one whose writes lie apart.
    private static void putLongestInside(int rank, long[] d, long[] s, long[] t) {
        int last = rank - 1;
        int longest = last;
        for (int a = 0; a < last; a++) {
            longest = d[a] > d[longest] ? a : longest;
        }
        if (d[last] < 8 && longest != last) {
            for (long[] x : new long[][] {d, s, t}) {
                long swap = x[last];
                x[last] = x[longest];
                x[longest] = swap;
            }
        }
    }

    /// Whether nothing moves: the target gets the source's bytes in their order, from its start.
    boolean isIdentity() {
        return sourceOffset == 0 && targetOffset == 0 && Arrays.stream(dims).allMatch(d -> d == 1);
    }

    /// Copies. Offsets in bytes.
    void run(MemorySegment from, long fromOffset, MemorySegment to, long toOffset) {
        if (unit != 0) {
            walk(0, from, fromOffset + sourceOffset, to, toOffset + targetOffset);
        }
    }

    private void walk(int axis, MemorySegment from, long f, MemorySegment to, long t) {
        if (axis < dims.length - 2) {
            for (int i = 0; i < dims[axis]; i++) {
                walk(axis + 1, from, f + i * source[axis], to, t + i * target[axis]);
            }
            return;
        }
        int n = dims[axis + 1];
        long fs = source[axis + 1];
        long ts = target[axis + 1];
        for (int i = 0; i < dims[axis]; i++) {
            row(unit, n, from, f + i * source[axis], fs, to, t + i * target[axis], ts);
        }
    }

    private static void row(
            long unit,
            int n,
            MemorySegment from,
            long f,
            long fs,
            MemorySegment to,
            long t,
            long ts) {
        switch ((int) Math.min(unit, 9)) {
            case 1 -> row1(n, from, f, fs, to, t, ts);
            case 2 -> row2(n, from, f, fs, to, t, ts);
            case 4 -> row4(n, from, f, fs, to, t, ts);
            case 8 -> row8(n, from, f, fs, to, t, ts);
            default -> {
                for (int i = 0; i < n; i++) {
                    block(unit, from, f + i * fs, to, t + i * ts);
                }
            }
        }
    }

    /// Short blocks are faster by the word. The last word may overlap the one before.
    static void block(long bytes, MemorySegment from, long f, MemorySegment to, long t) {
        if (bytes < 8 || bytes > 128) {
            MemorySegment.copy(from, f, to, t, bytes);
            return;
        }
        int last = (int) bytes - 8;
        for (int i = 0; i < last; i += 8) {
            to.set(JAVA_LONG_UNALIGNED, t + i, from.get(JAVA_LONG_UNALIGNED, f + i));
        }
        to.set(JAVA_LONG_UNALIGNED, t + last, from.get(JAVA_LONG_UNALIGNED, f + last));
    }

    private static void row1(
            int n, MemorySegment from, long f, long fs, MemorySegment to, long t, long ts) {
        for (int i = 0; i < n; i++) {
            to.set(JAVA_BYTE, t + i * ts, from.get(JAVA_BYTE, f + i * fs));
        }
    }

    private static void row2(
            int n, MemorySegment from, long f, long fs, MemorySegment to, long t, long ts) {
        for (int i = 0; i < n; i++) {
            to.set(JAVA_SHORT_UNALIGNED, t + i * ts, from.get(JAVA_SHORT_UNALIGNED, f + i * fs));
        }
    }

    private static void row4(
            int n, MemorySegment from, long f, long fs, MemorySegment to, long t, long ts) {
        if (ts == 4) {
            for (int i = 0; i < n; i++) {
                to.set(JAVA_INT_UNALIGNED, t + 4L * i, from.get(JAVA_INT_UNALIGNED, f + i * fs));
            }
            return;
        }
        if (fs == 4) {
            for (int i = 0; i < n; i++) {
                to.set(JAVA_INT_UNALIGNED, t + i * ts, from.get(JAVA_INT_UNALIGNED, f + 4L * i));
            }
            return;
        }
        for (int i = 0; i < n; i++) {
            to.set(JAVA_INT_UNALIGNED, t + i * ts, from.get(JAVA_INT_UNALIGNED, f + i * fs));
        }
    }

    private static void row8(
            int n, MemorySegment from, long f, long fs, MemorySegment to, long t, long ts) {
        if (ts == 8) {
            for (int i = 0; i < n; i++) {
                to.set(JAVA_LONG_UNALIGNED, t + 8L * i, from.get(JAVA_LONG_UNALIGNED, f + i * fs));
            }
            return;
        }
        if (fs == 8) {
            for (int i = 0; i < n; i++) {
                to.set(JAVA_LONG_UNALIGNED, t + i * ts, from.get(JAVA_LONG_UNALIGNED, f + 8L * i));
            }
            return;
        }
        for (int i = 0; i < n; i++) {
            to.set(JAVA_LONG_UNALIGNED, t + i * ts, from.get(JAVA_LONG_UNALIGNED, f + i * fs));
        }
    }
}
