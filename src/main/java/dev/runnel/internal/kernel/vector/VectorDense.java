package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.DenseKernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [DenseKernels] by the Vector API, at the width of [Width]: blocks of 4 rows × 3 vectors, 4 × 2,
/// 2 × 3 or 1 × 8, enough independent chains each to hide the latency of fma. Larger ones would
/// load less for each fma, but exceed what C2 inlines: 4 × 4 does, by a little. What is left over
/// is [VectorRows]'s.
final class VectorDense implements DenseKernels {
    private static final VectorSpecies<Float> S = Width.species(MethodHandles.lookup());
    private static final int LANES = S.length();
    private static final long V = S.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final RowProduct rows = Width.<RowProduct>copy(VectorRows.class, S.vectorBitSize());

    @Override
    public void accumulateEach(
            int m,
            int n,
            MemorySegment a,
            long aOffset,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            long bStep,
            int[] bTaps,
            MemorySegment c,
            long cOffset,
            long cStep) {
        rows.accumulateEach(
                m, n, a, aOffset, aStep, aTaps, b, bOffset, bStep, bTaps, c, cOffset, cStep);
    }

    @Override
    public void begin(
            int m,
            int n,
            MemorySegment from,
            long fromOffset,
            long fromStep,
            MemorySegment c,
            long cOffset,
            long cStep) {
        rows.begin(m, n, from, fromOffset, fromStep, c, cOffset, cStep);
    }

    @Override
    public void accumulate(
            int m,
            int n,
            MemorySegment a,
            long aOffset,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cOffset,
            long cStep) {
        int i = 0;
        for (; i + 4 <= m; i += 4) {
            fourRows(
                    n,
                    a,
                    aOffset + i * aStep,
                    aStep,
                    aTaps,
                    b,
                    bOffset,
                    bTaps,
                    c,
                    cOffset + i * cStep,
                    cStep);
        }
        for (; i + 2 <= m; i += 2) {
            twoRows(
                    n,
                    a,
                    aOffset + i * aStep,
                    aStep,
                    aTaps,
                    b,
                    bOffset,
                    bTaps,
                    c,
                    cOffset + i * cStep,
                    cStep);
        }
        if (i < m) {
            rows.oneRow(
                    n, a, aOffset + i * aStep, aTaps, b, bOffset, bTaps, c, cOffset + i * cStep);
        }
    }

    private void fourRows(
            int n,
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow,
            long cStep) {
        int j = 0;
        // Four vectors are twice two rather than three and one.
        for (; n - j >= 3 * LANES && (n - j) / LANES != 4; j += 3 * LANES) {
            block4x3(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        for (; j + 2 * LANES <= n; j += 2 * LANES) {
            block4x2(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        rest(4, n - j, a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
    }

    private void twoRows(
            int n,
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow,
            long cStep) {
        int j = 0;
        for (; j + 3 * LANES <= n; j += 3 * LANES) {
            block2x3(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        rest(2, n - j, a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
    }

    /// The columns that fill no block: as if each row had a B of its own.
    private void rest(
            int m,
            int n,
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow,
            long cStep) {
        if (n > 0) {
            rows.accumulateEach(m, n, a, aRow, aStep, aTaps, b, bOffset, 0, bTaps, c, cRow, cStep);
        }
    }

    private static void block4x3(
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long c0,
            long cStep) {
        C2.sharpen(c);
        long c1 = c0 + cStep;
        long c2 = c1 + cStep;
        long c3 = c2 + cStep;
        FloatVector s00 = FloatVector.fromMemorySegment(S, c, c0, LE);
        FloatVector s01 = FloatVector.fromMemorySegment(S, c, c0 + V, LE);
        FloatVector s02 = FloatVector.fromMemorySegment(S, c, c0 + 2 * V, LE);
        FloatVector s10 = FloatVector.fromMemorySegment(S, c, c1, LE);
        FloatVector s11 = FloatVector.fromMemorySegment(S, c, c1 + V, LE);
        FloatVector s12 = FloatVector.fromMemorySegment(S, c, c1 + 2 * V, LE);
        FloatVector s20 = FloatVector.fromMemorySegment(S, c, c2, LE);
        FloatVector s21 = FloatVector.fromMemorySegment(S, c, c2 + V, LE);
        FloatVector s22 = FloatVector.fromMemorySegment(S, c, c2 + 2 * V, LE);
        FloatVector s30 = FloatVector.fromMemorySegment(S, c, c3, LE);
        FloatVector s31 = FloatVector.fromMemorySegment(S, c, c3 + V, LE);
        FloatVector s32 = FloatVector.fromMemorySegment(S, c, c3 + 2 * V, LE);
        for (int k = 0; k < aTaps.length; k++) {
            long aAt = aRow + aTaps[k];
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = FloatVector.fromMemorySegment(S, b, bAt, LE);
            FloatVector b1 = FloatVector.fromMemorySegment(S, b, bAt + V, LE);
            FloatVector b2 = FloatVector.fromMemorySegment(S, b, bAt + 2 * V, LE);
            FloatVector a0 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt));
            s00 = b0.fma(a0, s00);
            s01 = b1.fma(a0, s01);
            s02 = b2.fma(a0, s02);
            FloatVector a1 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + aStep));
            s10 = b0.fma(a1, s10);
            s11 = b1.fma(a1, s11);
            s12 = b2.fma(a1, s12);
            FloatVector a2 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 2 * aStep));
            s20 = b0.fma(a2, s20);
            s21 = b1.fma(a2, s21);
            s22 = b2.fma(a2, s22);
            FloatVector a3 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 3 * aStep));
            s30 = b0.fma(a3, s30);
            s31 = b1.fma(a3, s31);
            s32 = b2.fma(a3, s32);
        }
        s00.intoMemorySegment(c, c0, LE);
        s01.intoMemorySegment(c, c0 + V, LE);
        s02.intoMemorySegment(c, c0 + 2 * V, LE);
        s10.intoMemorySegment(c, c1, LE);
        s11.intoMemorySegment(c, c1 + V, LE);
        s12.intoMemorySegment(c, c1 + 2 * V, LE);
        s20.intoMemorySegment(c, c2, LE);
        s21.intoMemorySegment(c, c2 + V, LE);
        s22.intoMemorySegment(c, c2 + 2 * V, LE);
        s30.intoMemorySegment(c, c3, LE);
        s31.intoMemorySegment(c, c3 + V, LE);
        s32.intoMemorySegment(c, c3 + 2 * V, LE);
    }

    private static void block4x2(
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long c0,
            long cStep) {
        C2.sharpen(c);
        long c1 = c0 + cStep;
        long c2 = c1 + cStep;
        long c3 = c2 + cStep;
        FloatVector s00 = FloatVector.fromMemorySegment(S, c, c0, LE);
        FloatVector s01 = FloatVector.fromMemorySegment(S, c, c0 + V, LE);
        FloatVector s10 = FloatVector.fromMemorySegment(S, c, c1, LE);
        FloatVector s11 = FloatVector.fromMemorySegment(S, c, c1 + V, LE);
        FloatVector s20 = FloatVector.fromMemorySegment(S, c, c2, LE);
        FloatVector s21 = FloatVector.fromMemorySegment(S, c, c2 + V, LE);
        FloatVector s30 = FloatVector.fromMemorySegment(S, c, c3, LE);
        FloatVector s31 = FloatVector.fromMemorySegment(S, c, c3 + V, LE);
        for (int k = 0; k < aTaps.length; k++) {
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = FloatVector.fromMemorySegment(S, b, bAt, LE);
            FloatVector b1 = FloatVector.fromMemorySegment(S, b, bAt + V, LE);
            long aAt = aRow + aTaps[k];
            FloatVector a0 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt));
            s00 = b0.fma(a0, s00);
            s01 = b1.fma(a0, s01);
            FloatVector a1 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + aStep));
            s10 = b0.fma(a1, s10);
            s11 = b1.fma(a1, s11);
            FloatVector a2 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 2 * aStep));
            s20 = b0.fma(a2, s20);
            s21 = b1.fma(a2, s21);
            FloatVector a3 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 3 * aStep));
            s30 = b0.fma(a3, s30);
            s31 = b1.fma(a3, s31);
        }
        s00.intoMemorySegment(c, c0, LE);
        s01.intoMemorySegment(c, c0 + V, LE);
        s10.intoMemorySegment(c, c1, LE);
        s11.intoMemorySegment(c, c1 + V, LE);
        s20.intoMemorySegment(c, c2, LE);
        s21.intoMemorySegment(c, c2 + V, LE);
        s30.intoMemorySegment(c, c3, LE);
        s31.intoMemorySegment(c, c3 + V, LE);
    }

    private static void block2x3(
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long c0,
            long cStep) {
        C2.sharpen(c);
        long c1 = c0 + cStep;
        FloatVector s00 = FloatVector.fromMemorySegment(S, c, c0, LE);
        FloatVector s01 = FloatVector.fromMemorySegment(S, c, c0 + V, LE);
        FloatVector s02 = FloatVector.fromMemorySegment(S, c, c0 + 2 * V, LE);
        FloatVector s10 = FloatVector.fromMemorySegment(S, c, c1, LE);
        FloatVector s11 = FloatVector.fromMemorySegment(S, c, c1 + V, LE);
        FloatVector s12 = FloatVector.fromMemorySegment(S, c, c1 + 2 * V, LE);
        for (int k = 0; k < aTaps.length; k++) {
            long aAt = aRow + aTaps[k];
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = FloatVector.fromMemorySegment(S, b, bAt, LE);
            FloatVector b1 = FloatVector.fromMemorySegment(S, b, bAt + V, LE);
            FloatVector b2 = FloatVector.fromMemorySegment(S, b, bAt + 2 * V, LE);
            FloatVector a0 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt));
            s00 = b0.fma(a0, s00);
            s01 = b1.fma(a0, s01);
            s02 = b2.fma(a0, s02);
            FloatVector a1 = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + aStep));
            s10 = b0.fma(a1, s10);
            s11 = b1.fma(a1, s11);
            s12 = b2.fma(a1, s12);
        }
        s00.intoMemorySegment(c, c0, LE);
        s01.intoMemorySegment(c, c0 + V, LE);
        s02.intoMemorySegment(c, c0 + 2 * V, LE);
        s10.intoMemorySegment(c, c1, LE);
        s11.intoMemorySegment(c, c1 + V, LE);
        s12.intoMemorySegment(c, c1 + 2 * V, LE);
    }
}
