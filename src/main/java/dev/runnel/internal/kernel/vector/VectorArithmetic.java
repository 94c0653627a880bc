package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.Reduction;
import dev.runnel.internal.kernel.scalar.ScalarArithmetic;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [ArithmeticKernels] by the Vector API. Each function has its own loops: an operation chosen by a
/// variable would not be compiled to an instruction. The elements behind the last full vector, and
/// the rarer reductions, are the scalar twin's.
final class VectorArithmetic implements ArithmeticKernels {
    private static final VectorSpecies<Float> S = Width.species(MethodHandles.lookup());
    private static final int LANES = S.length();
    private static final int CHAINS = 16;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.fromOp(S, i -> i ^ 1);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.fromOp(S, i -> i ^ 2);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.fromOp(S, i -> (i ^ 4) % LANES);
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.fromOp(S, i -> (i ^ 8) % LANES);

    private final ScalarArithmetic scalar = new ScalarArithmetic();

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
        int done = n / LANES * LANES;
        if (done > 0) {
            if (aStep == 1 && bStep == 1) {
                both(f, a, aOffset, b, bOffset, dst, dstOffset, done);
            } else if (aStep == 1) {
                right(f, a, aOffset, b.get(JAVA_FLOAT_UNALIGNED, bOffset), dst, dstOffset, done);
            } else if (bStep == 1 && f != BinaryFunction.LEAK) {
                left(f, a.get(JAVA_FLOAT_UNALIGNED, aOffset), b, bOffset, dst, dstOffset, done);
            } else {
                done = 0;
            }
        }
        if (done < n) {
            scalar.apply(
                    f,
                    a,
                    aOffset + 4L * done * aStep,
                    aStep,
                    b,
                    bOffset + 4L * done * bStep,
                    bStep,
                    dst,
                    dstOffset + 4L * done,
                    n - done);
        }
    }

    private static void both(
            BinaryFunction f,
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        switch (f) {
            case ADD -> add(a, aOffset, b, bOffset, dst, dstOffset, n);
            case MUL -> mul(a, aOffset, b, bOffset, dst, dstOffset, n);
            case MIN -> min(a, aOffset, b, bOffset, dst, dstOffset, n);
            case MAX -> max(a, aOffset, b, bOffset, dst, dstOffset, n);
            case SUB -> sub(a, aOffset, b, bOffset, dst, dstOffset, n);
            case DIV -> div(a, aOffset, b, bOffset, dst, dstOffset, n);
            case LEAK -> leak(a, aOffset, b, bOffset, dst, dstOffset, n);
        }
    }

    private static void right(
            BinaryFunction f,
            MemorySegment a,
            long aOffset,
            float b,
            MemorySegment dst,
            long dstOffset,
            int n) {
        switch (f) {
            case ADD -> add(a, aOffset, b, dst, dstOffset, n);
            case MUL -> mul(a, aOffset, b, dst, dstOffset, n);
            case MIN -> min(a, aOffset, b, dst, dstOffset, n);
            case MAX -> max(a, aOffset, b, dst, dstOffset, n);
            case SUB -> add(a, aOffset, -b, dst, dstOffset, n);
            case DIV -> div(a, aOffset, b, dst, dstOffset, n);
            case LEAK -> leak(a, aOffset, b, dst, dstOffset, n);
        }
    }

    private static void left(
            BinaryFunction f,
            float a,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        switch (f) {
            case SUB -> sub(a, b, bOffset, dst, dstOffset, n);
            case DIV -> div(a, b, bOffset, dst, dstOffset, n);
            case ADD, MUL, MIN, MAX -> right(f, b, bOffset, a, dst, dstOffset, n);
            case LEAK -> throw new AssertionError(f);
        }
    }

    private static void add(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .add(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void add(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .add(all)
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void mul(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .mul(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void mul(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .mul(all)
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void min(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .min(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void min(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .min(all)
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void max(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .max(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void max(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .max(all)
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void sub(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .sub(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void sub(
            float a, MemorySegment b, long bOffset, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, a);
        for (int i = 0; i < n; i += LANES) {
            all.sub(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void div(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .div(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void div(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE)
                    .div(all)
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void div(
            float a, MemorySegment b, long bOffset, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, a);
        for (int i = 0; i < n; i += LANES) {
            all.div(FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE))
                    .intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void leak(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            MemorySegment dst,
            long dstOffset,
            int n) {
        C2.sharpen(dst);
        for (int i = 0; i < n; i += LANES) {
            FloatVector x = FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE);
            FloatVector slope = FloatVector.fromMemorySegment(S, b, bOffset + 4L * i, LE);
            x.blend(x.mul(slope), x.lt(0)).intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    private static void leak(
            MemorySegment a, long aOffset, float b, MemorySegment dst, long dstOffset, int n) {
        C2.sharpen(dst);
        FloatVector all = FloatVector.broadcast(S, b);
        for (int i = 0; i < n; i += LANES) {
            FloatVector x = FloatVector.fromMemorySegment(S, a, aOffset + 4L * i, LE);
            x.blend(x.mul(all), x.lt(0)).intoMemorySegment(dst, dstOffset + 4L * i, LE);
        }
    }

    @Override
    public float reduce(Reduction f, MemorySegment src, long srcOffset, int n) {
        // Sums alone: with squares and maxima beside them, all inlined here once all are in use,
        // the
        // method exceeds what C2 inlines, and one of them returns its vectors in boxes for good.
        return n >= CHAINS && f == Reduction.SUM
                ? sums(src, srcOffset, n, 0, CHAINS)
                : scalar.reduce(f, src, srcOffset, n);
    }

    /// The sum of `count` chains from `first` on, neighbours first.
    private static float sums(MemorySegment src, long offset, int n, int first, int count) {
        int h = count / 2;
        return count == LANES
                ? sum(src, offset, n, first)
                : sums(src, offset, n, first, h) + sums(src, offset, n, first + h, h);
    }

    private static float sum(MemorySegment src, long offset, int n, int first) {
        FloatVector s = FloatVector.broadcast(S, 0);
        int i = first;
        for (; i + LANES <= n; i += CHAINS) {
            FloatVector x = FloatVector.fromMemorySegment(S, src, offset + 4L * i, LE);
            s = s.add(x);
        }
        if (i < n) {
            VectorMask<Float> some = S.indexInRange(i, n);
            FloatVector x = FloatVector.fromMemorySegment(S, src, offset + 4L * i, LE, some);
            s = s.blend(s.add(x), some);
        }
        s = s.add(s.rearrange(BY_1));
        s = s.add(s.rearrange(BY_2));
        if (LANES > 4) {
            s = s.add(s.rearrange(BY_4));
        }
        if (LANES > 8) {
            s = s.add(s.rearrange(BY_8));
        }
        return s.lane(0);
    }
}
