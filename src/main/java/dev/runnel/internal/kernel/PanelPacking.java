package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.runnel.internal.kernel.PanelLayout.Cut;
import dev.runnel.internal.kernel.PanelLayout.Source;
import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;

/// The packing of one panel, by [dev.runnel.graph.Precision]; [Panels] has the formats.
final class PanelPacking {
    private static final int STEPS = 127;
    private static final float TINY = 0x1p-95f;

    private PanelPacking() {}

    static void pack(MemorySegment weights, Cut cut, Source source) {
        switch (cut.panel().precision()) {
            case F32 -> {
                int half = cut.panel().width() / 2;
                long at = cut.panel().offset();
                strand(weights, at, cut, 0, half, source);
                strand(weights, at + cut.panel().strandBytes(), cut, half, 2 * half, source);
            }
            case BF16 -> bf16(weights, cut, source);
            case INT8 -> int8(weights, cut, source);
        }
    }

    /// The weight of input `k`, or the bias for k = −1, of the panel's column `j`; 0 for padding.
    private static float at(Cut cut, Source source, int j, int k) {
        return j >= cut.real() ? 0 : source.at(cut.group(), cut.first() + j, k);
    }

    private static void strand(
            MemorySegment weights, long at, Cut cut, int left, int right, Source source) {
        Panel p = cut.panel();
        for (int k = p.continues() ? p.from() : p.from() - 1; k < p.to(); k++) {
            for (int j = left; j < right; j++, at += 4) {
                weights.set(JAVA_FLOAT, at, at(cut, source, j, k < p.from() ? -1 : k));
            }
        }
    }

    private static void bf16(MemorySegment weights, Cut cut, Source source) {
        Panel p = cut.panel();
        int half = p.width() / 2;
        for (int j = 0; !p.continues() && j < p.width(); j++) {
            weights.set(JAVA_FLOAT, p.offset() + 4L * j, at(cut, source, j, -1));
        }
        long at = p.inputs();
        for (int k = p.from(); k < p.to(); k++) {
            for (int j = 0; j < half; j++, at += 4) {
                int upper = bf16(at(cut, source, j, k));
                int lower = bf16(at(cut, source, half + j, k));
                weights.set(JAVA_INT, at, upper << 16 | lower);
            }
        }
    }

    /// The 16 bits of the nearest bfloat16, ties to even; a NaN stays one.
    private static int bf16(float w) {
        int bits = Float.floatToRawIntBits(w);
        return Float.isNaN(w) ? bits >>> 16 | 0x40 : bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }

    private static void int8(MemorySegment weights, Cut cut, Source source) {
        Panel p = cut.panel();
        long bias = p.head() + 4L * p.width();
        for (int j = 0; j < p.width(); j++) {
            float scale = scale(cut, source, j);
            weights.set(JAVA_FLOAT, p.head() + 4L * j, scale * 0x1p-24f);
            weights.set(JAVA_FLOAT, bias + 4L * j, at(cut, source, j, -1));
        }
        int quarter = p.width() / 4;
        long at = p.inputs();
        for (int k = p.from(); k < p.to(); k++) {
            for (int l = 0; l < quarter; l++, at += 4) {
                int packed = 0;
                for (int q = 0; q < 4; q++) {
                    int j = q * quarter + l;
                    float unit = weights.get(JAVA_FLOAT, p.head() + 4L * j);
                    packed |= quantise(at(cut, source, j, k), unit * 0x1p24f, packed, q) << 8 * q;
                }
                weights.set(JAVA_INT, at, packed);
            }
        }
    }

    /// 0 if there is nothing to scale, NaN if there is what no scale fits.
    private static float scale(Cut cut, Source source, int j) {
        float max = 0;
        for (int k = cut.sums().from(); k < cut.sums().to(); k++) {
            max = Math.max(max, Math.abs(at(cut, source, j, k))); // NaN if one is
        }
        return max < TINY ? 0 : max < Float.POSITIVE_INFINITY ? max / STEPS : Float.NaN;
    }

    /// The byte that, with the `lower` ones below it as its fraction, comes nearest to w.
    private static int quantise(float w, float scale, int lower, int q) {
        if (!(scale > 0)) {
            return 0;
        }
        double fraction = Integer.toUnsignedLong(lower) * Math.scalb(1.0, -8 * q);
        return (int) Math.rint(w / (double) scale - fraction) & 0xFF;
    }
}
