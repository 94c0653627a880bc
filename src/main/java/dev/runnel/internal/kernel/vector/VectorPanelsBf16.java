package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel of bfloat16 weights times the inputs of the lanes, by the Vector API at the width of
/// [Width]. An int holds two weights, which a mask and a shift turn into floats, exactly; so a row
/// takes half the bytes of float32 and one instruction more for each vector.
///
/// Four lanes share what was unpacked, in blocks as [VectorPanelBlocks] has them, whose notes on C2
/// hold here too: hence no method of our own in a block. Many lanes are left to
/// [VectorPanelsUnpacked].
final class VectorPanelsBf16 implements PanelProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    /// Rows of 128 weights that fill two thirds of a first cache of 48 kB.
    private static final int ROWS = 128;

    private final PanelProduct unpacked =
            Width.<PanelProduct>copy(VectorPanelsUnpacked.class, F.vectorBitSize());

    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long z = at.z() + 4L * p.column();
        for (int m = 0; !p.continues() && m < lanes; m++) {
            MemorySegment.copy(w, p.offset(), s, z + m * at.zStride(), 4L * p.width());
        }
        int many = lanes < Lanes.UNPACKING ? 0 : lanes & -2;
        if (many > 0) {
            unpacked.multiply(p, w, at, many);
        }
        int fours = lanes - (lanes - many) % 4;
        for (int k = p.from(); many < fours && k < p.to(); k += ROWS) {
            long from = p.inputs() + (k - p.from()) * p.rowBytes();
            int rows = Math.min(ROWS, p.to() - k);
            long x = at.x() + 4L * k;
            for (int m = many; m < fours; m += 4) {
                long xm = x + m * at.xStride();
                fourLanes(p, w, from, rows, at, xm, z + m * at.zStride());
            }
        }
        for (int m = fours; m < lanes; m++) {
            oneLane(p, w, s, at.x() + m * at.xStride() + 4L * p.from(), z + m * at.zStride());
        }
    }

    private static void fourLanes(
            Panel p, MemorySegment w, long from, int rows, Lanes at, long x, long z) {
        MemorySegment s = at.memory();
        long row = p.rowBytes();
        long xs = at.xStride();
        long zs = at.zStride();
        for (long j = 0; j < row; j += V) {
            block4x1(w, from + j, row, rows, s, x, xs, z + j, row, zs);
        }
    }

    private static void oneLane(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        long row = p.rowBytes();
        int rows = p.to() - p.from();
        long from = p.inputs();
        long j = 0;
        for (; j + 4 * V <= row; j += 4 * V) {
            block1x4(w, from + j, row, rows, s, x, z + j, row);
        }
        for (; j + 2 * V <= row; j += 2 * V) {
            block1x2(w, from + j, row, rows, s, x, z + j, row);
        }
        if (j < row) {
            block1x1(w, from + j, row, rows, s, x, z + j, row);
        }
    }

    private static void block1x4(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long part) {
        C2.sharpen(s);
        FloatVector a0 = FloatVector.fromMemorySegment(F, s, z, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, s, z + part, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F, s, z + V, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, s, z + part + V, LE);
        FloatVector a4 = FloatVector.fromMemorySegment(F, s, z + 2 * V, LE);
        FloatVector a5 = FloatVector.fromMemorySegment(F, s, z + part + 2 * V, LE);
        FloatVector a6 = FloatVector.fromMemorySegment(F, s, z + 3 * V, LE);
        FloatVector a7 = FloatVector.fromMemorySegment(F, s, z + part + 3 * V, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector i0 = IntVector.fromMemorySegment(I, w, wk, LE);
            IntVector i1 = IntVector.fromMemorySegment(I, w, wk + V, LE);
            IntVector i2 = IntVector.fromMemorySegment(I, w, wk + 2 * V, LE);
            IntVector i3 = IntVector.fromMemorySegment(I, w, wk + 3 * V, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            a0 = i0.and(UPPER).reinterpretAsFloats().fma(xa, a0);
            a1 = i0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a1);
            a2 = i1.and(UPPER).reinterpretAsFloats().fma(xa, a2);
            a3 = i1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a3);
            a4 = i2.and(UPPER).reinterpretAsFloats().fma(xa, a4);
            a5 = i2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a5);
            a6 = i3.and(UPPER).reinterpretAsFloats().fma(xa, a6);
            a7 = i3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a7);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
        a2.intoMemorySegment(s, z + V, LE);
        a3.intoMemorySegment(s, z + part + V, LE);
        a4.intoMemorySegment(s, z + 2 * V, LE);
        a5.intoMemorySegment(s, z + part + 2 * V, LE);
        a6.intoMemorySegment(s, z + 3 * V, LE);
        a7.intoMemorySegment(s, z + part + 3 * V, LE);
    }

    private static void block1x2(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long part) {
        C2.sharpen(s);
        FloatVector a0 = FloatVector.fromMemorySegment(F, s, z, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, s, z + part, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F, s, z + V, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, s, z + part + V, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector i0 = IntVector.fromMemorySegment(I, w, wk, LE);
            IntVector i1 = IntVector.fromMemorySegment(I, w, wk + V, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            a0 = i0.and(UPPER).reinterpretAsFloats().fma(xa, a0);
            a1 = i0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a1);
            a2 = i1.and(UPPER).reinterpretAsFloats().fma(xa, a2);
            a3 = i1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a3);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
        a2.intoMemorySegment(s, z + V, LE);
        a3.intoMemorySegment(s, z + part + V, LE);
    }

    private static void block1x1(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long part) {
        C2.sharpen(s);
        FloatVector a0 = FloatVector.fromMemorySegment(F, s, z, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, s, z + part, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector i0 = IntVector.fromMemorySegment(I, w, wk, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            a0 = i0.and(UPPER).reinterpretAsFloats().fma(xa, a0);
            a1 = i0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xa, a1);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
    }

    private static void block4x1(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long xStride,
            long z,
            long part,
            long zStride) {
        C2.sharpen(s);
        long z1 = z + zStride;
        long z2 = z1 + zStride;
        long z3 = z2 + zStride;
        FloatVector a0 = FloatVector.fromMemorySegment(F, s, z, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, s, z + part, LE);
        FloatVector b0 = FloatVector.fromMemorySegment(F, s, z1, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F, s, z1 + part, LE);
        FloatVector c0 = FloatVector.fromMemorySegment(F, s, z2, LE);
        FloatVector c1 = FloatVector.fromMemorySegment(F, s, z2 + part, LE);
        FloatVector d0 = FloatVector.fromMemorySegment(F, s, z3, LE);
        FloatVector d1 = FloatVector.fromMemorySegment(F, s, z3 + part, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector i0 = IntVector.fromMemorySegment(I, w, wk, LE);
            FloatVector w0 = i0.and(UPPER).reinterpretAsFloats();
            FloatVector w1 = i0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            a0 = w0.fma(xa, a0);
            a1 = w1.fma(xa, a1);
            FloatVector xb = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk + xStride));
            b0 = w0.fma(xb, b0);
            b1 = w1.fma(xb, b1);
            FloatVector xc =
                    FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk + 2 * xStride));
            c0 = w0.fma(xc, c0);
            c1 = w1.fma(xc, c1);
            FloatVector xd =
                    FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk + 3 * xStride));
            d0 = w0.fma(xd, d0);
            d1 = w1.fma(xd, d1);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
        b0.intoMemorySegment(s, z1, LE);
        b1.intoMemorySegment(s, z1 + part, LE);
        c0.intoMemorySegment(s, z2, LE);
        c1.intoMemorySegment(s, z2 + part, LE);
        d0.intoMemorySegment(s, z3, LE);
        d1.intoMemorySegment(s, z3 + part, LE);
    }
}
