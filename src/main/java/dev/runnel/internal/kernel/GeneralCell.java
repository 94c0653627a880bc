package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The passes over the gates with everything the standard allows: any activations, clipping,
/// peepholes, coupled gates. One definition in plain Java, unit by unit, serves every set of
/// kernels. Unlike those of [RecurrentKernels] these take whole, not halved, sums of the gates.
///
/// @param f activation of the gates (RNN: of the cell)
/// @param g of the candidate
/// @param h of LSTM's output
/// @param clip bound on the gates' sums; ∞ for none
/// @param coupled whether LSTM's forget gate is 1 − i
/// @param peepholes offset of LSTM's peepholes in the lanes' memory, H floats each for i, o, f; −1
///   for none
public record GeneralCell(
        Activation f, Activation g, Activation h, float clip, boolean coupled, long peepholes)
        implements GatePasses {

    /// h = f(z).
    @Override
    public void rnn(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < 4L * at.hiddenSize(); u += 4) {
                set(s, h + u, apply(f, get(s, z + u)));
            }
        }
    }

    /// LSTM; see [GatePasses#lstm] for where the gates lie.
    ///
    /// `i = f(i + pᵢ ⊙ c)`, `f = f(f + p_f ⊙ c)`, `c' = f ⊙ c + i ⊙ g(g)`, `o = f(o + p_o ⊙ c')`,
    /// `h = o ⊙ h(c')`
    @Override
    public void lstm(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long i = at.z() + m * at.zStride();
            long f = i + gate;
            long o = f + gate;
            long g = o + gate;
            long c = at.c() + m * at.cStride();
            long h = at.m() + m * at.xStride();
            for (long u = 0; u < gate; u += 4) {
                float old = get(s, c + u);
                float in = apply(this.f, peep(s, u, old, get(s, i + u)));
                float keep =
                        coupled ? 1 - in : apply(this.f, peep(s, 2 * gate + u, old, get(s, f + u)));
                float cell = Math.fma(keep, old, in * apply(this.g, get(s, g + u)));
                float out = apply(this.f, peep(s, gate + u, cell, get(s, o + u)));
                set(s, c + u, cell);
                set(s, h + u, out * this.h.apply(cell));
            }
        }
    }

    /// GRU with the reset gate behind the product; see [GatePasses#gru].
    @Override
    public void gru(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        int units = at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long r = z + 4L * units;
            long nx = z + 4L * Panels.padded(2 * units);
            long nh = nx + 4L * Panels.padded(units);
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < 4L * units; u += 4) {
                float reset = apply(f, get(s, r + u));
                float n = apply(g, Math.fma(reset, get(s, nh + u), get(s, nx + u)));
                set(s, h + u, mix(apply(f, get(s, z + u)), get(s, h + u), n));
            }
        }
    }

    /// The first half of GRU with the reset gate before the product; see [GatePasses#gruReset].
    @Override
    public void gruReset(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long a = at.a() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < gate; u += 4) {
                set(s, a + u, apply(f, get(s, z + u)));
                set(s, h + gate + u, apply(f, get(s, z + gate + u)) * get(s, h + u));
            }
        }
    }

    /// The second half; see [GatePasses#gruUpdate].
    @Override
    public void gruUpdate(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        for (int m = 0; m < lanes; m++) {
            long n = at.z() + m * at.zStride() + 4L * Panels.padded(2 * at.hiddenSize());
            long a = at.a() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < 4L * at.hiddenSize(); u += 4) {
                set(s, h + u, mix(get(s, a + u), get(s, h + u), apply(g, get(s, n + u))));
            }
        }
    }

    private float apply(Activation a, float x) {
        return a.apply(x > clip ? clip : x < -clip ? -clip : x);
    }

    private float peep(MemorySegment s, long p, float c, float sum) {
        return peepholes < 0 ? sum : Math.fma(get(s, peepholes + p), c, sum);
    }

    /// n + z · (h − n).
    private static float mix(float z, float h, float n) {
        return Math.fma(z, h - n, n);
    }

    private static float get(MemorySegment s, long offset) {
        return s.get(JAVA_FLOAT_UNALIGNED, offset);
    }

    private static void set(MemorySegment s, long offset, float value) {
        s.set(JAVA_FLOAT_UNALIGNED, offset, value);
    }
}
