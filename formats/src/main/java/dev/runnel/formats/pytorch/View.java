package dev.runnel.formats.pytorch;

import java.util.Arrays;

/// A tensor as PyTorch has it: element `[i, j, …]` is number `offset + i·stride[0] + j·stride[1] +
/// …` of its storage.
record View(Storage storage, long offset, long[] size, long[] stride) {
    /// Whether its elements follow each other in row-major order.
    boolean isContiguous() {
        long expected = 1;
        for (int a = size.length - 1; a >= 0; a--) {
            if (size[a] != 1 && stride[a] != expected) {
                return false;
            }
            expected *= size[a];
        }
        return true;
    }

    /// The number after that of its last element, which is not empty.
    ///
    /// @throws ArithmeticException if it exceeds a long
    long end() {
        long last = offset;
        for (int a = 0; a < size.length; a++) {
            last = Math.addExact(last, Math.multiplyExact(size[a] - 1, stride[a]));
        }
        return Math.addExact(last, 1);
    }

    /// Whether all numbers are at least 0.
    boolean isSound() {
        return offset >= 0
                && Arrays.stream(size).allMatch(n -> n >= 0)
                && Arrays.stream(stride).allMatch(n -> n >= 0);
    }
}
