package dev.runnel.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Off-heap blocks aligned to a cache line.
public final class Blocks {
    /// Bytes of a cache line, and of the widest vector.
    public static final long LINE = 64;

    private Blocks() {}

    /// `bytes` rounded up to whole cache lines.
    public static long aligned(long bytes) {
        return Math.addExact(bytes, LINE - 1) & -LINE;
    }

    /// A zeroed block, never of 0 bytes, so that empty tensors have a place too.
    public static MemorySegment allocate(Arena arena, long bytes) {
        return arena.allocate(Math.max(bytes, LINE), LINE);
    }
}
