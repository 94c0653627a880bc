package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel of 8-bit weights times the inputs of the lanes, by the Vector API at the width of
/// [Width]. An int holds four weights. The highest byte of an int is a weight in units of 2⁻²⁴ of
/// that int, with the lower ones as a fraction that the packing allowed for; converted to float, it
/// is multiplied as it is. A shift by 8 brings the next one to the top, and a load two bytes lower
/// the third: a shift less, for a load that reads two lines. So a row takes a quarter of the bytes
/// of float32 and one and a half instructions more for each vector: two shifts and four conversions
/// for four. One load more in the place of another shift costs more than it saves.
///
/// Four lanes share what was unpacked, in blocks as [VectorPanelBlocks] has them, whose notes on C2
/// hold here too. Many lanes are left to [VectorPanelsUnpacked].
///
/// The rows of a panel of 32 or 96 columns end within a vector of 512 bits. That vector is read to
/// its end and computed with the rest, and only what is the row's is written.
final class VectorPanelsInt8 implements PanelProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    /// Rows of 128 weights that fill two thirds of a first cache of 48 kB.
    private static final int ROWS = 256;

    private final PanelProduct unpacked =
            Width.<PanelProduct>copy(VectorPanelsUnpacked.class, F.vectorBitSize());

    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        long z = at.z() + 4L * p.column();
        if (!p.continues()) {
            for (int m = 0; m < lanes; m++) {
                clear(at.memory(), z + m * at.zStride(), 4 * p.width());
            }
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
            long x = at.x() + m * at.xStride() + 4L * p.from();
            oneLane(p, w, at.memory(), x, z + m * at.zStride());
        }
        if (!p.open()) {
            for (int m = 0; m < lanes; m++) {
                finish(w, at.memory(), z + m * at.zStride(), 4 * p.width());
            }
        }
    }

    private static void clear(MemorySegment s, long z, int bytes) {
        C2.sharpen(s);
        for (int j = 0; j < bytes; j += V) {
            FloatVector.zero(F).intoMemorySegment(s, z + j, LE);
        }
    }

    /// z = bias + scale · z
    private static void finish(MemorySegment w, MemorySegment s, long z, int bytes) {
        C2.sharpen(s);
        for (int j = 0; j < bytes; j += V) {
            FloatVector.fromMemorySegment(F, s, z + j, LE)
                    .fma(
                            FloatVector.fromMemorySegment(F, w, j, LE),
                            FloatVector.fromMemorySegment(F, w, bytes + j, LE))
                    .intoMemorySegment(s, z + j, LE);
        }
    }

    private static void fourLanes(
            Panel p, MemorySegment w, long from, int rows, Lanes at, long x, long z) {
        MemorySegment s = at.memory();
        long row = p.rowBytes();
        long xs = at.xStride();
        long zs = at.zStride();
        long j = 0;
        for (; j + V <= row; j += V) {
            block4x1(w, from + j - 2, row, rows, s, x, xs, z + j, row, zs);
            block4x1(w, from + j, row, rows, s, x, xs, z + j + 2 * row, row, zs);
        }
        if (j < row) {
            for (int m = 0; m < 4; m++) {
                ragged(w, from + j, row, rows, s, x + m * xs, z + m * zs + j, row, row - j);
            }
        }
    }

    private static void oneLane(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        long row = p.rowBytes();
        int rows = p.to() - p.from();
        long from = p.inputs();
        long j = 0;
        for (; j + 2 * V <= row; j += 2 * V) {
            block1x2(w, from + j, row, rows, s, x, z + j, row);
        }
        for (; j + V <= row; j += V) {
            block1x1(w, from + j, row, rows, s, x, z + j, row);
        }
        if (j < row) {
            ragged(w, from + j, row, rows, s, x, z + j, row, row - j);
        }
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
        FloatVector a2 = FloatVector.fromMemorySegment(F, s, z + 2 * part, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, s, z + 3 * part, LE);
        FloatVector a4 = FloatVector.fromMemorySegment(F, s, z + V, LE);
        FloatVector a5 = FloatVector.fromMemorySegment(F, s, z + part + V, LE);
        FloatVector a6 = FloatVector.fromMemorySegment(F, s, z + 2 * part + V, LE);
        FloatVector a7 = FloatVector.fromMemorySegment(F, s, z + 3 * part + V, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector l0 = IntVector.fromMemorySegment(I, w, wk - 2, LE);
            IntVector u0 = IntVector.fromMemorySegment(I, w, wk, LE);
            IntVector l1 = IntVector.fromMemorySegment(I, w, wk + V - 2, LE);
            IntVector u1 = IntVector.fromMemorySegment(I, w, wk + V, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            FloatVector w0 =
                    (FloatVector)
                            l0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a0 = w0.fma(xa, a0);
            FloatVector w1 = (FloatVector) l0.convertShape(VectorOperators.I2F, F, 0);
            a1 = w1.fma(xa, a1);
            FloatVector w2 =
                    (FloatVector)
                            u0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a2 = w2.fma(xa, a2);
            FloatVector w3 = (FloatVector) u0.convertShape(VectorOperators.I2F, F, 0);
            a3 = w3.fma(xa, a3);
            FloatVector w4 =
                    (FloatVector)
                            l1.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a4 = w4.fma(xa, a4);
            FloatVector w5 = (FloatVector) l1.convertShape(VectorOperators.I2F, F, 0);
            a5 = w5.fma(xa, a5);
            FloatVector w6 =
                    (FloatVector)
                            u1.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a6 = w6.fma(xa, a6);
            FloatVector w7 = (FloatVector) u1.convertShape(VectorOperators.I2F, F, 0);
            a7 = w7.fma(xa, a7);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
        a2.intoMemorySegment(s, z + 2 * part, LE);
        a3.intoMemorySegment(s, z + 3 * part, LE);
        a4.intoMemorySegment(s, z + V, LE);
        a5.intoMemorySegment(s, z + part + V, LE);
        a6.intoMemorySegment(s, z + 2 * part + V, LE);
        a7.intoMemorySegment(s, z + 3 * part + V, LE);
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
        FloatVector a2 = FloatVector.fromMemorySegment(F, s, z + 2 * part, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, s, z + 3 * part, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector l0 = IntVector.fromMemorySegment(I, w, wk - 2, LE);
            IntVector u0 = IntVector.fromMemorySegment(I, w, wk, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            FloatVector w0 =
                    (FloatVector)
                            l0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a0 = w0.fma(xa, a0);
            FloatVector w1 = (FloatVector) l0.convertShape(VectorOperators.I2F, F, 0);
            a1 = w1.fma(xa, a1);
            FloatVector w2 =
                    (FloatVector)
                            u0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a2 = w2.fma(xa, a2);
            FloatVector w3 = (FloatVector) u0.convertShape(VectorOperators.I2F, F, 0);
            a3 = w3.fma(xa, a3);
        }
        a0.intoMemorySegment(s, z, LE);
        a1.intoMemorySegment(s, z + part, LE);
        a2.intoMemorySegment(s, z + 2 * part, LE);
        a3.intoMemorySegment(s, z + 3 * part, LE);
    }

    /// As [#block1x1], the last `bytes` of a row.
    private static void ragged(
            MemorySegment w,
            long from,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long part,
            long bytes) {
        C2.sharpen(s);
        VectorMask<Float> some = F.indexInRange(0, (int) bytes / 4);
        FloatVector a0 = FloatVector.fromMemorySegment(F, s, z, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F, s, z + part, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F, s, z + 2 * part, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F, s, z + 3 * part, LE);
        for (int k = 0; k < rows; k++) {
            long xk = x + 4L * k;
            long wk = from + k * row;
            IntVector l0 = IntVector.fromMemorySegment(I, w, wk - 2, LE);
            IntVector u0 = IntVector.fromMemorySegment(I, w, wk, LE);
            FloatVector xa = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, xk));
            FloatVector w0 =
                    (FloatVector)
                            l0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a0 = w0.fma(xa, a0);
            FloatVector w1 = (FloatVector) l0.convertShape(VectorOperators.I2F, F, 0);
            a1 = w1.fma(xa, a1);
            FloatVector w2 =
                    (FloatVector)
                            u0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            a2 = w2.fma(xa, a2);
            FloatVector w3 = (FloatVector) u0.convertShape(VectorOperators.I2F, F, 0);
            a3 = w3.fma(xa, a3);
        }
        a0.intoMemorySegment(s, z, LE, some);
        a1.intoMemorySegment(s, z + part, LE, some);
        a2.intoMemorySegment(s, z + 2 * part, LE, some);
        a3.intoMemorySegment(s, z + 3 * part, LE, some);
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
            FloatVector w0 =
                    (FloatVector)
                            i0.lanewise(VectorOperators.LSHL, 8)
                                    .convertShape(VectorOperators.I2F, F, 0);
            FloatVector w1 = (FloatVector) i0.convertShape(VectorOperators.I2F, F, 0);
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
