package dev.runnel.internal.kernel.vector;

import static dev.runnel.internal.kernel.scalar.Functions.*;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// [dev.runnel.internal.kernel.scalar.Functions] lane by lane: the same operations in the same order,
/// so the same bits. C2's budget for inlining vector code is small: call one of these once in the
/// body of a loop, and no more. The species `s` is the caller's constant.
final class VectorFunctions {
    private VectorFunctions() {}

    private static FloatVector all(VectorSpecies<Float> s, float value) {
        return FloatVector.broadcast(s, value);
    }

    private static FloatVector h(VectorSpecies<Float> s, FloatVector w) {
        FloatVector t = w.fma(all(s, H_SCALE), all(s, H_ROUND));
        FloatVector n = t.sub(all(s, H_ROUND));
        FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
        FloatVector r = n.fma(all(s, -H_LN2_HIGH), w);
        r = n.fma(all(s, -H_LN2_LOW), r);
        FloatVector q = r.fma(all(s, Q4), all(s, Q3));
        q = q.fma(r, all(s, Q2));
        q = q.fma(r, all(s, Q1));
        q = q.fma(r, all(s, 1));
        q = q.fma(r.mul(r), r);
        return power.fma(q, power.fma(all(s, 0.5f), all(s, -0.5f)));
    }

    static FloatVector tanh(VectorSpecies<Float> s, FloatVector x) {
        FloatVector w = x.abs();
        FloatVector h = h(s, w);
        FloatVector y = h.div(h.add(all(s, 1))).blend(all(s, 1), w.compare(GT, TANH_ONE));
        IntVector sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
        return y.reinterpretAsInts().or(sign).reinterpretAsFloats();
    }

    static FloatVector sigmoidOfTwice(VectorSpecies<Float> s, FloatVector half) {
        FloatVector w = half.abs();
        FloatVector q = all(s, 0.5f).div(h(s, w).add(all(s, 1)));
        q = q.blend(all(s, 0), w.compare(GT, SIGMOID_ZERO_HALF));
        return all(s, 1).sub(q).blend(q, half.compare(LT, 0));
    }

    static FloatVector exp(VectorSpecies<Float> s, FloatVector x) {
        FloatVector t = x.fma(all(s, LOG2_E), all(s, ROUND));
        FloatVector n = t.sub(all(s, ROUND));
        FloatVector r = n.fma(all(s, -LN2_HIGH), x);
        r = n.fma(all(s, -LN2_LOW), r);
        FloatVector p = r.fma(all(s, E4), all(s, E3));
        p = p.fma(r, all(s, E2));
        p = p.fma(r, all(s, E1));
        p = p.fma(r, all(s, E0));
        p = p.fma(r.mul(r), r).add(all(s, 1));
        IntVector exponent = t.reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector half = exponent.lanewise(ASHR, 1);
        FloatVector y =
                p.mul(half.add(127).lanewise(LSHL, 23).reinterpretAsFloats())
                        .mul(exponent.sub(half).add(127).lanewise(LSHL, 23).reinterpretAsFloats());
        y = y.blend(all(s, Float.POSITIVE_INFINITY), x.compare(GT, EXP_INFINITE));
        return y.blend(all(s, 0), x.compare(LT, EXP_ZERO));
    }

    static FloatVector log(VectorSpecies<Float> s, FloatVector x) {
        VectorMask<Float> tiny = x.compare(LT, Float.MIN_NORMAL);
        IntVector i = x.blend(x.mul(all(s, 0x1p23f)), tiny).reinterpretAsInts().sub(SQRT_HALF_BITS);
        FloatVector e = (FloatVector) i.lanewise(ASHR, 23).convert(I2F, 0);
        e = e.sub(all(s, 0).blend(all(s, 23), tiny));
        FloatVector f = i.and(0x7FFFFF).add(SQRT_HALF_BITS).reinterpretAsFloats().sub(all(s, 1));
        FloatVector p = f.fma(all(s, L7), all(s, L6));
        p = p.fma(f, all(s, L5));
        p = p.fma(f, all(s, L4));
        p = p.fma(f, all(s, L3));
        p = p.fma(f, all(s, L2));
        p = p.fma(f, all(s, L1));
        p = p.fma(f, all(s, L0));
        FloatVector square = f.mul(f);
        p = square.mul(f).fma(p, all(s, -0.5f).mul(square));
        p = e.fma(all(s, LN2_LOW), p);
        FloatVector y = e.fma(all(s, LN2_HIGH), f.add(p));
        y = x.blend(y, x.compare(LT, Float.POSITIVE_INFINITY));
        y = y.blend(all(s, Float.NEGATIVE_INFINITY), x.compare(EQ, 0));
        return y.blend(all(s, Float.NaN), x.compare(LT, 0));
    }
}
