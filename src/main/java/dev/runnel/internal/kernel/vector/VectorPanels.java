package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel times the inputs of one lane, or of four at once, by the Vector API at the width of
/// [Width]. The sums stay in registers while the panel's rows pass by.
///
/// With one lane the weights come from the second or third cache, and what counts is that memory is
/// read in ascending order by a small loop body. C2 unrolls a counted loop eightfold and sorts its
/// loads by accumulator, which halves the speed; the stride of the loops here is the panel's, so
/// that C2 cannot count them and leaves the order alone. With four lanes arithmetic is the limit.
final class VectorPanels implements PanelProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long x = at.x() + 4L * p.from();
        long z = at.z() + 4L * p.column();
        int m = 0;
        for (; m + 4 <= lanes; m += 4) {
            fourLanes(
                    p,
                    w,
                    s,
                    x + m * at.xStride(),
                    at.xStride(),
                    z + m * at.zStride(),
                    at.zStride());
        }
        for (; m < lanes; m++) {
            oneLane(p, w, s, x + m * at.xStride(), z + m * at.zStride());
        }
    }

    /// A panel made for wider vectors than these is taken in several stripes.
    private static void oneLane(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        long row = p.rowBytes();
        long first = p.inputs();
        long end = p.end();
        long start = p.continues() ? 0 : p.offset();
        for (long j = 0; j < row; ) {
            MemorySegment init = p.continues() ? s : w;
            long from = p.continues() ? z + j : start + j;
            long left = row - j;
            if (left >= 8 * V) {
                eight(init, from, w, first + j, end, row, s, x, z + j);
                j += 8 * V;
            } else if (left >= 6 * V) {
                six(init, from, w, first + j, end, row, s, x, z + j);
                j += 6 * V;
            } else if (left >= 4 * V) {
                four(init, from, w, first + j, end, row, s, x, z + j);
                j += 4 * V;
            } else if (left >= 2 * V) {
                two(init, from, w, first + j, end, row, s, x, z + j);
                j += 2 * V;
            } else {
                one(init, from, w, first + j, end, row, s, x, z + j);
                j += V;
            }
        }
    }

    private static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(F, s, offset, LE);
    }

    private static FloatVector spread(MemorySegment s, long offset) {
        return FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, offset));
    }

    private static void eight(
            MemorySegment init,
            long from,
            MemorySegment w,
            long at,
            long end,
            long row,
            MemorySegment s,
            long x,
            long z) {
        FloatVector z0 = load(init, from);
        FloatVector z1 = load(init, from + V);
        FloatVector z2 = load(init, from + 2 * V);
        FloatVector z3 = load(init, from + 3 * V);
        FloatVector z4 = load(init, from + 4 * V);
        FloatVector z5 = load(init, from + 5 * V);
        FloatVector z6 = load(init, from + 6 * V);
        FloatVector z7 = load(init, from + 7 * V);
        while (at < end) {
            FloatVector xk = spread(s, x);
            z0 = load(w, at).fma(xk, z0);
            z1 = load(w, at + V).fma(xk, z1);
            z2 = load(w, at + 2 * V).fma(xk, z2);
            z3 = load(w, at + 3 * V).fma(xk, z3);
            z4 = load(w, at + 4 * V).fma(xk, z4);
            z5 = load(w, at + 5 * V).fma(xk, z5);
            z6 = load(w, at + 6 * V).fma(xk, z6);
            z7 = load(w, at + 7 * V).fma(xk, z7);
            at += row;
            x += 4;
        }
        z0.intoMemorySegment(s, z, LE);
        z1.intoMemorySegment(s, z + V, LE);
        z2.intoMemorySegment(s, z + 2 * V, LE);
        z3.intoMemorySegment(s, z + 3 * V, LE);
        z4.intoMemorySegment(s, z + 4 * V, LE);
        z5.intoMemorySegment(s, z + 5 * V, LE);
        z6.intoMemorySegment(s, z + 6 * V, LE);
        z7.intoMemorySegment(s, z + 7 * V, LE);
    }

    private static void six(
            MemorySegment init,
            long from,
            MemorySegment w,
            long at,
            long end,
            long row,
            MemorySegment s,
            long x,
            long z) {
        FloatVector z0 = load(init, from);
        FloatVector z1 = load(init, from + V);
        FloatVector z2 = load(init, from + 2 * V);
        FloatVector z3 = load(init, from + 3 * V);
        FloatVector z4 = load(init, from + 4 * V);
        FloatVector z5 = load(init, from + 5 * V);
        while (at < end) {
            FloatVector xk = spread(s, x);
            z0 = load(w, at).fma(xk, z0);
            z1 = load(w, at + V).fma(xk, z1);
            z2 = load(w, at + 2 * V).fma(xk, z2);
            z3 = load(w, at + 3 * V).fma(xk, z3);
            z4 = load(w, at + 4 * V).fma(xk, z4);
            z5 = load(w, at + 5 * V).fma(xk, z5);
            at += row;
            x += 4;
        }
        z0.intoMemorySegment(s, z, LE);
        z1.intoMemorySegment(s, z + V, LE);
        z2.intoMemorySegment(s, z + 2 * V, LE);
        z3.intoMemorySegment(s, z + 3 * V, LE);
        z4.intoMemorySegment(s, z + 4 * V, LE);
        z5.intoMemorySegment(s, z + 5 * V, LE);
    }

    private static void four(
            MemorySegment init,
            long from,
            MemorySegment w,
            long at,
            long end,
            long row,
            MemorySegment s,
            long x,
            long z) {
        FloatVector z0 = load(init, from);
        FloatVector z1 = load(init, from + V);
        FloatVector z2 = load(init, from + 2 * V);
        FloatVector z3 = load(init, from + 3 * V);
        while (at < end) {
            FloatVector xk = spread(s, x);
            z0 = load(w, at).fma(xk, z0);
            z1 = load(w, at + V).fma(xk, z1);
            z2 = load(w, at + 2 * V).fma(xk, z2);
            z3 = load(w, at + 3 * V).fma(xk, z3);
            at += row;
            x += 4;
        }
        z0.intoMemorySegment(s, z, LE);
        z1.intoMemorySegment(s, z + V, LE);
        z2.intoMemorySegment(s, z + 2 * V, LE);
        z3.intoMemorySegment(s, z + 3 * V, LE);
    }

    private static void two(
            MemorySegment init,
            long from,
            MemorySegment w,
            long at,
            long end,
            long row,
            MemorySegment s,
            long x,
            long z) {
        FloatVector z0 = load(init, from);
        FloatVector z1 = load(init, from + V);
        while (at < end) {
            FloatVector xk = spread(s, x);
            z0 = load(w, at).fma(xk, z0);
            z1 = load(w, at + V).fma(xk, z1);
            at += row;
            x += 4;
        }
        z0.intoMemorySegment(s, z, LE);
        z1.intoMemorySegment(s, z + V, LE);
    }

    private static void one(
            MemorySegment init,
            long from,
            MemorySegment w,
            long at,
            long end,
            long row,
            MemorySegment s,
            long x,
            long z) {
        FloatVector z0 = load(init, from);
        while (at < end) {
            z0 = load(w, at).fma(spread(s, x), z0);
            at += row;
            x += 4;
        }
        z0.intoMemorySegment(s, z, LE);
    }

    private static void fourLanes(
            Panel p, MemorySegment w, MemorySegment s, long x, long xStride, long z, long zStride) {
        long row = p.rowBytes();
        if (!p.continues()) {
            for (int m = 0; m < 4; m++) {
                MemorySegment.copy(w, p.offset(), s, z + m * zStride, row);
            }
        }
        int rows = p.to() - p.from();
        long j = 0;
        for (; j + 2 * V <= row; j += 2 * V) {
            fourByTwo(w, p.inputs() + j, row, rows, s, x, xStride, z + j, zStride);
        }
        for (; j < row; j += V) {
            fourByOne(w, p.inputs() + j, row, rows, s, x, xStride, z + j, zStride);
        }
    }

    /// Sixteen sums would keep the arithmetic busier, and exceed C2's budget of nodes.
    private static void fourByTwo(
            MemorySegment w,
            long at,
            long row,
            int rows,
            MemorySegment s,
            long x0,
            long xStride,
            long z,
            long zStride) {
        FloatVector a0 = load(s, z);
        FloatVector a1 = load(s, z + V);
        FloatVector b0 = load(s, z + zStride);
        FloatVector b1 = load(s, z + zStride + V);
        FloatVector c0 = load(s, z + 2 * zStride);
        FloatVector c1 = load(s, z + 2 * zStride + V);
        FloatVector d0 = load(s, z + 3 * zStride);
        FloatVector d1 = load(s, z + 3 * zStride + V);
        for (int k = 0; k < rows; k++) {
            long o = at + k * row;
            long x = x0 + 4L * k;
            FloatVector w0 = load(w, o);
            FloatVector w1 = load(w, o + V);
            FloatVector xa = spread(s, x);
            a0 = w0.fma(xa, a0);
            a1 = w1.fma(xa, a1);
            FloatVector xb = spread(s, x + xStride);
            b0 = w0.fma(xb, b0);
            b1 = w1.fma(xb, b1);
            FloatVector xc = spread(s, x + 2 * xStride);
            c0 = w0.fma(xc, c0);
            c1 = w1.fma(xc, c1);
            FloatVector xd = spread(s, x + 3 * xStride);
            d0 = w0.fma(xd, d0);
            d1 = w1.fma(xd, d1);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + V, LE);
        b0.intoMemorySegment(s, z + zStride, LE);
        b1.intoMemorySegment(s, z + zStride + V, LE);
        c0.intoMemorySegment(s, z + 2 * zStride, LE);
        c1.intoMemorySegment(s, z + 2 * zStride + V, LE);
        d0.intoMemorySegment(s, z + 3 * zStride, LE);
        d1.intoMemorySegment(s, z + 3 * zStride + V, LE);
    }

    private static void fourByOne(
            MemorySegment w,
            long at,
            long row,
            int rows,
            MemorySegment s,
            long x0,
            long xStride,
            long z,
            long zStride) {
        FloatVector a = load(s, z);
        FloatVector b = load(s, z + zStride);
        FloatVector c = load(s, z + 2 * zStride);
        FloatVector d = load(s, z + 3 * zStride);
        for (int k = 0; k < rows; k++) {
            long x = x0 + 4L * k;
            FloatVector wk = load(w, at + k * row);
            a = wk.fma(spread(s, x), a);
            b = wk.fma(spread(s, x + xStride), b);
            c = wk.fma(spread(s, x + 2 * xStride), c);
            d = wk.fma(spread(s, x + 3 * xStride), d);
        }
        a.intoMemorySegment(s, z, LE);
        b.intoMemorySegment(s, z + zStride, LE);
        c.intoMemorySegment(s, z + 2 * zStride, LE);
        d.intoMemorySegment(s, z + 3 * zStride, LE);
    }
}
