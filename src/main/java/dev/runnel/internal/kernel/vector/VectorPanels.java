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

    /// As many vectors of both strands at a time as there are accumulators: in a panel made for
    /// vectors as wide as these, all of them.
    private static void oneLane(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        long row = p.rowBytes();
        long strand = p.strandBytes();
        MemorySegment init = p.continues() ? s : w;
        long from = p.continues() ? z : p.offset();
        long fromRight = p.continues() ? z + row : p.offset() + strand;
        long left = p.inputs();
        long end = p.end();
        long j = 0;
        for (; j + 4 * V <= row; j += 4 * V) {
            eight(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    end,
                    left + strand + j,
                    row,
                    s,
                    x,
                    z + j,
                    z + row + j);
        }
        if (j + 3 * V == row) {
            six(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    end,
                    left + strand + j,
                    row,
                    s,
                    x,
                    z + j,
                    z + row + j);
        } else if (j + 2 * V == row) {
            four(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    end,
                    left + strand + j,
                    row,
                    s,
                    x,
                    z + j,
                    z + row + j);
        } else if (j + V == row) {
            two(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    end,
                    left + strand + j,
                    row,
                    s,
                    x,
                    z + j,
                    z + row + j);
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
            long fromRight,
            MemorySegment w,
            long left,
            long end,
            long right,
            long row,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        FloatVector l0 = load(init, from);
        FloatVector l1 = load(init, from + V);
        FloatVector l2 = load(init, from + 2 * V);
        FloatVector l3 = load(init, from + 3 * V);
        FloatVector r0 = load(init, fromRight);
        FloatVector r1 = load(init, fromRight + V);
        FloatVector r2 = load(init, fromRight + 2 * V);
        FloatVector r3 = load(init, fromRight + 3 * V);
        while (left < end) {
            FloatVector xk = spread(s, x);
            l0 = load(w, left).fma(xk, l0);
            l1 = load(w, left + V).fma(xk, l1);
            l2 = load(w, left + 2 * V).fma(xk, l2);
            l3 = load(w, left + 3 * V).fma(xk, l3);
            r0 = load(w, right).fma(xk, r0);
            r1 = load(w, right + V).fma(xk, r1);
            r2 = load(w, right + 2 * V).fma(xk, r2);
            r3 = load(w, right + 3 * V).fma(xk, r3);
            left += row;
            right += row;
            x += 4;
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        l2.intoMemorySegment(s, z + 2 * V, LE);
        l3.intoMemorySegment(s, z + 3 * V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
        r2.intoMemorySegment(s, zRight + 2 * V, LE);
        r3.intoMemorySegment(s, zRight + 3 * V, LE);
    }

    private static void six(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long end,
            long right,
            long row,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        FloatVector l0 = load(init, from);
        FloatVector l1 = load(init, from + V);
        FloatVector l2 = load(init, from + 2 * V);
        FloatVector r0 = load(init, fromRight);
        FloatVector r1 = load(init, fromRight + V);
        FloatVector r2 = load(init, fromRight + 2 * V);
        while (left < end) {
            FloatVector xk = spread(s, x);
            l0 = load(w, left).fma(xk, l0);
            l1 = load(w, left + V).fma(xk, l1);
            l2 = load(w, left + 2 * V).fma(xk, l2);
            r0 = load(w, right).fma(xk, r0);
            r1 = load(w, right + V).fma(xk, r1);
            r2 = load(w, right + 2 * V).fma(xk, r2);
            left += row;
            right += row;
            x += 4;
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        l2.intoMemorySegment(s, z + 2 * V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
        r2.intoMemorySegment(s, zRight + 2 * V, LE);
    }

    private static void four(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long end,
            long right,
            long row,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        FloatVector l0 = load(init, from);
        FloatVector l1 = load(init, from + V);
        FloatVector r0 = load(init, fromRight);
        FloatVector r1 = load(init, fromRight + V);
        while (left < end) {
            FloatVector xk = spread(s, x);
            l0 = load(w, left).fma(xk, l0);
            l1 = load(w, left + V).fma(xk, l1);
            r0 = load(w, right).fma(xk, r0);
            r1 = load(w, right + V).fma(xk, r1);
            left += row;
            right += row;
            x += 4;
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
    }

    private static void two(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long end,
            long right,
            long row,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        FloatVector l0 = load(init, from);
        FloatVector r0 = load(init, fromRight);
        while (left < end) {
            FloatVector xk = spread(s, x);
            l0 = load(w, left).fma(xk, l0);
            r0 = load(w, right).fma(xk, r0);
            left += row;
            right += row;
            x += 4;
        }
        l0.intoMemorySegment(s, z, LE);
        r0.intoMemorySegment(s, zRight, LE);
    }

    private static void fourLanes(
            Panel p, MemorySegment w, MemorySegment s, long x, long xStride, long z, long zStride) {
        long row = p.rowBytes();
        if (!p.continues()) {
            for (int m = 0; m < 4; m++) {
                long at = z + m * zStride;
                MemorySegment.copy(w, p.offset(), s, at, row);
                MemorySegment.copy(w, p.offset() + p.strandBytes(), s, at + row, row);
            }
        }
        long left = p.inputs();
        long right = left + p.strandBytes();
        for (long j = 0; j < row; j += V) {
            fourByTwo(
                    w, left + j, right + j, row, p.to() - p.from(), s, x, xStride, z + j, zStride);
        }
    }

    /// Sixteen sums would keep the arithmetic busier, and exceed C2's budget of nodes.
    private static void fourByTwo(
            MemorySegment w,
            long left,
            long right,
            long row,
            int rows,
            MemorySegment s,
            long x0,
            long xStride,
            long z,
            long zStride) {
        long zRight = z + row;
        FloatVector a0 = load(s, z);
        FloatVector a1 = load(s, zRight);
        FloatVector b0 = load(s, z + zStride);
        FloatVector b1 = load(s, zRight + zStride);
        FloatVector c0 = load(s, z + 2 * zStride);
        FloatVector c1 = load(s, zRight + 2 * zStride);
        FloatVector d0 = load(s, z + 3 * zStride);
        FloatVector d1 = load(s, zRight + 3 * zStride);
        for (int k = 0; k < rows; k++) {
            long x = x0 + 4L * k;
            FloatVector w0 = load(w, left + k * row);
            FloatVector w1 = load(w, right + k * row);
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
        a1.intoMemorySegment(s, zRight, LE);
        b0.intoMemorySegment(s, z + zStride, LE);
        b1.intoMemorySegment(s, zRight + zStride, LE);
        c0.intoMemorySegment(s, z + 2 * zStride, LE);
        c1.intoMemorySegment(s, zRight + 2 * zStride, LE);
        d0.intoMemorySegment(s, z + 3 * zStride, LE);
        d1.intoMemorySegment(s, zRight + 3 * zStride, LE);
    }
}
