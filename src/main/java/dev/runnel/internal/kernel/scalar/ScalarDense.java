package dev.runnel.internal.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.DenseKernels;

import java.lang.foreign.MemorySegment;

/// [DenseKernels] in plain Java. A row of C stays in the first cache while the rows of B pass by, a
/// loop that the compiler may vectorise by itself without changing a bit.
public final class ScalarDense implements DenseKernels {
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
        for (int i = 0; i < m; i++) {
            long aRow = aOffset + i * aStep;
            long cRow = cOffset + i * cStep;
            for (int k = 0; k < aTaps.length; k++) {
                row(
                        n,
                        a.get(JAVA_FLOAT_UNALIGNED, aRow + aTaps[k]),
                        b,
                        bOffset + bTaps[k],
                        c,
                        cRow);
            }
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
            float v = from.get(JAVA_FLOAT_UNALIGNED, fromOffset + i * fromStep);
            for (int j = 0; j < n; j++) {
                c.set(JAVA_FLOAT_UNALIGNED, cOffset + i * cStep + 4L * j, v);
            }
        }
    }

    private static void row(
            int n, float a, MemorySegment b, long bRow, MemorySegment c, long cRow) {
        for (int j = 0; j < n; j++) {
            long at = 4L * j;
            float sum =
                    Math.fma(
                            a,
                            b.get(JAVA_FLOAT_UNALIGNED, bRow + at),
                            c.get(JAVA_FLOAT_UNALIGNED, cRow + at));
            c.set(JAVA_FLOAT_UNALIGNED, cRow + at, sum);
        }
    }
}
