package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [RowProduct] at the width of [Width]. Rows with matrices of their own go four at a time, four
/// chains, which is as much as two loads a multiplication allow; a single row eight vectors at a
/// time. The last, partial vector is masked.
final class VectorRows implements RowProduct {
    private static final VectorSpecies<Float> S = Width.species(MethodHandles.lookup());
    private static final int LANES = S.length();
    private static final long V = S.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

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
        int i = 0;
        for (; i + 4 <= m; i += 4) {
            long aRow = aOffset + i * aStep;
            long bRow = bOffset + i * bStep;
            long cRow = cOffset + i * cStep;
            int j = 0;
            for (; j + LANES <= n; j += LANES) {
                each4x1(
                        a,
                        aRow,
                        aStep,
                        aTaps,
                        b,
                        bRow + 4L * j,
                        bStep,
                        bTaps,
                        c,
                        cRow + 4L * j,
                        cStep);
            }
            if (j < n) {
                tail2(
                        n - j,
                        a,
                        aRow,
                        aStep,
                        aTaps,
                        b,
                        bRow + 4L * j,
                        bStep,
                        bTaps,
                        c,
                        cRow + 4L * j,
                        cStep);
                tail2(
                        n - j,
                        a,
                        aRow + 2 * aStep,
                        aStep,
                        aTaps,
                        b,
                        bRow + 2 * bStep + 4L * j,
                        bStep,
                        bTaps,
                        c,
                        cRow + 2 * cStep + 4L * j,
                        cStep);
            }
        }
        for (; i < m; i += 2) {
            // The last of an odd number twice: as fast as once.
            boolean two = i + 1 < m;
            for (int j = 0; j < n; j += LANES) {
                tail2(
                        Math.min(LANES, n - j),
                        a,
                        aOffset + i * aStep,
                        two ? aStep : 0,
                        aTaps,
                        b,
                        bOffset + i * bStep + 4L * j,
                        two ? bStep : 0,
                        bTaps,
                        c,
                        cOffset + i * cStep + 4L * j,
                        two ? cStep : 0);
            }
        }
    }

    @Override
    public void oneRow(
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
        for (; j + 3 * LANES <= n; j += 3 * LANES) {
            block1x3(a, aRow, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j);
        }
        for (; j + 2 * LANES <= n; j += 2 * LANES) {
            block1x2(a, aRow, aTaps, b, bOffset + 4L * j, bTaps, c, cRow + 4L * j);
        }
        if (j < n) {
            accumulateEach(
                    1,
                    n - j,
                    a,
                    aRow,
                    0,
                    aTaps,
                    b,
                    bOffset + 4L * j,
                    0,
                    bTaps,
                    c,
                    cRow + 4L * j,
                    0);
        }
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
        for (int i = 0; i < m; i++) {
            fill(
                    n,
                    from.get(JAVA_FLOAT_UNALIGNED, fromOffset + i * fromStep),
                    c,
                    cOffset + i * cStep);
        }
    }

    private static void fill(int n, float value, MemorySegment c, long cRow) {
        C2.sharpen(c);
        FloatVector v = FloatVector.broadcast(S, value);
        int j = 0;
        for (; j + LANES <= n; j += LANES) {
            v.intoMemorySegment(c, cRow + 4L * j, LE);
        }
        for (; j < n; j++) {
            c.set(JAVA_FLOAT_UNALIGNED, cRow + 4L * j, value);
        }
    }

    private static void each4x1(
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            long bStep,
            int[] bTaps,
            MemorySegment c,
            long c0,
            long cStep) {
        C2.sharpen(c);
        long c1 = c0 + cStep;
        long c2 = c1 + cStep;
        long c3 = c2 + cStep;
        FloatVector s00 = FloatVector.fromMemorySegment(S, c, c0, LE);
        FloatVector s10 = FloatVector.fromMemorySegment(S, c, c1, LE);
        FloatVector s20 = FloatVector.fromMemorySegment(S, c, c2, LE);
        FloatVector s30 = FloatVector.fromMemorySegment(S, c, c3, LE);
        for (int k = 0; k < aTaps.length; k++) {
            long aAt = aRow + aTaps[k];
            long bAt = bOffset + bTaps[k];
            s00 =
                    FloatVector.fromMemorySegment(S, b, bAt, LE)
                            .fma(FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt)), s00);
            s10 =
                    FloatVector.fromMemorySegment(S, b, bAt + bStep, LE)
                            .fma(
                                    FloatVector.broadcast(
                                            S, a.get(JAVA_FLOAT_UNALIGNED, aAt + aStep)),
                                    s10);
            s20 =
                    FloatVector.fromMemorySegment(S, b, bAt + 2 * bStep, LE)
                            .fma(
                                    FloatVector.broadcast(
                                            S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 2 * aStep)),
                                    s20);
            s30 =
                    FloatVector.fromMemorySegment(S, b, bAt + 3 * bStep, LE)
                            .fma(
                                    FloatVector.broadcast(
                                            S, a.get(JAVA_FLOAT_UNALIGNED, aAt + 3 * aStep)),
                                    s30);
        }
        s00.intoMemorySegment(c, c0, LE);
        s10.intoMemorySegment(c, c1, LE);
        s20.intoMemorySegment(c, c2, LE);
        s30.intoMemorySegment(c, c3, LE);
    }

    /// Two rows: masked accesses are long, and behind the compiler's budget of nodes a vector is an
    /// object.
    private static void tail2(
            int n,
            MemorySegment a,
            long aRow,
            long aStep,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            long bStep,
            int[] bTaps,
            MemorySegment c,
            long c0,
            long cStep) {
        C2.sharpen(c);
        VectorMask<Float> some = S.indexInRange(0, n);
        FloatVector s0 = FloatVector.fromMemorySegment(S, c, c0, LE, some);
        FloatVector s1 = FloatVector.fromMemorySegment(S, c, c0 + cStep, LE, some);
        for (int k = 0; k < aTaps.length; k++) {
            long aAt = aRow + aTaps[k];
            long bAt = bOffset + bTaps[k];
            FloatVector b0 = FloatVector.fromMemorySegment(S, b, bAt, LE, some);
            s0 = b0.fma(FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt)), s0);
            FloatVector b1 = FloatVector.fromMemorySegment(S, b, bAt + bStep, LE, some);
            s1 = b1.fma(FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aAt + aStep)), s1);
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
        C2.sharpen(c);
        FloatVector s0 = FloatVector.fromMemorySegment(S, c, cRow, LE);
        FloatVector s1 = FloatVector.fromMemorySegment(S, c, cRow + V, LE);
        FloatVector s2 = FloatVector.fromMemorySegment(S, c, cRow + 2 * V, LE);
        FloatVector s3 = FloatVector.fromMemorySegment(S, c, cRow + 3 * V, LE);
        FloatVector s4 = FloatVector.fromMemorySegment(S, c, cRow + 4 * V, LE);
        FloatVector s5 = FloatVector.fromMemorySegment(S, c, cRow + 5 * V, LE);
        FloatVector s6 = FloatVector.fromMemorySegment(S, c, cRow + 6 * V, LE);
        FloatVector s7 = FloatVector.fromMemorySegment(S, c, cRow + 7 * V, LE);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector x = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aRow + aTaps[k]));
            long at = bOffset + bTaps[k];
            s0 = FloatVector.fromMemorySegment(S, b, at, LE).fma(x, s0);
            s1 = FloatVector.fromMemorySegment(S, b, at + V, LE).fma(x, s1);
            s2 = FloatVector.fromMemorySegment(S, b, at + 2 * V, LE).fma(x, s2);
            s3 = FloatVector.fromMemorySegment(S, b, at + 3 * V, LE).fma(x, s3);
            s4 = FloatVector.fromMemorySegment(S, b, at + 4 * V, LE).fma(x, s4);
            s5 = FloatVector.fromMemorySegment(S, b, at + 5 * V, LE).fma(x, s5);
            s6 = FloatVector.fromMemorySegment(S, b, at + 6 * V, LE).fma(x, s6);
            s7 = FloatVector.fromMemorySegment(S, b, at + 7 * V, LE).fma(x, s7);
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

    private static void block1x3(
            MemorySegment a,
            long aRow,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long c0) {
        C2.sharpen(c);
        FloatVector s00 = FloatVector.fromMemorySegment(S, c, c0, LE);
        FloatVector s01 = FloatVector.fromMemorySegment(S, c, c0 + V, LE);
        FloatVector s02 = FloatVector.fromMemorySegment(S, c, c0 + 2 * V, LE);
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
        }
        s00.intoMemorySegment(c, c0, LE);
        s01.intoMemorySegment(c, c0 + V, LE);
        s02.intoMemorySegment(c, c0 + 2 * V, LE);
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
        C2.sharpen(c);
        FloatVector s0 = FloatVector.fromMemorySegment(S, c, cRow, LE);
        FloatVector s1 = FloatVector.fromMemorySegment(S, c, cRow + V, LE);
        for (int k = 0; k < aTaps.length; k++) {
            FloatVector x = FloatVector.broadcast(S, a.get(JAVA_FLOAT_UNALIGNED, aRow + aTaps[k]));
            long at = bOffset + bTaps[k];
            s0 = FloatVector.fromMemorySegment(S, b, at, LE).fma(x, s0);
            s1 = FloatVector.fromMemorySegment(S, b, at + V, LE).fma(x, s1);
        }
        s0.intoMemorySegment(c, cRow, LE);
        s1.intoMemorySegment(c, cRow + V, LE);
    }
}
