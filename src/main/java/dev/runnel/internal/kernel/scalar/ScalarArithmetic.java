package dev.runnel.internal.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.Reduction;

import java.lang.foreign.MemorySegment;

/// [ArithmeticKernels] in plain Java.
public final class ScalarArithmetic implements ArithmeticKernels {
    private static final int CHAINS = 16;

    @Override
    public void apply(
            BinaryFunction f,
            MemorySegment a,
            long aOffset,
            int aStep,
            MemorySegment b,
            long bOffset,
            int bStep,
            MemorySegment dst,
            long dstOffset,
            int n) {
        long aBytes = 4L * aStep;
        long bBytes = 4L * bStep;
        for (int i = 0; i < n; i++) {
            float x = a.get(JAVA_FLOAT_UNALIGNED, aOffset + i * aBytes);
            float y = b.get(JAVA_FLOAT_UNALIGNED, bOffset + i * bBytes);
            dst.set(JAVA_FLOAT_UNALIGNED, dstOffset + 4L * i, apply(f, x, y));
        }
    }

    private static float apply(BinaryFunction f, float x, float y) {
        return switch (f) {
            case ADD -> x + y;
            case MUL -> x * y;
            case MIN -> Math.min(x, y);
            case MAX -> Math.max(x, y);
            case SUB -> x - y;
            case DIV -> x / y;
            case LEAK -> x < 0 ? x * y : x;
        };
    }

    @Override
    public float reduce(Reduction f, MemorySegment src, long srcOffset, int n) {
        return tree(f, src, srcOffset, n, 0, CHAINS);
    }

    /// Chains `first` … `first + count - 1`, joined; `count` is a power of two.
    private static float tree(
            Reduction f, MemorySegment src, long srcOffset, int n, int first, int count) {
        if (count == 1) {
            return chain(f, src, srcOffset, n, first);
        }
        int half = count / 2;
        return join(
                f,
                tree(f, src, srcOffset, n, first, half),
                tree(f, src, srcOffset, n, first + half, half));
    }

    private static float chain(Reduction f, MemorySegment src, long srcOffset, int n, int first) {
        float sum = f.identity();
        for (int i = first; i < n; i += CHAINS) {
            float x = src.get(JAVA_FLOAT_UNALIGNED, srcOffset + 4L * i);
            sum =
                    switch (f) {
                        case SUM -> sum + x;
                        case SUM_OF_SQUARES -> Math.fma(x, x, sum);
                        case SUM_OF_ABSOLUTES -> sum + Math.abs(x);
                        case PRODUCT -> sum * x;
                        case MAX -> Math.max(sum, x);
                        case MIN -> Math.min(sum, x);
                    };
        }
        return sum;
    }

    private static float join(Reduction f, float x, float y) {
        return switch (f) {
            case SUM, SUM_OF_SQUARES, SUM_OF_ABSOLUTES -> x + y;
            case PRODUCT -> x * y;
            case MAX -> Math.max(x, y);
            case MIN -> Math.min(x, y);
        };
    }
}
