package dev.runnel.internal.kernel.scalar;

/// What tanh, σ, exp and ln mean in Runnel: each a fixed sequence of IEEE float operations, so that
/// every platform and every kernel set gives the same bits. ([Math#tanh] and the Vector API's
/// functions differ between platforms.) The vector kernels repeat them lane by lane.
///
/// | function | greatest error, measured at every 7th float | beyond |
/// |---|---|---|
/// | tanh | 2.5 ulp | odd, ±1 from \|x\| = 9.02, −0 → −0 |
/// | σ | 3.0 ulp | 0 below −88; the error holds above −87.3, where σ is a normal number |
/// | exp | 1.01 ulp, denormals included | 0 below −103.97, ∞ above 88.72 |
/// | ln | 0.9 ulp, denormals included | ±0 → −∞, x < 0 → NaN |
/// | σ(2a) · tanh b | 4.9 ulp, of 60 million random pairs | 0 below a = −30 |
///
/// NaN gives NaN. The polynomials were fitted for least relative error by Lawson's iteration.
public final class Functions {
    // ---- tanh and σ, both by h(w) = (e^{2w} − 1) / 2 for w ≥ 0:
    //          tanh w = h / (h + 1)        σ(−2w) = ½ / (h + 1)
    //      w = n · ln2/2 + r,  h = 2ⁿ · q + (2ⁿ − 1) / 2,  q = (e^{2r} − 1) / 2 = r + r² · Q(r).

    /// 2 / ln 2.
    public static final float H_SCALE = 0x1.715476p1f;

    /// Added to a small number, rounds it to an integer n and leaves n + 127 in the lowest bits: 2ⁿ
    /// once they are shifted to the exponent's place.
    public static final float H_ROUND = 0x1.8p23f + 127;

    /// ln2 / 2 = H_LN2_HIGH + H_LN2_LOW.
    public static final float H_LN2_HIGH = 0x1.62e43p-2f;

    public static final float H_LN2_LOW = -0x1.05c61p-30f;
    public static final float Q1 = 0x1.5554b6p-1f;
    public static final float Q2 = 0x1.5555bap-2f;
    public static final float Q3 = 0x1.122478p-3f;
    public static final float Q4 = 0x1.6c55ap-5f;

    /// From here on tanh is 1.
    public static final float TANH_ONE = 9.02f;

    /// −σ's argument from which on σ is 0; half of it.
    public static final float SIGMOID_ZERO_HALF = 44;

    /// Half of the argument below which a gate lets nothing pass, and above which all; the products
    /// of [#gated] stay finite.
    public static final float GATE_HALF = 30;

    // ---- exp: x = n · ln2 + r, e^r = 1 + r + r² · E(r), times 2ⁿ in two halves, each a normal
    // number.

    public static final float LOG2_E = 0x1.715476p0f;
    public static final float ROUND = 0x1.8p23f;
    public static final float LN2_HIGH = 0x1.62e43p-1f;
    public static final float LN2_LOW = -0x1.05c61p-29f;
    public static final float E0 = 0.49999994f;
    public static final float E1 = 0.1666652f;
    public static final float E2 = 0.0416684f;
    public static final float E3 = 0.00836885f;
    public static final float E4 = 0.001381432f;
    public static final float EXP_INFINITE = 88.72284f;
    public static final float EXP_ZERO = -103.97208f;

    // ---- ln: x = 2ᵉ · (1 + f) with 1 + f in [√½, √2), ln(1 + f) = f − f²/2 + f³ · L(f).

    public static final int SQRT_HALF_BITS = 0x3F3504F3;
    public static final float L0 = 0.33333331f;
    public static final float L1 = -0.2500082f;
    public static final float L2 = 0.20001227f;
    public static final float L3 = -0.16623357f;
    public static final float L4 = 0.14201757f;
    public static final float L5 = -0.13160183f;
    public static final float L6 = 0.12761576f;
    public static final float L7 = -0.07634497f;

    private Functions() {}

    /// (e^{2w} − 1) / 2 for 0 ≤ w ≤ 44; anything for other w.
    private static float h(float w) {
        float t = Math.fma(w, H_SCALE, H_ROUND);
        float n = t - H_ROUND;
        float power = Float.intBitsToFloat(Float.floatToRawIntBits(t) << 23);
        float r = Math.fma(n, -H_LN2_HIGH, w);
        r = Math.fma(n, -H_LN2_LOW, r);
        float q = Math.fma(Q4, r, Q3);
        q = Math.fma(q, r, Q2);
        q = Math.fma(q, r, Q1);
        q = Math.fma(q, r, 1f);
        q = Math.fma(q, r * r, r);
        return Math.fma(power, q, Math.fma(power, 0.5f, -0.5f));
    }

    /// tanh x.
    public static float tanh(float x) {
        float w = Math.abs(x);
        float h = h(w);
        float y = w > TANH_ONE ? 1 : h / (h + 1);
        return Math.copySign(y, x);
    }

    /// σ(2 · half) = 1 / (1 + e^{−2 · half}): for gates whose weights were halved when packed.
    public static float sigmoidOfTwice(float half) {
        float w = Math.abs(half);
        float q = w > SIGMOID_ZERO_HALF ? 0 : 0.5f / (h(w) + 1);
        return half < 0 ? q : 1 - q;
    }

    /// σ(2 · half) · tanh x, what a gate lets pass, by one division where two are the slowest part
    /// of a cell: `(h(|half|) + ½) · h(|x|) / ((h(|half|) + 1) · (h(|x|) + 1))`, with ½ in the
    /// place of `h(|half|) + ½` for a negative half.
    public static float gated(float half, float x) {
        float v = Math.abs(half);
        float w = Math.abs(x);
        float hv = h(v > GATE_HALF ? GATE_HALF : v);
        float hw = h(w > TANH_ONE ? TANH_ONE : w);
        float open = half < 0 ? 0.5f : hv + 0.5f;
        float y = (half < -GATE_HALF ? 0 : open) * hw / ((hv + 1) * (hw + 1));
        return Float.intBitsToFloat(
                Float.floatToRawIntBits(y) | Float.floatToRawIntBits(x) & Integer.MIN_VALUE);
    }

    /// σ(x) = 1 / (1 + e⁻ˣ).
    public static float sigmoid(float x) {
        return sigmoidOfTwice(0.5f * x);
    }

    /// eˣ.
    public static float exp(float x) {
        float t = Math.fma(x, LOG2_E, ROUND);
        float n = t - ROUND;
        float r = Math.fma(n, -LN2_HIGH, x);
        r = Math.fma(n, -LN2_LOW, r);
        float p = Math.fma(E4, r, E3);
        p = Math.fma(p, r, E2);
        p = Math.fma(p, r, E1);
        p = Math.fma(p, r, E0);
        p = Math.fma(p, r * r, r) + 1;
        int exponent = Float.floatToRawIntBits(t) - Float.floatToRawIntBits(ROUND);
        int half = exponent >> 1;
        float y =
                p
                        * Float.intBitsToFloat((half + 127) << 23)
                        * Float.intBitsToFloat((exponent - half + 127) << 23);
        y = x > EXP_INFINITE ? Float.POSITIVE_INFINITY : y;
        return x < EXP_ZERO ? 0 : y;
    }

    /// ln x.
    public static float log(float x) {
        boolean tiny = x < Float.MIN_NORMAL;
        int i = Float.floatToRawIntBits(tiny ? x * 0x1p23f : x) - SQRT_HALF_BITS;
        float e = (i >> 23) - (tiny ? 23f : 0f);
        float f = Float.intBitsToFloat((i & 0x7FFFFF) + SQRT_HALF_BITS) - 1;
        float p = Math.fma(L7, f, L6);
        p = Math.fma(p, f, L5);
        p = Math.fma(p, f, L4);
        p = Math.fma(p, f, L3);
        p = Math.fma(p, f, L2);
        p = Math.fma(p, f, L1);
        p = Math.fma(p, f, L0);
        float square = f * f;
        p = Math.fma(square * f, p, -0.5f * square);
        p = Math.fma(e, LN2_LOW, p);
        float y = Math.fma(e, LN2_HIGH, f + p);
        y = x < Float.POSITIVE_INFINITY ? y : x;
        y = x == 0 ? Float.NEGATIVE_INFINITY : y;
        return x < 0 ? Float.NaN : y;
    }
}
