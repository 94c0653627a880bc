package dev.runnel.internal.kernel.vector;

import java.lang.foreign.MemorySegment;

/// Products row by row: how [VectorDense] reaches the copy of [VectorRows] of its own width, which
/// has no name.
interface RowProduct {
    /// As [dev.runnel.internal.kernel.DenseKernels#accumulateEach].
    void accumulateEach(
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
            long cStep);

    /// As [dev.runnel.internal.kernel.DenseKernels#begin].
    void begin(
            int m,
            int n,
            MemorySegment from,
            long fromOffset,
            long fromStep,
            MemorySegment c,
            long cOffset,
            long cStep);

    /// One row of [dev.runnel.internal.kernel.DenseKernels#accumulate].
    void oneRow(
            int n,
            MemorySegment a,
            long aRow,
            int[] aTaps,
            MemorySegment b,
            long bOffset,
            int[] bTaps,
            MemorySegment c,
            long cRow);
}
