package dev.runnel.internal.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

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

    /// Sets `bytes` bytes from `at` on to zero: in a step, where a slice to be filled may become an
    /// object.
    public static void clear(MemorySegment s, long at, long bytes) {
        long whole = bytes & -Long.BYTES;
        for (long i = 0; i < whole; i += Long.BYTES) {
            s.set(JAVA_LONG_UNALIGNED, at + i, 0);
        }
        for (long i = whole; i < bytes; i++) {
            s.set(JAVA_BYTE, at + i, (byte) 0);
        }
    }
}
