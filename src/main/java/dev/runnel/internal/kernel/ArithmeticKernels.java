package dev.runnel.internal.kernel;

import java.lang.foreign.MemorySegment;

/// Sums, products and comparisons of float32, element by element and across many.
public interface ArithmeticKernels {
    /// dst\[i\] = f(a\[i · aStep\], b\[i · bStep\]) for i in 0 … n − 1.
    ///
    /// @param aOffset in bytes, as are the other offsets
    /// @param aStep 1, or 0 where `a` is one element for all; `bStep` alike
    /// @param dst may be `a` or `b` at the same offset; must not overlap them otherwise
    void apply(
            BinaryFunction f,
            MemorySegment a,
            long aOffset,
            int aStep,
            MemorySegment b,
            long bOffset,
            int bStep,
            MemorySegment dst,
            long dstOffset,
            int n);

    /// All of src\[0 … n − 1\] reduced to one. Sixteen chains start at the identity; element i
    /// joins chain i mod 16 (squares by fma); then neighbouring chains are joined, 16 → 8 → 4 → 2 →
    /// 1: the same sum whatever the width of the hardware.
    float reduce(Reduction f, MemorySegment src, long srcOffset, int n);
}
