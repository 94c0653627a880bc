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

    /// [dev.runnel.internal.kernel.scalar.Functions#gated] written out, h twice: any method of our
    /// own would be refused by C2's budget of nodes, as [VectorPanelBlocks] says.
    @Override
    public void gated(MemorySegment s, long gate, long x, long dst, long bytes) {
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
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            sigmoidOfTwice(load(s, gate + i))
                    .fma(load(s, c + i), load(s, add + i))
                    .intoMemorySegment(s, c + i, LE);
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
