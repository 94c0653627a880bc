package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.runnel.internal.kernel.PanelLayout.Cut;
import dev.runnel.internal.kernel.PanelLayout.Range;
import dev.runnel.internal.kernel.PanelLayout.Source;
import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Packs the weights of a layout, by [dev.runnel.graph.Precision]; [Panels] has the formats. An
/// image of one panel is made on the heap, column after column, and copied as a whole. Used by one
/// thread at a time.
public final class PanelPacking {
    private static final int STEPS = 127;
    private static final float TINY = 0x1p-95f;

    private final List<Cut> cuts;

    /// The bias, then the weights of the inputs of its sums.
    private final float[] column;

    /// From the panel's head on.
    private final int[] image;

    PanelPacking(List<Cut> cuts) {
        this.cuts = cuts;
        int inputs = 0;
        int ints = 0;
        for (Cut cut : cuts) {
            inputs = Math.max(inputs, cut.sums().to() - cut.sums().from());
            ints = Math.max(ints, ints(cut.panel()));
        }
        column = new float[1 + inputs];
        image = new int[ints];
    }

    private static int ints(Panel p) {
        return Math.toIntExact((p.end() + p.strandBytes() - p.head()) / 4);
    }

    /// Writes every weight to its place. Allocates nothing.
    public void pack(MemorySegment weights, Source source) {
        for (int i = 0; i < cuts.size(); i++) {
            Cut cut = cuts.get(i);
            Panel p = cut.panel();
            Range sums = cut.sums();
            int length = ints(p);
            Arrays.fill(image, 0, length, 0); // what no column covers is padding
            for (int j = 0; j < cut.real(); j++) {
                source.read(cut.group(), cut.first() + j, sums.from(), sums.to(), column);
                int first = 1 + p.from() - sums.from();
                switch (p.precision()) {
                    case F32 -> f32(p, j, first);
                    case BF16 -> bf16(p, j, first);
                    case INT8 -> int8(p, j, first, 1 + sums.to() - sums.from());
                }
            }
            MemorySegment.copy(image, 0, weights, JAVA_INT, p.head(), length);
        }
    }

    /// Tells of each packed weight how far it is from what `source` says.
    void compare(MemorySegment weights, Source source, PackingError.Of to) {
        for (Cut cut : cuts) {
            Panel p = cut.panel();
            for (int j = 0; j < cut.real(); j++) {
                source.read(cut.group(), cut.first() + j, p.from(), p.to(), column);
                for (int k = p.from(); k < p.to(); k++) {
                    double difference = weight(p, weights, j, k) - column[1 + k - p.from()];
                    to.add(cut.group(), cut.first() + j, k, difference);
                }
            }
        }
    }

    /// What kernels multiply input `k` with for the panel's column `j`.
    private static double weight(Panel p, MemorySegment weights, int j, int k) {
        long row = p.inputs() + p.rowBytes() * (k - p.from());
        int half = p.width() / 2;
        int quarter = p.width() / 4;
        return switch (p.precision()) {
            case F32 -> weights.get(JAVA_FLOAT, row + j / half * p.strandBytes() + 4L * (j % half));
            case BF16 -> {
                int pair = weights.get(JAVA_INT, row + 4L * (j % half));
                yield Float.intBitsToFloat(j < half ? pair & 0xFFFF0000 : pair << 16);
            }
            case INT8 -> {
                float unit = weights.get(JAVA_FLOAT, p.head() + 4L * j);
                int four = weights.get(JAVA_INT, row + 4L * (j % quarter));
                float steps = four << 24 - 8 * (j / quarter);
                yield (double) unit * steps;
            }
        };
    }

    private void f32(Panel p, int j, int first) {
        int half = p.width() / 2;
        int at = j < half ? j : (int) (p.strandBytes() / 4) + j - half;
        if (!p.continues()) {
            image[at] = Float.floatToRawIntBits(column[0]);
            at += half;
        }
        int last = first + p.to() - p.from();
        for (int k = first; k < last; k++, at += half) {
            image[at] = Float.floatToRawIntBits(column[k]);
        }
    }

    private void bf16(Panel p, int j, int first) {
        int half = p.width() / 2;
        if (!p.continues()) {
            image[j] = Float.floatToRawIntBits(column[0]);
        }
        int at = (int) (p.inputs() - p.head()) / 4 + (j < half ? j : j - half);
        int shift = j < half ? 16 : 0;
        int last = first + p.to() - p.from();
        for (int k = first; k < last; k++, at += half) {
            image[at] |= (bf16(column[k]) & 0xFFFF) << shift;
        }
    }

    /// The 16 bits of the nearest bfloat16, ties to even; a NaN stays one.
    private static int bf16(float w) {
        int bits = Float.floatToRawIntBits(w);
        return Float.isNaN(w) ? bits >>> 16 | 0x40 : bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }

    /// Columns come in ascending order: those of lower bytes first.
    private void int8(Panel p, int j, int first, int end) {
        float unit = scale(end) * 0x1p-24f;
        image[j] = Float.floatToRawIntBits(unit);
        image[p.width() + j] = Float.floatToRawIntBits(column[0]);
        int quarter = p.width() / 4;
        int q = j / quarter;
        int at = 2 * p.width() + j % quarter;
        int last = first + p.to() - p.from();
        for (int k = first; k < last; k++, at += quarter) {
            image[at] |= quantise(column[k], unit * 0x1p24f, image[at], q) << 8 * q;
        }
    }

    /// 0 if there is nothing to scale, NaN if there is what no scale fits.
    private float scale(int end) {
        float max = 0;
        for (int k = 1; k < end; k++) {
            max = Math.max(max, Math.abs(column[k])); // NaN if one is
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
