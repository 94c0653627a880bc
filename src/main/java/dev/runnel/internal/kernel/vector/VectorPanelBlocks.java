package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel times the inputs of an even number of lanes, by the Vector API at the width of [Width]:
/// blocks of 4 or 2 lanes × 4 vectors of one strand, whose sums stay in registers for as many rows
/// as fill a part of the second cache; then the next lanes find these rows there. Arithmetic is the
/// limit.
///
/// The loop over the rows of the widest block strides by a constant, so that C2 checks all bounds
/// before it. That takes some 700 instructions a block: hence many rows to a block, though fewer
/// would stay in the first cache.
///
/// Sixteen sums come close to C2's budget of nodes. They fit because nothing in a block is called
/// but methods of the JDK that are inlined whatever the budget; a method of our own, and be it
/// `load(s, at)`, would be refused, and then every vector is an object. Nor is there a slice: for
/// one in ten processes C2 does not do without the object.
final class VectorPanelBlocks implements PanelProduct, StrandProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    /// Of 4 vectors of 512 bits: 128 kB.
    private static final int ROWS = 512;

    /// Bytes of a row of the widest block.
    private static final int ROW = 4 * V;

    /// Whether there are registers for 16 sums: processors with vectors of 512 bits have 32.
    private static final boolean WIDE = F.vectorBitSize() == 512;

    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        long z = at.z() + 4L * p.column();
        strand(p, w, p.offset(), p.inputs(), at, z, lanes);
        long right = p.strandBytes();
        strand(p, w, p.offset() + right, p.inputs() + right, at, z + p.rowBytes(), lanes);
    }

    @Override
    public void multiply(
            MemorySegment weights,
            long from,
            long rowBytes,
            int rows,
            Lanes at,
            long x,
            long z,
            int lanes) {
        rows(rowBytes, weights, from, rows, at.memory(), z, at.zStride(), at, x, z, lanes);
    }

    private static void strand(
            Panel p, MemorySegment w, long bias, long first, Lanes at, long z, int lanes) {
        boolean begun = p.continues();
        for (int k = p.from(); k < p.to(); k += ROWS) {
            int rows = Math.min(ROWS, p.to() - k);
            long from = first + (k - p.from()) * p.rowBytes();
            long x = at.x() + 4L * k;
            if (begun) {
                rows(p.rowBytes(), w, from, rows, at.memory(), z, at.zStride(), at, x, z, lanes);
            } else {
                rows(p.rowBytes(), w, from, rows, w, bias, 0, at, x, z, lanes);
            }
            begun = true;
        }
    }

    /// @param init where lane m's sums begin: at `start` + m · `startStride`
    private static void rows(
            long row,
            MemorySegment w,
            long from,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            Lanes at,
            long x,
            long z,
            int lanes) {
        MemorySegment s = at.memory();
        long xs = at.xStride();
        long is = startStride;
        long zs = at.zStride();
        int m = 0;
        for (; m + 4 <= lanes; m += 4, x += 4 * xs, z += 4 * zs, start += 4 * is) {
            if (WIDE && row == ROW) {
                block4x4(w, from, rows, init, start, is, s, x, xs, z, zs);
                continue;
            }
            long j = 0;
            for (; j + 2 * V <= row; j += 2 * V) {
                block4x2(w, from + j, row, rows, init, start + j, is, s, x, xs, z + j, zs);
            }
            if (j < row) {
                block4x1(w, from + j, row, rows, init, start + j, is, s, x, xs, z + j, zs);
            }
        }
        if (m < lanes) {
            long j = 0;
            for (; j + 4 * V <= row; j += 4 * V) {
                block2x4(w, from + j, row, rows, init, start + j, is, s, x, xs, z + j, zs);
            }
            for (; j + 2 * V <= row; j += 2 * V) {
                block2x2(w, from + j, row, rows, init, start + j, is, s, x, xs, z + j, zs);
            }
            if (j < row) {
                block2x1(w, from + j, row, rows, init, start + j, is, s, x, xs, z + j, zs);
            }
        }
    }

    private static void block4x4(
            MemorySegment w,
            long from,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long xC = x + 2 * xStride;
        long xD = x + 3 * xStride;
        long i1 = start + startStride;
        long i2 = i1 + startStride;
        long i3 = i2 + startStride;
        long z1 = z + zStride;
        long z2 = z1 + zStride;
        long z3 = z2 + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, init, start + V, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F, init, start + 2 * V, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, init, start + 3 * V, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F, init, i1 + V, LE);
        FloatVector b2 = FloatVector.fromMemorySegment(F, init, i1 + 2 * V, LE);
        FloatVector b3 = FloatVector.fromMemorySegment(F, init, i1 + 3 * V, LE);
        FloatVector c0 = FloatVector.fromMemorySegment(F, init, i2, LE);
        FloatVector c1 = FloatVector.fromMemorySegment(F, init, i2 + V, LE);
        FloatVector c2 = FloatVector.fromMemorySegment(F, init, i2 + 2 * V, LE);
        FloatVector c3 = FloatVector.fromMemorySegment(F, init, i2 + 3 * V, LE);
        FloatVector d0 = FloatVector.fromMemorySegment(F, init, i3, LE);
        FloatVector d1 = FloatVector.fromMemorySegment(F, init, i3 + V, LE);
        FloatVector d2 = FloatVector.fromMemorySegment(F, init, i3 + 2 * V, LE);
        FloatVector d3 = FloatVector.fromMemorySegment(F, init, i3 + 3 * V, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + (long) ROW * k;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F, w, wk + V, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F, w, wk + 2 * V, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F, w, wk + 3 * V, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            a1 = w1.fma(ak, a1);
            a2 = w2.fma(ak, a2);
            a3 = w3.fma(ak, a3);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
            b1 = w1.fma(bk, b1);
            b2 = w2.fma(bk, b2);
            b3 = w3.fma(bk, b3);
            FloatVector ck = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xC + at));
            c0 = w0.fma(ck, c0);
            c1 = w1.fma(ck, c1);
            c2 = w2.fma(ck, c2);
            c3 = w3.fma(ck, c3);
            FloatVector dk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xD + at));
            d0 = w0.fma(dk, d0);
            d1 = w1.fma(dk, d1);
            d2 = w2.fma(dk, d2);
            d3 = w3.fma(dk, d3);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + V, LE);
        a2.intoMemorySegment(s, z + 2 * V, LE);
        a3.intoMemorySegment(s, z + 3 * V, LE);
        b0.intoMemorySegment(s, z1, LE);
        b1.intoMemorySegment(s, z1 + V, LE);
        b2.intoMemorySegment(s, z1 + 2 * V, LE);
        b3.intoMemorySegment(s, z1 + 3 * V, LE);
        c0.intoMemorySegment(s, z2, LE);
        c1.intoMemorySegment(s, z2 + V, LE);
        c2.intoMemorySegment(s, z2 + 2 * V, LE);
        c3.intoMemorySegment(s, z2 + 3 * V, LE);
        d0.intoMemorySegment(s, z3, LE);
        d1.intoMemorySegment(s, z3 + V, LE);
        d2.intoMemorySegment(s, z3 + 2 * V, LE);
        d3.intoMemorySegment(s, z3 + 3 * V, LE);
    }

    private static void block4x2(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long xC = x + 2 * xStride;
        long xD = x + 3 * xStride;
        long i1 = start + startStride;
        long i2 = i1 + startStride;
        long i3 = i2 + startStride;
        long z1 = z + zStride;
        long z2 = z1 + zStride;
        long z3 = z2 + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, init, start + V, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F, init, i1 + V, LE);
        FloatVector c0 = FloatVector.fromMemorySegment(F, init, i2, LE);
        FloatVector c1 = FloatVector.fromMemorySegment(F, init, i2 + V, LE);
        FloatVector d0 = FloatVector.fromMemorySegment(F, init, i3, LE);
        FloatVector d1 = FloatVector.fromMemorySegment(F, init, i3 + V, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + k * row;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F, w, wk + V, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            a1 = w1.fma(ak, a1);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
            b1 = w1.fma(bk, b1);
            FloatVector ck = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xC + at));
            c0 = w0.fma(ck, c0);
            c1 = w1.fma(ck, c1);
            FloatVector dk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xD + at));
            d0 = w0.fma(dk, d0);
            d1 = w1.fma(dk, d1);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + V, LE);
        b0.intoMemorySegment(s, z1, LE);
        b1.intoMemorySegment(s, z1 + V, LE);
        c0.intoMemorySegment(s, z2, LE);
        c1.intoMemorySegment(s, z2 + V, LE);
        d0.intoMemorySegment(s, z3, LE);
        d1.intoMemorySegment(s, z3 + V, LE);
    }

    private static void block4x1(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long xC = x + 2 * xStride;
        long xD = x + 3 * xStride;
        long i1 = start + startStride;
        long i2 = i1 + startStride;
        long i3 = i2 + startStride;
        long z1 = z + zStride;
        long z2 = z1 + zStride;
        long z3 = z2 + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        FloatVector c0 = FloatVector.fromMemorySegment(F, init, i2, LE);
        FloatVector d0 = FloatVector.fromMemorySegment(F, init, i3, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + k * row;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
            FloatVector ck = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xC + at));
            c0 = w0.fma(ck, c0);
            FloatVector dk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xD + at));
            d0 = w0.fma(dk, d0);
        }
        a0.intoMemorySegment(s, z, LE);
        b0.intoMemorySegment(s, z1, LE);
        c0.intoMemorySegment(s, z2, LE);
        d0.intoMemorySegment(s, z3, LE);
    }

    private static void block2x4(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long i1 = start + startStride;
        long z1 = z + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, init, start + V, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F, init, start + 2 * V, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, init, start + 3 * V, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F, init, i1 + V, LE);
        FloatVector b2 = FloatVector.fromMemorySegment(F, init, i1 + 2 * V, LE);
        FloatVector b3 = FloatVector.fromMemorySegment(F, init, i1 + 3 * V, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + k * row;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F, w, wk + V, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F, w, wk + 2 * V, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F, w, wk + 3 * V, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            a1 = w1.fma(ak, a1);
            a2 = w2.fma(ak, a2);
            a3 = w3.fma(ak, a3);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
            b1 = w1.fma(bk, b1);
            b2 = w2.fma(bk, b2);
            b3 = w3.fma(bk, b3);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + V, LE);
        a2.intoMemorySegment(s, z + 2 * V, LE);
        a3.intoMemorySegment(s, z + 3 * V, LE);
        b0.intoMemorySegment(s, z1, LE);
        b1.intoMemorySegment(s, z1 + V, LE);
        b2.intoMemorySegment(s, z1 + 2 * V, LE);
        b3.intoMemorySegment(s, z1 + 3 * V, LE);
    }

    private static void block2x2(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long i1 = start + startStride;
        long z1 = z + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, init, start + V, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F, init, i1 + V, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + k * row;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F, w, wk + V, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            a1 = w1.fma(ak, a1);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
            b1 = w1.fma(bk, b1);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + V, LE);
        b0.intoMemorySegment(s, z1, LE);
        b1.intoMemorySegment(s, z1 + V, LE);
    }

    private static void block2x1(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment init,
            long start,
            long startStride,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long zStride) {
        C2.sharpen(s);
        long xA = x;
        long xB = x + xStride;
        long i1 = start + startStride;
        long z1 = z + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, init, start, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, init, i1, LE);
        for (int k = 0; k < rows; k++) {
            long at = 4L * k;
            long wk = from + k * row;
            FloatVector w0 = FloatVector.fromMemorySegment(F, w, wk, LE);
            FloatVector ak = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xA + at));
            a0 = w0.fma(ak, a0);
            FloatVector bk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xB + at));
            b0 = w0.fma(bk, b0);
        }
        a0.intoMemorySegment(s, z, LE);
        b0.intoMemorySegment(s, z1, LE);
    }
}
