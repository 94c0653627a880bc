package dev.runnel.internal.kernel.vector;

import static dev.runnel.internal.kernel.scalar.Functions.*;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.UnaryFunction;
import dev.runnel.internal.kernel.scalar.ScalarElements;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [ElementKernels] by the Vector API, at the width of [Width]; the last few elements one by one.
final class VectorElements implements ElementKernels, Activations {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public void apply(
            UnaryFunction f,
            MemorySegment src,
            long srcOffset,
            MemorySegment dst,
            long dstOffset,
            long n) {
        long vectors = 4 * (n - n % F.length());
        switch (f) {
            case TANH -> tanh(src, srcOffset, dst, dstOffset, vectors);
            case SIGMOID -> sigmoid(src, srcOffset, dst, dstOffset, vectors);
            case EXP -> exp(src, srcOffset, dst, dstOffset, vectors);
            case LOG -> log(src, srcOffset, dst, dstOffset, vectors);
        }
        for (long i = vectors; i < 4 * n; i += 4) {
            float x = src.get(JAVA_FLOAT_UNALIGNED, srcOffset + i);
            dst.set(JAVA_FLOAT_UNALIGNED, dstOffset + i, ScalarElements.of(f, x));
        }
    }

    private static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(F, s, offset, LE);
    }

    @Override
    public void tanh(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            tanh(load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    @Override
    public void sigmoidOfTwice(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            sigmoidOfTwice(load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void sigmoid(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector half = load(src, srcOffset + i).mul(all(0.5f));
            sigmoidOfTwice(half).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void exp(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            exp(load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void log(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            log(load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(F, value);
    }

    private static FloatVector h(FloatVector w) {
        FloatVector t = w.fma(all(H_SCALE), all(H_ROUND));
        FloatVector n = t.sub(all(H_ROUND));
        FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
        FloatVector r = n.fma(all(-H_LN2_HIGH), w);
        r = n.fma(all(-H_LN2_LOW), r);
        FloatVector q = r.fma(all(Q4), all(Q3));
        q = q.fma(r, all(Q2));
        q = q.fma(r, all(Q1));
        q = q.fma(r, all(1));
        q = q.fma(r.mul(r), r);
        return power.fma(q, power.fma(all(0.5f), all(-0.5f)));
    }

    private static FloatVector tanh(FloatVector x) {
        FloatVector w = x.abs();
        FloatVector h = h(w);
        FloatVector y = h.div(h.add(all(1))).blend(all(1), w.compare(GT, TANH_ONE));
        IntVector sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
        return y.reinterpretAsInts().or(sign).reinterpretAsFloats();
    }

    private static FloatVector sigmoidOfTwice(FloatVector half) {
        FloatVector w = half.abs();
        FloatVector q = all(0.5f).div(h(w).add(all(1)));
        q = q.blend(all(0), w.compare(GT, SIGMOID_ZERO_HALF));
        return all(1).sub(q).blend(q, half.compare(LT, 0));
    }

    private static FloatVector exp(FloatVector x) {
        FloatVector t = x.fma(all(LOG2_E), all(ROUND));
        FloatVector n = t.sub(all(ROUND));
        FloatVector r = n.fma(all(-LN2_HIGH), x);
        r = n.fma(all(-LN2_LOW), r);
        FloatVector p = r.fma(all(E4), all(E3));
        p = p.fma(r, all(E2));
        p = p.fma(r, all(E1));
        p = p.fma(r, all(E0));
        p = p.fma(r.mul(r), r).add(all(1));
        IntVector exponent = t.reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector half = exponent.lanewise(ASHR, 1);
        FloatVector y =
                p.mul(half.add(127).lanewise(LSHL, 23).reinterpretAsFloats())
                        .mul(exponent.sub(half).add(127).lanewise(LSHL, 23).reinterpretAsFloats());
        y = y.blend(all(Float.POSITIVE_INFINITY), x.compare(GT, EXP_INFINITE));
        return y.blend(all(0), x.compare(LT, EXP_ZERO));
    }

    private static FloatVector log(FloatVector x) {
        VectorMask<Float> tiny = x.compare(LT, Float.MIN_NORMAL);
        IntVector i = x.blend(x.mul(all(0x1p23f)), tiny).reinterpretAsInts().sub(SQRT_HALF_BITS);
        FloatVector e = (FloatVector) i.lanewise(ASHR, 23).convert(I2F, 0);
        e = e.sub(all(0).blend(all(23), tiny));
        FloatVector f = i.and(0x7FFFFF).add(SQRT_HALF_BITS).reinterpretAsFloats().sub(all(1));
        FloatVector p = f.fma(all(L7), all(L6));
        p = p.fma(f, all(L5));
        p = p.fma(f, all(L4));
        p = p.fma(f, all(L3));
        p = p.fma(f, all(L2));
        p = p.fma(f, all(L1));
        p = p.fma(f, all(L0));
        FloatVector square = f.mul(f);
        p = square.mul(f).fma(p, all(-0.5f).mul(square));
        p = e.fma(all(LN2_LOW), p);
        FloatVector y = e.fma(all(LN2_HIGH), f.add(p));
        y = x.blend(y, x.compare(LT, Float.POSITIVE_INFINITY));
        y = y.blend(all(Float.NEGATIVE_INFINITY), x.compare(EQ, 0));
        return y.blend(all(Float.NaN), x.compare(LT, 0));
    }
}
