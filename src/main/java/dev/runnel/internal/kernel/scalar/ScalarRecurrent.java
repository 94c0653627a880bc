package dev.runnel.internal.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.kernel.RecurrentKernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// [RecurrentKernels] in plain Java. A panel's sums stay in the first cache while its rows pass by,
/// a loop over arrays: quick from the first call on, while a process is young and these kernels
/// serve before the vector ones.
public final class ScalarRecurrent implements RecurrentKernels {
    private static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED;

    @Override
    public int panelWidth() {
        return 128;
    }

    @Override
    public void multiply(Panels panels, int from, int to, boolean backwards, Lanes at, int lanes) {
        Panel[] all = panels.panels();
        for (int i = from; i < to; i++) {
            Panel p = all[backwards ? to - 1 - (i - from) : i];
            MemorySegment w = p.weights();
            for (int m = 0; m < lanes; m++) {
                long x = at.x() + m * at.xStride();
                long z = at.z() + m * at.zStride() + 4L * p.column();
                switch (p.precision()) {
                    case F32 -> {
                        strand(p, w, 0, at.memory(), x, z);
                        strand(p, w, p.strandBytes(), at.memory(), x, z + p.rowBytes());
                    }
                    case BF16 -> ScalarPanels.bf16(p, w, at.memory(), x, z);
                    case INT8 -> ScalarPanels.int8(p, w, at.memory(), x, z);
                }
            }
        }
    }

    /// The half of the panel that lies `skip` bytes behind its left strand: as many rows at a time
    /// as the scratch has room for.
    private static void strand(
            Panel p, MemorySegment w, long skip, MemorySegment s, long x, long z) {
        Scratch scratch = Scratch.ofThread();
        int width = p.width() / 2;
        if (p.continues()) {
            MemorySegment.copy(s, FLOAT, z, scratch.sums, 0, width);
        } else {
            MemorySegment.copy(w, FLOAT, p.offset() + skip, scratch.sums, 0, width);
        }
        int most = Scratch.BLOCK / width;
        for (int k = p.from(); k < p.to(); k += most) {
            int rows = Math.min(most, p.to() - k);
            long row = p.inputs() + skip + (k - p.from()) * p.rowBytes();
            MemorySegment.copy(w, FLOAT, row, scratch.weights, 0, rows * width);
            MemorySegment.copy(s, FLOAT, x + 4L * k, scratch.inputs, 0, rows);
            multiply(scratch, rows, width);
        }
        MemorySegment.copy(scratch.sums, 0, s, FLOAT, z, width);
    }

    private static void multiply(Scratch scratch, int rows, int width) {
        float[] x = scratch.inputs;
        int k = 0;
        for (; k + 4 <= rows; k += 4) {
            fourRows(
                    x[k],
                    x[k + 1],
                    x[k + 2],
                    x[k + 3],
                    scratch.weights,
                    k * width,
                    scratch.sums,
                    width);
        }
        for (; k < rows; k++) {
            oneRow(x[k], scratch.weights, k * width, scratch.sums, width);
        }
    }

    /// Four links of each chain at a time: a sum is loaded and stored once for all of them.
    private static void fourRows(
            float x0, float x1, float x2, float x3, float[] w, int at, float[] z, int width) {
        for (int j = 0; j < width; j++, at++) {
            float sum = Math.fma(x0, w[at], z[j]);
            sum = Math.fma(x1, w[at + width], sum);
            sum = Math.fma(x2, w[at + 2 * width], sum);
            z[j] = Math.fma(x3, w[at + 3 * width], sum);
        }
    }

    private static void oneRow(float x, float[] w, int at, float[] z, int width) {
        for (int j = 0; j < width; j++) {
            z[j] = Math.fma(x, w[at + j], z[j]);
        }
    }

    @Override
    public void rnn(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < 4L * at.hiddenSize(); u += 4) {
                set(s, h + u, Functions.tanh(get(s, z + u)));
            }
        }
    }

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
                float in = Functions.gated(get(s, i + u), get(s, g + u));
                float cell = Math.fma(Functions.sigmoidOfTwice(get(s, f + u)), get(s, c + u), in);
                set(s, c + u, cell);
                set(s, h + u, Functions.gated(get(s, o + u), cell));
            }
        }
    }

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
                float reset = Functions.sigmoidOfTwice(get(s, r + u));
                float n = Functions.tanh(Math.fma(reset, get(s, nh + u), get(s, nx + u)));
                set(s, h + u, mix(Functions.sigmoidOfTwice(get(s, z + u)), get(s, h + u), n));
            }
        }
    }

    @Override
    public void gruReset(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long a = at.a() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < gate; u += 4) {
                set(s, a + u, Functions.sigmoidOfTwice(get(s, z + u)));
                set(
                        s,
                        h + gate + u,
                        Functions.sigmoidOfTwice(get(s, z + gate + u)) * get(s, h + u));
            }
        }
    }

    @Override
    public void gruUpdate(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        for (int m = 0; m < lanes; m++) {
            long n = at.z() + m * at.zStride() + 4L * Panels.padded(2 * at.hiddenSize());
            long a = at.a() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            for (long u = 0; u < 4L * at.hiddenSize(); u += 4) {
                set(s, h + u, mix(get(s, a + u), get(s, h + u), Functions.tanh(get(s, n + u))));
            }
        }
    }

    /// n + z · (h − n).
    private static float mix(float z, float h, float n) {
        return Math.fma(z, h - n, n);
    }

    @Override
    public void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int n) {
        MemorySegment.copy(from, fromOffset, to, toOffset, 4L * n);
    }

    private static float get(MemorySegment s, long offset) {
        return s.get(JAVA_FLOAT_UNALIGNED, offset);
    }

    private static void set(MemorySegment s, long offset, float value) {
        s.set(JAVA_FLOAT_UNALIGNED, offset, value);
    }
}
