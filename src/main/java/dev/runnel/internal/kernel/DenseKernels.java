package dev.runnel.internal.kernel;

import java.lang.foreign.MemorySegment;

/// Matrix products of float32: the arithmetic under MatMul, Gemm, Einsum and the convolutions.
public interface DenseKernels {
    /// Adds a product to what `c` holds: `C[i, j] ← C[i, j] + Σₖ A[i, k] · B[k, j]`.
    ///
    /// Each element of C is one chain of fma with k ascending, starting at what was there (the
    /// bias, say), so its bits depend on nothing but its own operands. Both matrices are addressed
    /// through tables of taps, byte offsets by k: a convolution reads its input where it lies, with
    /// the kernel's positions as taps, and needs no copy of patches. Either side may be the
    /// weights.
    ///
    /// | operand | element | at byte |
    /// |---|---|---|
    /// | A `[m, k]`, read one by one | `A[i, k]` | `aOffset + i · aStep + aTaps[k]` |
    /// | B `[k, n]`, read in vectors | `B[k, j]` | `bOffset + bTaps[k] + 4 · j` |
    /// | C `[m, n]`, read and written | `C[i, j]` | `cOffset + i · cStep + 4 · j` |
    ///
    /// Cost: 2 · m · n · k flops; B is read once for every four rows of A.
    ///
    /// @param aTaps as long as `bTaps`; k is their length, which may be 0
    void accumulate(
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
            long cStep);

    /// The same for rows that each have a B of their own, `bStep` bytes behind the one before:
    /// `C[i, j] ← C[i, j] + Σₖ A[i, k] · Bᵢ[k, j]`. A depthwise convolution is this, its channels
    /// being the rows; so are many products of one row each.
    ///
    /// Cost: 2 · m · n · k flops, and as many loads of B as of A.
    default void accumulateEach(
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
        for (int i = 0; i < m; i++) {
            accumulate(
                    1,
                    n,
                    a,
                    aOffset + i * aStep,
                    aStep,
                    aTaps,
                    b,
                    bOffset + i * bStep,
                    bTaps,
                    c,
                    cOffset + i * cStep,
                    cStep);
        }
    }

    /// Fills the rows of C: `C[i, j] ← from[i]`.
    ///
    /// @param fromStep bytes from one row's number to the next; 0 if they share one
    void begin(
            int m,
            int n,
            MemorySegment from,
            long fromOffset,
            long fromStep,
            MemorySegment c,
            long cOffset,
            long cStep);
}
