package dev.runnel.internal.kernel;

import java.lang.foreign.MemorySegment;

/// Functions of single elements.
public interface ElementKernels {
    /// dst\[i\] = f(src\[i\]) for i in 0 … n − 1, as [dev.runnel.internal.kernel.scalar.Functions]
    /// defines f.
    ///
    /// @param srcOffset in bytes; a multiple of 4, as is `dstOffset`
    /// @param dst may be `src` at the same offset; must not overlap it otherwise
    void apply(
            UnaryFunction f,
            MemorySegment src,
            long srcOffset,
            MemorySegment dst,
            long dstOffset,
            long n);
}
