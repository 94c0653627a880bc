package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Elements;

import java.lang.foreign.MemorySegment;

/// [DenseKernels] for every element type: sums in double, in 64-bit integers for integers, rounded
/// once at the end. Where the contract says 4 bytes, elements take what their type takes.
record ElementDense(DType dtype) implements DenseKernels {
    /// The kernels for `dtype`: the fast ones for float32, these for all others.
    static DenseKernels of(DType dtype, Kernels kernels) {
        return dtype == DType.FLOAT32 ? kernels.dense() : new ElementDense(dtype);
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
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                long at = (long) j * dtype.byteSize();
                long cAt = cOffset + i * cStep + at;
                if (dtype.isFloat()) {
                    floats(a, aOffset + i * aStep, aTaps, b, bOffset + at, bTaps, c, cAt);
                } else {
                    integers(a, aOffset + i * aStep, aTaps, b, bOffset + at, bTaps, c, cAt);
                }
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
        int size = dtype.byteSize();
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                MemorySegment.copy(
                        from,
                        fromOffset + i * fromStep,
                        c,
                        cOffset + i * cStep + (long) j * size,
                        size);
            }
        }
    }

    private void floats(
            MemorySegment a,
            long aAt,
            int[] aTaps,
            MemorySegment b,
            long bAt,
            int[] bTaps,
            MemorySegment c,
            long cAt) {
        double sum = Elements.getDouble(dtype, c, cAt);
        for (int k = 0; k < aTaps.length; k++) {
            sum +=
                    Elements.getDouble(dtype, a, aAt + aTaps[k])
                            * Elements.getDouble(dtype, b, bAt + bTaps[k]);
        }
        Elements.setDouble(dtype, c, cAt, sum);
    }

    private void integers(
            MemorySegment a,
            long aAt,
            int[] aTaps,
            MemorySegment b,
            long bAt,
            int[] bTaps,
            MemorySegment c,
            long cAt) {
        long sum = Elements.getLong(dtype, c, cAt);
        for (int k = 0; k < aTaps.length; k++) {
            sum +=
                    Elements.getLong(dtype, a, aAt + aTaps[k])
                            * Elements.getLong(dtype, b, bAt + bTaps[k]);
        }
        Elements.setLong(dtype, c, cAt, sum);
    }
}
