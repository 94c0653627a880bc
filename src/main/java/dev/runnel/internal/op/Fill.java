package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Fills memory with one element. Elements are moved as integers of their size: no type matters.
final class Fill {
    private Fill() {}

    /// The element of `size` bytes at `offset`, as the low bits of a long.
    static long bits(int size, MemorySegment s, long offset) {
        return switch (size) {
            case 1 -> s.get(JAVA_BYTE, offset);
            case 2 -> s.get(JAVA_SHORT_UNALIGNED, offset);
            case 4 -> s.get(JAVA_INT_UNALIGNED, offset);
            default -> s.get(JAVA_LONG_UNALIGNED, offset);
        };
    }

    /// Writes `n` elements of `size` bytes, each the low bits of `bits`.
    static void fill(int size, long bits, MemorySegment s, long offset, long n) {
        switch (size) {
            case 1 -> {
                for (long i = 0; i < n; i++) {
                    s.set(JAVA_BYTE, offset + i, (byte) bits);
                }
            }
            case 2 -> {
                for (long i = 0; i < n; i++) {
                    s.set(JAVA_SHORT_UNALIGNED, offset + 2 * i, (short) bits);
                }
            }
            case 4 -> {
                for (long i = 0; i < n; i++) {
                    s.set(JAVA_INT_UNALIGNED, offset + 4 * i, (int) bits);
                }
            }
            default -> {
                for (long i = 0; i < n; i++) {
                    s.set(JAVA_LONG_UNALIGNED, offset + 8 * i, bits);
                }
            }
        }
    }
}
