package dev.runnel.internal.op.recurrent;

import dev.runnel.graph.DType;
import dev.runnel.internal.kernel.RecurrentKernels;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Where an operand has the elements of a direction, a step and a batch entry: `d`, `t` and `n`
/// elements apart, `count` of them. Moves them between the operand and lanes, which are float32
/// whatever the operand is.
///
/// @param operand null if it is absent: then nothing is moved
record Slots(@Nullable Operand operand, DType dtype, long d, long t, long n, int count) {
    /// The lanes concerned: batch entries n … nTo − 1 of the rows row … rowTo − 1, in direction d.
    /// Set anew again and again, for a step makes no objects.
    static final class Range {
        int d;
        int row;
        int rowTo;
        int n;
        int nTo;

        void set(int d, int row, int rowTo, int n, int nTo) {
            this.d = d;
            this.row = row;
            this.rowTo = rowTo;
            this.n = n;
            this.nTo = nTo;
        }

        int lanes() {
            return (rowTo - row) * (nTo - n);
        }
    }

    private long at(Operand o, int row, int direction, int step, int entry) {
        return o.offset(row) + (direction * d + step * t + entry * n) * dtype.byteSize();
    }

    /// Brings step `step` of each lane to `to`, the lanes `stride` bytes apart.
    void load(
            RecurrentKernels kernels,
            Range r,
            int step,
            MemorySegment lanes,
            long to,
            long stride) {
        Operand o = operand;
        if (o == null) {
            return;
        }
        for (int row = r.row; row < r.rowTo; row++) {
            for (int entry = r.n; entry < r.nTo; entry++, to += stride) {
                long from = at(o, row, r.d, step, entry);
                if (dtype == DType.FLOAT32) {
                    kernels.copy(o.segment(row), from, lanes, to, count);
                } else {
                    convert(dtype, o.segment(row), from, DType.FLOAT32, lanes, to);
                }
            }
        }
    }

    /// As [#load]; zeros if the operand is absent.
    void loadOrZero(
            RecurrentKernels kernels,
            Range r,
            int step,
            MemorySegment lanes,
            long to,
            long stride) {
        if (operand != null) {
            load(kernels, r, step, lanes, to, stride);
            return;
        }
        for (int m = 0; m < r.lanes(); m++, to += stride) {
            zero(DType.FLOAT32, lanes, to);
        }
    }

    /// Takes step `step` of each lane from `from`, the lanes `stride` bytes apart.
    void store(
            RecurrentKernels kernels,
            Range r,
            int step,
            MemorySegment lanes,
            long from,
            long stride) {
        Operand o = operand;
        if (o == null) {
            return;
        }
        for (int row = r.row; row < r.rowTo; row++) {
            for (int entry = r.n; entry < r.nTo; entry++, from += stride) {
                long to = at(o, row, r.d, step, entry);
                if (dtype == DType.FLOAT32) {
                    kernels.copy(lanes, from, o.segment(row), to, count);
                } else {
                    convert(DType.FLOAT32, lanes, from, dtype, o.segment(row), to);
                }
            }
        }
    }

    /// Writes zeros to step `step` of one lane.
    void clear(int direction, int step, int row, int entry) {
        Operand o = operand;
        if (o != null) {
            zero(dtype, o.segment(row), at(o, row, direction, step, entry));
        }
    }

    private void zero(DType type, MemorySegment s, long at) {
        for (int i = 0; i < count; i++) {
            Elements.setDouble(type, s, at + (long) i * type.byteSize(), 0);
        }
    }

    private void convert(
            DType from, MemorySegment src, long srcAt, DType to, MemorySegment dst, long dstAt) {
        for (int i = 0; i < count; i++) {
            double v = Elements.getDouble(from, src, srcAt + (long) i * from.byteSize());
            Elements.setDouble(to, dst, dstAt + (long) i * to.byteSize(), v);
        }
    }
}
