package dev.runnel.internal.kernel.vector;

import java.lang.foreign.MemorySegment;

/// Loops around tanh and σ, as the cells of recurrent networks need them. A class of kernels
/// reaches another's copy of its own width by an interface, since the copy has no name.
interface Activations {
    /// dst\[i\] = tanh(src\[i\]), up to the end of the vector in which the last byte lies.
    void tanh(MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes);

    /// dst\[i\] = σ(2 · src\[i\]), up to the end of the vector in which the last byte lies.
    void sigmoidOfTwice(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes);

    /// dst\[i\] = σ(2 · gate\[i\]) · tanh(x\[i\]), all in one segment, up to the end of the vector
    /// in which the last byte lies. `dst` may be `gate` or `x`.
    void gated(MemorySegment s, long gate, long x, long dst, long bytes);

    /// c\[i\] = σ(2 · gate\[i\]) · c\[i\] + add\[i\], as [#gated].
    void keep(MemorySegment s, long gate, long c, long add, long bytes);
}
