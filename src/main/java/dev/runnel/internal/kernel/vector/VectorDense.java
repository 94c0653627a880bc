package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.DenseKernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [DenseKernels] by the Vector API, at the width of [Width]: blocks of 4 rows × 2 vectors, 2 × 4
/// or 1 × 8, eight independent chains each, enough to hide the latency of fma. The last, partial
/// vector is masked.
final class VectorDense implements DenseKernels {
    private static final VectorSpecies<Float> S = Width.species(MethodHandles.lookup());
    private static final int LANES = S.length();
    private static final long V = S.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

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
            oneRow(n, a, aOffset + i * aStep, aTaps, b, bOffset, bTaps, c, cOffset + i * cStep);
        }
    }

    private static void fourRows(
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
        for (; j + 2 * LANES <= n; j += 2 * LANES) {
            block4x2(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        for (; j + LANES <= n; j += LANES) {
            block4x1(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        if (j < n) {
            long bAt = bOffset + 4L * j;
            long cAt = cRow + 4L * j;
            tail2(n - j, a, aRow, aStep, aTaps, b, bAt, bTaps, c, cAt, cStep);
            tail2(
                    n - j,
                    a,
                    aRow + 2 * aStep,
                    aStep,
                    aTaps,
                    b,
                    bAt,
                    bTaps,
                    c,
                    cAt + 2 * cStep,
                    cStep);
        }
    }

    private static void twoRows(
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
        for (; j + 4 * LANES <= n; j += 4 * LANES) {
            block2x4(a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
        for (; j < n; j += LANES) {
            int some = Math.min(LANES, n - j);
            tail2(some, a, aRow, aStep, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, cStep);
        }
    }

    private static void oneRow(
            int n,
            MemorySegment a,
            long aRow,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow) {
        int j = 0;
        for (; j + 8 * LANES <= n; j += 8 * LANES) {
            block1x8(a, aRow, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j);
        }
        for (; j + 2 * LANES <= n; j += 2 * LANES) {
            block1x2(a, aRow, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j);
        }
        for (; j < n; j += LANES) {
            // The same row twice: as fast as once, for its one chain waits for itself.
            int some = Math.min(LANES, n - j);
            tail2(some, a, aRow, 0, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j, 0);
        }
    }

    private static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(S, s, offset, LE);
    }

    private static FloatVector spread(MemorySegment a, long offset) {
        return FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, offset));
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
        long c1 = c0 + cStep;
        long c2 = c1 + cStep;
        long c3 = c2 + cStep;
        FloatVector s00 = load(c, c0);
        FloatVector s01 = load(c, c0 + V);
        FloatVector s10 = load(c, c1);
        FloatVector s11 = load(c, c1 + V);
        FloatVector s20 = load(c, c2);
        FloatVector s21 = load(c, c2 + V);
        FloatVector s30 = load(c, c3);
        FloatVector s31 = load(c, c3 + V);
        for (int k = 0; k < aTaps.length; k++) {
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = load(b, bAt);
            FloatVector b1 = load(b, bAt + V);
            long aAt = aRow + aTaps[k];
            FloatVector a0 = spread(a, aAt);
            s00 = b0.fma(a0, s00);
            s01 = b1.fma(a0, s01);
            FloatVector a1 = spread(a, aAt + aStep);
            s10 = b0.fma(a1, s10);
            s11 = b1.fma(a1, s11);
            FloatVector a2 = spread(a, aAt + 2 * aStep);
            s20 = b0.fma(a2, s20);
            s21 = b1.fma(a2, s21);
            FloatVector a3 = spread(a, aAt + 3 * aStep);
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

    private static void block2x4(
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
        long c1 = c0 + cStep;
        FloatVector s00 = load(c, c0);
        FloatVector s01 = load(c, c0 + V);
        FloatVector s02 = load(c, c0 + 2 * V);
        FloatVector s03 = load(c, c0 + 3 * V);
        FloatVector s10 = load(c, c1);
        FloatVector s11 = load(c, c1 + V);
        FloatVector s12 = load(c, c1 + 2 * V);
        FloatVector s13 = load(c, c1 + 3 * V);
        for (int k = 0; k < aTaps.length; k++) {
            long aAt = aRow + aTaps[k];
            FloatVector a0 = spread(a, aAt);
            FloatVector a1 = spread(a, aAt + aStep);
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = load(b, bAt);
            s00 = b0.fma(a0, s00);
            s10 = b0.fma(a1, s10);
            FloatVector b1 = load(b, bAt + V);
            s01 = b1.fma(a0, s01);
            s11 = b1.fma(a1, s11);
            FloatVector b2 = load(b, bAt + 2 * V);
            s02 = b2.fma(a0, s02);
            s12 = b2.fma(a1, s12);
            FloatVector b3 = load(b, bAt + 3 * V);
            s03 = b3.fma(a0, s03);
            s13 = b3.fma(a1, s13);
        }
        s00.intoMemorySegment(c, c0, LE);
        s01.intoMemorySegment(c, c0 + V, LE);
        s02.intoMemorySegment(c, c0 + 2 * V, LE);
        s03.intoMemorySegment(c, c0 + 3 * V, LE);
        s10.intoMemorySegment(c, c1, LE);
        s11.intoMemorySegment(c, c1 + V, LE);
        s12.intoMemorySegment(c, c1 + 2 * V, LE);
        s13.intoMemorySegment(c, c1 + 3 * V, LE);
    }

    private static void block4x1(
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
        long c1 = c0 + cStep;
        long c2 = c1 + cStep;
        long c3 = c2 + cStep;
        FloatVector s0 = load(c, c0);
        FloatVector s1 = load(c, c1);
        FloatVector s2 = load(c, c2);
        FloatVector s3 = load(c, c3);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector b0 = load(b, bOffset + bTaps[k]);
            long aAt = aRow + aTaps[k];
            s0 = b0.fma(spread(a, aAt), s0);
            s1 = b0.fma(spread(a, aAt + aStep), s1);
            s2 = b0.fma(spread(a, aAt + 2 * aStep), s2);
            s3 = b0.fma(spread(a, aAt + 3 * aStep), s3);
        }
        s0.intoMemorySegment(c, c0, LE);
        s1.intoMemorySegment(c, c1, LE);
        s2.intoMemorySegment(c, c2, LE);
        s3.intoMemorySegment(c, c3, LE);
    }

    /// Two rows, not four: masked accesses are long, and behind the compiler's budget of nodes a
    /// vector is an object.
    private static void tail2(
            int n,
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
        VectorMask<Float> some = S.indexInRange(0, n);
        FloatVector s0 = FloatVector.fromMemorySegment(S, c, c0, LE, some);
        FloatVector s1 = FloatVector.fromMemorySegment(S, c, c0 + cStep, LE, some);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(S, b, bOffset + bTaps[k], LE, some);
            long aAt = aRow + aTaps[k];
            s0 = b0.fma(spread(a, aAt), s0);
            s1 = b0.fma(spread(a, aAt + aStep), s1);
        }
        s0.intoMemorySegment(c, c0, LE, some);
        s1.intoMemorySegment(c, c0 + cStep, LE, some);
    }

    private static void block1x8(
            MemorySegment a,
            long aRow,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow) {
        FloatVector s0 = load(c, cRow);
        FloatVector s1 = load(c, cRow + V);
        FloatVector s2 = load(c, cRow + 2 * V);
        FloatVector s3 = load(c, cRow + 3 * V);
        FloatVector s4 = load(c, cRow + 4 * V);
        FloatVector s5 = load(c, cRow + 5 * V);
        FloatVector s6 = load(c, cRow + 6 * V);
        FloatVector s7 = load(c, cRow + 7 * V);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector x = spread(a, aRow + aTaps[k]);
            long at = bOffset + bTaps[k];
            s0 = load(b, at).fma(x, s0);
            s1 = load(b, at + V).fma(x, s1);
            s2 = load(b, at + 2 * V).fma(x, s2);
            s3 = load(b, at + 3 * V).fma(x, s3);
            s4 = load(b, at + 4 * V).fma(x, s4);
            s5 = load(b, at + 5 * V).fma(x, s5);
            s6 = load(b, at + 6 * V).fma(x, s6);
            s7 = load(b, at + 7 * V).fma(x, s7);
        }
        s0.intoMemorySegment(c, cRow, LE);
        s1.intoMemorySegment(c, cRow + V, LE);
        s2.intoMemorySegment(c, cRow + 2 * V, LE);
        s3.intoMemorySegment(c, cRow + 3 * V, LE);
        s4.intoMemorySegment(c, cRow + 4 * V, LE);
        s5.intoMemorySegment(c, cRow + 5 * V, LE);
        s6.intoMemorySegment(c, cRow + 6 * V, LE);
        s7.intoMemorySegment(c, cRow + 7 * V, LE);
    }

    private static void block1x2(
            MemorySegment a,
            long aRow,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow) {
        FloatVector s0 = load(c, cRow);
        FloatVector s1 = load(c, cRow + V);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector x = spread(a, aRow + aTaps[k]);
            long at = bOffset + bTaps[k];
            s0 = load(b, at).fma(x, s0);
            s1 = load(b, at + V).fma(x, s1);
        }
        s0.intoMemorySegment(c, cRow, LE);
        s1.intoMemorySegment(c, cRow + V, LE);
    }
}
