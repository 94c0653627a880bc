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
///
/// Each function of [dev.runnel.internal.kernel.scalar.Functions] is written out where it is used,
/// h four times: whether C2 inlines a method of ours depends on what it has compiled before, and
/// where it does not, each vector that the method takes or returns is an object.
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

    @Override
    public void tanh(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        C2.sharpen(dst);
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector half = FloatVector.broadcast(F, 0.5f);
        FloatVector minusHalf = FloatVector.broadcast(F, -0.5f);
        FloatVector scale = FloatVector.broadcast(F, H_SCALE);
        FloatVector round = FloatVector.broadcast(F, H_ROUND);
        FloatVector ln2High = FloatVector.broadcast(F, -H_LN2_HIGH);
        FloatVector ln2Low = FloatVector.broadcast(F, -H_LN2_LOW);
        FloatVector q1 = FloatVector.broadcast(F, Q1);
        FloatVector q2 = FloatVector.broadcast(F, Q2);
        FloatVector q3 = FloatVector.broadcast(F, Q3);
        FloatVector q4 = FloatVector.broadcast(F, Q4);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, src, srcOffset + i, LE);
            FloatVector w = x.abs();
            FloatVector t = w.fma(scale, round);
            FloatVector n = t.sub(round);
            FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector r = n.fma(ln2High, w);
            r = n.fma(ln2Low, r);
            FloatVector q = r.fma(q4, q3).fma(r, q2).fma(r, q1).fma(r, one);
            q = q.fma(r.mul(r), r);
            FloatVector h = power.fma(q, power.fma(half, minusHalf));
            FloatVector y = h.div(h.add(one)).blend(one, w.compare(GT, TANH_ONE));
            IntVector sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
            y.reinterpretAsInts()
                    .or(sign)
                    .reinterpretAsFloats()
                    .intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    @Override
    public void sigmoidOfTwice(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        C2.sharpen(dst);
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector half = FloatVector.broadcast(F, 0.5f);
        FloatVector minusHalf = FloatVector.broadcast(F, -0.5f);
        FloatVector scale = FloatVector.broadcast(F, H_SCALE);
        FloatVector round = FloatVector.broadcast(F, H_ROUND);
        FloatVector ln2High = FloatVector.broadcast(F, -H_LN2_HIGH);
        FloatVector ln2Low = FloatVector.broadcast(F, -H_LN2_LOW);
        FloatVector q1 = FloatVector.broadcast(F, Q1);
        FloatVector q2 = FloatVector.broadcast(F, Q2);
        FloatVector q3 = FloatVector.broadcast(F, Q3);
        FloatVector q4 = FloatVector.broadcast(F, Q4);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, src, srcOffset + i, LE);
            FloatVector w = x.abs();
            FloatVector t = w.fma(scale, round);
            FloatVector n = t.sub(round);
            FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector r = n.fma(ln2High, w);
            r = n.fma(ln2Low, r);
            FloatVector q = r.fma(q4, q3).fma(r, q2).fma(r, q1).fma(r, one);
            q = q.fma(r.mul(r), r);
            FloatVector h = power.fma(q, power.fma(half, minusHalf));
            FloatVector closed = half.div(h.add(one)).blend(0, w.compare(GT, SIGMOID_ZERO_HALF));
            FloatVector y = one.sub(closed).blend(closed, x.compare(LT, 0));
            y.intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    @Override
    public void gated(MemorySegment s, long gate, long x, long dst, long bytes) {
        C2.sharpen(s);
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector half = FloatVector.broadcast(F, 0.5f);
        FloatVector minusHalf = FloatVector.broadcast(F, -0.5f);
        FloatVector scale = FloatVector.broadcast(F, H_SCALE);
        FloatVector round = FloatVector.broadcast(F, H_ROUND);
        FloatVector ln2High = FloatVector.broadcast(F, -H_LN2_HIGH);
        FloatVector ln2Low = FloatVector.broadcast(F, -H_LN2_LOW);
        FloatVector q1 = FloatVector.broadcast(F, Q1);
        FloatVector q2 = FloatVector.broadcast(F, Q2);
        FloatVector q3 = FloatVector.broadcast(F, Q3);
        FloatVector q4 = FloatVector.broadcast(F, Q4);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector a = FloatVector.fromMemorySegment(F, s, gate + i, LE);
            FloatVector v = a.abs();
            v = v.blend(GATE_HALF, v.compare(GT, GATE_HALF));
            FloatVector vt = v.fma(scale, round);
            FloatVector vn = vt.sub(round);
            FloatVector vp = vt.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector vr = vn.fma(ln2High, v);
            vr = vn.fma(ln2Low, vr);
            FloatVector vq = vr.fma(q4, q3).fma(vr, q2).fma(vr, q1).fma(vr, one);
            vq = vq.fma(vr.mul(vr), vr);
            FloatVector vh = vp.fma(vq, vp.fma(half, minusHalf));
            FloatVector b = FloatVector.fromMemorySegment(F, s, x + i, LE);
            FloatVector w = b.abs();
            w = w.blend(TANH_ONE, w.compare(GT, TANH_ONE));
            FloatVector wt = w.fma(scale, round);
            FloatVector wn = wt.sub(round);
            FloatVector wp = wt.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector wr = wn.fma(ln2High, w);
            wr = wn.fma(ln2Low, wr);
            FloatVector wq = wr.fma(q4, q3).fma(wr, q2).fma(wr, q1).fma(wr, one);
            wq = wq.fma(wr.mul(wr), wr);
            FloatVector wh = wp.fma(wq, wp.fma(half, minusHalf));
            FloatVector open = vh.add(half).blend(half, a.compare(LT, 0));
            open = open.blend(0, a.compare(LT, -GATE_HALF)).mul(wh);
            FloatVector y = open.div(vh.add(one).mul(wh.add(one)));
            IntVector sign = b.reinterpretAsInts().and(Integer.MIN_VALUE);
            y.reinterpretAsInts().or(sign).reinterpretAsFloats().intoMemorySegment(s, dst + i, LE);
        }
    }

    @Override
    public void keep(MemorySegment s, long gate, long c, long add, long bytes) {
        C2.sharpen(s);
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector half = FloatVector.broadcast(F, 0.5f);
        FloatVector minusHalf = FloatVector.broadcast(F, -0.5f);
        FloatVector scale = FloatVector.broadcast(F, H_SCALE);
        FloatVector round = FloatVector.broadcast(F, H_ROUND);
        FloatVector ln2High = FloatVector.broadcast(F, -H_LN2_HIGH);
        FloatVector ln2Low = FloatVector.broadcast(F, -H_LN2_LOW);
        FloatVector q1 = FloatVector.broadcast(F, Q1);
        FloatVector q2 = FloatVector.broadcast(F, Q2);
        FloatVector q3 = FloatVector.broadcast(F, Q3);
        FloatVector q4 = FloatVector.broadcast(F, Q4);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, s, gate + i, LE);
            FloatVector w = x.abs();
            FloatVector t = w.fma(scale, round);
            FloatVector n = t.sub(round);
            FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector r = n.fma(ln2High, w);
            r = n.fma(ln2Low, r);
            FloatVector q = r.fma(q4, q3).fma(r, q2).fma(r, q1).fma(r, one);
            q = q.fma(r.mul(r), r);
            FloatVector h = power.fma(q, power.fma(half, minusHalf));
            FloatVector closed = half.div(h.add(one)).blend(0, w.compare(GT, SIGMOID_ZERO_HALF));
            FloatVector y = one.sub(closed).blend(closed, x.compare(LT, 0));
            FloatVector more = FloatVector.fromMemorySegment(F, s, add + i, LE);
            y.fma(FloatVector.fromMemorySegment(F, s, c + i, LE), more)
                    .intoMemorySegment(s, c + i, LE);
        }
    }

    /// σ(x) by [#sigmoidOfTwice] of its half.
    private void sigmoid(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        C2.sharpen(dst);
        FloatVector half = FloatVector.broadcast(F, 0.5f);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, src, srcOffset + i, LE);
            x.mul(half).intoMemorySegment(dst, dstOffset + i, LE);
        }
        sigmoidOfTwice(dst, dstOffset, dst, dstOffset, bytes);
    }

    private static void exp(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        C2.sharpen(dst);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, src, srcOffset + i, LE);
            FloatVector t =
                    x.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
            FloatVector n = t.sub(FloatVector.broadcast(F, ROUND));
            FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
            r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, E4), FloatVector.broadcast(F, E3));
            p = p.fma(r, FloatVector.broadcast(F, E2));
            p = p.fma(r, FloatVector.broadcast(F, E1));
            p = p.fma(r, FloatVector.broadcast(F, E0));
            p = p.fma(r.mul(r), r).add(FloatVector.broadcast(F, 1));
            IntVector exponent = t.reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
            IntVector half = exponent.lanewise(ASHR, 1);
            FloatVector y =
                    p.mul(half.add(127).lanewise(LSHL, 23).reinterpretAsFloats())
                            .mul(
                                    exponent.sub(half)
                                            .add(127)
                                            .lanewise(LSHL, 23)
                                            .reinterpretAsFloats());
            y =
                    y.blend(
                            FloatVector.broadcast(F, Float.POSITIVE_INFINITY),
                            x.compare(GT, EXP_INFINITE));
            y.blend(FloatVector.broadcast(F, 0), x.compare(LT, EXP_ZERO))
                    .intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void log(
            MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        C2.sharpen(dst);
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector x = FloatVector.fromMemorySegment(F, src, srcOffset + i, LE);
            VectorMask<Float> tiny = x.compare(LT, Float.MIN_NORMAL);
            IntVector bits =
                    x.blend(x.mul(FloatVector.broadcast(F, 0x1p23f)), tiny)
                            .reinterpretAsInts()
                            .sub(SQRT_HALF_BITS);
            FloatVector e = (FloatVector) bits.lanewise(ASHR, 23).convert(I2F, 0);
            e = e.sub(FloatVector.broadcast(F, 0).blend(FloatVector.broadcast(F, 23), tiny));
            FloatVector f =
                    bits.and(0x7FFFFF)
                            .add(SQRT_HALF_BITS)
                            .reinterpretAsFloats()
                            .sub(FloatVector.broadcast(F, 1));
            FloatVector p = f.fma(FloatVector.broadcast(F, L7), FloatVector.broadcast(F, L6));
            p = p.fma(f, FloatVector.broadcast(F, L5));
            p = p.fma(f, FloatVector.broadcast(F, L4));
            p = p.fma(f, FloatVector.broadcast(F, L3));
            p = p.fma(f, FloatVector.broadcast(F, L2));
            p = p.fma(f, FloatVector.broadcast(F, L1));
            p = p.fma(f, FloatVector.broadcast(F, L0));
            FloatVector square = f.mul(f);
            p = square.mul(f).fma(p, FloatVector.broadcast(F, -0.5f).mul(square));
            p = e.fma(FloatVector.broadcast(F, LN2_LOW), p);
            FloatVector y = e.fma(FloatVector.broadcast(F, LN2_HIGH), f.add(p));
            y = x.blend(y, x.compare(LT, Float.POSITIVE_INFINITY));
            y = y.blend(FloatVector.broadcast(F, Float.NEGATIVE_INFINITY), x.compare(EQ, 0));
            y.blend(FloatVector.broadcast(F, Float.NaN), x.compare(LT, 0))
                    .intoMemorySegment(dst, dstOffset + i, LE);
        }
    }
}
