package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.kernel.RecurrentKernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// [RecurrentKernels] by the Vector API, at the width of [Width]: the passes over the gates. Each
/// is a few plain loops; one that did all at once would exceed C2's budget of nodes, and then every
/// vector is an object. A loop runs to the end of the vector in which the last unit lies, for which
/// [Lanes] has room; so the activated gates go to a place of their own, and not over their
/// neighbours' sums.
///
/// A method of the interface calls nothing that returns a vector: where scalar kernels have run
/// before, C2 inlines it as the rarer of two, and then takes what it calls for too rare to inline.
final class VectorRecurrent implements RecurrentKernels {
    /// As many vectors of a panel's row as there are accumulators.
    static final int PANEL_VECTORS = 8;

    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final PanelProduct f32 =
            Width.<PanelProduct>copy(VectorPanels.class, F.vectorBitSize());
    private final PanelProduct bf16 =
            Width.<PanelProduct>copy(VectorPanelsBf16.class, F.vectorBitSize());
    private final PanelProduct int8 =
            Width.<PanelProduct>copy(VectorPanelsInt8.class, F.vectorBitSize());

    private final Activations apply =
            Width.<Activations>copy(VectorElements.class, F.vectorBitSize());

    @Override
    public int panelWidth() {
        return PANEL_VECTORS * F.length();
    }

    @Override
    public void multiply(Panels panels, int from, int to, boolean backwards, Lanes at, int lanes) {
        Panel[] all = panels.panels();
        for (int i = from; i < to; i++) {
            Panel p = all[backwards ? to - 1 - (i - from) : i];
            PanelProduct product =
                    switch (p.precision()) {
                        case F32 -> f32;
                        case BF16 -> bf16;
                        case INT8 -> int8;
                    };
            product.multiply(p, p.weights(), at, lanes);
        }
    }

    @Override
    public void rnn(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            apply.tanh(s, z, s, at.h() + m * at.xStride(), 4L * at.hiddenSize());
        }
    }

    @Override
    public void lstm(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long c = at.c() + m * at.cStride();
            long g = z + 3 * gate;
            apply.gated(s, z, g, g, gate);
            apply.keep(s, z + gate, c, g, gate);
            apply.gated(s, z + 2 * gate, c, at.m() + m * at.xStride(), gate);
        }
    }

    @Override
    public void gru(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long z = at.z() + m * at.zStride();
            long a = at.a() + m * at.zStride();
            long n = z + 4L * Panels.padded(2 * at.hiddenSize());
            apply.sigmoidOfTwice(s, z, s, a, 2 * gate);
            plusTimes(s, n, a + gate, n + 4L * Panels.padded(at.hiddenSize()), gate);
            apply.tanh(s, n, s, n, gate);
            mix(s, a, n, at.h() + m * at.xStride(), gate);
        }
    }

    @Override
    public void gruReset(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long a = at.a() + m * at.zStride();
            long h = at.h() + m * at.xStride();
            apply.sigmoidOfTwice(s, at.z() + m * at.zStride(), s, a, 2 * gate);
            times(s, a + gate, h, h + gate, gate);
        }
    }

    @Override
    public void gruUpdate(Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long gate = 4L * at.hiddenSize();
        for (int m = 0; m < lanes; m++) {
            long n = at.z() + m * at.zStride() + 4L * Panels.padded(2 * at.hiddenSize());
            apply.tanh(s, n, s, n, gate);
            mix(s, at.a() + m * at.zStride(), n, at.h() + m * at.xStride(), gate);
        }
    }

    @Override
    public void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int n) {
        int whole = n - n % F.length();
        copyVectors(from, fromOffset, to, toOffset, whole);
        for (int i = whole; i < n; i++) {
            float value = from.get(JAVA_FLOAT_UNALIGNED, fromOffset + 4L * i);
            to.set(JAVA_FLOAT_UNALIGNED, toOffset + 4L * i, value);
        }
    }

    private static void copyVectors(
            MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int n) {
        C2.sharpen(to);
        for (int i = 0; i < n; i += F.length()) {
            FloatVector.fromMemorySegment(F, from, fromOffset + 4L * i, LE)
                    .intoMemorySegment(to, toOffset + 4L * i, LE);
        }
    }

    /// y = a · b
    private static void times(MemorySegment s, long a, long b, long y, long bytes) {
        C2.sharpen(s);
        for (long u = 0; u < bytes; u += V) {
            FloatVector.fromMemorySegment(F, s, a + u, LE)
                    .mul(FloatVector.fromMemorySegment(F, s, b + u, LE))
                    .intoMemorySegment(s, y + u, LE);
        }
    }

    /// y = y + a · b
    private static void plusTimes(MemorySegment s, long y, long a, long b, long bytes) {
        C2.sharpen(s);
        for (long u = 0; u < bytes; u += V) {
            FloatVector.fromMemorySegment(F, s, a + u, LE)
                    .fma(
                            FloatVector.fromMemorySegment(F, s, b + u, LE),
                            FloatVector.fromMemorySegment(F, s, y + u, LE))
                    .intoMemorySegment(s, y + u, LE);
        }
    }

    /// h = n + z · (h − n)
    private static void mix(MemorySegment s, long z, long n, long h, long bytes) {
        C2.sharpen(s);
        for (long u = 0; u < bytes; u += V) {
            FloatVector candidate = FloatVector.fromMemorySegment(F, s, n + u, LE);
            FloatVector.fromMemorySegment(F, s, z + u, LE)
                    .fma(FloatVector.fromMemorySegment(F, s, h + u, LE).sub(candidate), candidate)
                    .intoMemorySegment(s, h + u, LE);
        }
    }
}
