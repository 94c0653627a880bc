package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.PanelLayout.Cut;
import dev.runnel.internal.kernel.PanelLayout.Range;
import dev.runnel.internal.kernel.PanelLayout.Source;
import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Packs the weights of a layout, by [dev.runnel.graph.Precision]; [Panels] has the formats. The
/// columns of a strand are read one after the other, each as a whole, and turned to rows so many at
/// a time that these fit into the L1 cache; from there they are copied to where they belong, in
/// ascending order. Used by one thread at a time.
public final class PanelPacking {
    private static final int STEPS = 127;
    private static final float TINY = 0x1p-95f;

    /// Inputs that are turned to rows at a time: 16 kB of the widest panels.
    private static final int ROWS = 64;

    private final List<Cut> cuts;

    /// Of each column of a strand the bias, then the weights of the inputs of its sums.
    private final float[][] columns;

    /// In INT8.
    private final float[] scales;

    /// Some rows of a strand.
    private final int[] image;

    PanelPacking(List<Cut> cuts) {
        this.cuts = cuts;
        int inputs = 0;
        int count = 0;
        int ints = 0;
        for (Cut cut : cuts) {
            inputs = Math.max(inputs, cut.sums().to() - cut.sums().from());
            count = Math.max(count, strandColumns(cut.panel()));
            ints = Math.max(ints, rowInts(cut.panel()));
        }
        columns = new float[count][1 + inputs];
        scales = new float[count];
        image = new int[Math.max(ROWS * ints, count)];
    }

    private static int strandColumns(Panel p) {
        return p.precision() == Precision.F32 ? p.width() / 2 : p.width();
    }

    private static int rowInts(Panel p) {
        return (int) p.rowBytes() / 4;
    }

    /// Writes every weight to its place. Allocates nothing.
    public void pack(MemorySegment weights, Source source) {
        for (int i = 0; i < cuts.size(); i++) {
            Cut cut = cuts.get(i);
            Panel p = cut.panel();
            Range sums = cut.sums();
            int step = strandColumns(p);
            long at = p.head();
            for (int j = 0; j < p.width(); j += step, at += p.strandBytes()) {
                int real = Math.clamp(cut.real() - j, 0, step);
                source.read(cut.group(), cut.first() + j, real, sums.from(), sums.to(), columns);
                long inputs = at + head(p, weights, at, real, sums.to() - sums.from());
                rows(p, weights, inputs, real, 1 + p.from() - sums.from());
            }
        }
    }

    /// Writes what lies before the rows of a strand that begins at `at`, and says how much that is.
    private long head(Panel p, MemorySegment weights, long at, int real, int sums) {
        int length = strandColumns(p);
        boolean scaled = p.precision() == Precision.INT8;
        if (p.continues() && !scaled) {
            return 0;
        }
        if (scaled) {
            Arrays.fill(image, 0, length, 0); // what no column covers is padding
            for (int c = 0; c < real; c++) {
                float unit = scale(columns[c], sums) * 0x1p-24f;
                image[c] = Float.floatToRawIntBits(unit);
                scales[c] = unit * 0x1p24f;
            }
            MemorySegment.copy(image, 0, weights, JAVA_INT, at, length);
        }
        Arrays.fill(image, 0, length, 0);
        for (int c = 0; c < real; c++) {
            image[c] = Float.floatToRawIntBits(columns[c][0]);
        }
        MemorySegment.copy(image, 0, weights, JAVA_INT, at + (scaled ? 4L * length : 0), length);
        return (scaled ? 8L : 4L) * length;
    }

    /// Writes a strand's rows, from `at` on; that of the panel's first input is `first` in columns.
    private void rows(Panel p, MemorySegment weights, long at, int real, int first) {
        int ints = rowInts(p);
        Arrays.fill(image, 0, ROWS * ints, 0); // what no column covers is padding
        int end = first + p.to() - p.from();
        for (int k = first; k < end; k += ROWS) {
            int to = Math.min(k + ROWS, end);
            for (int c = 0; c < real; c++) {
                switch (p.precision()) {
                    case F32 -> f32(columns[c], k, to, c, ints);
                    case BF16 -> bf16(columns[c], k, to, c, ints);
                    case INT8 -> int8(columns[c], k, to, c, ints, scales[c]);
                }
            }
            int length = (to - k) * ints;
            MemorySegment.copy(image, 0, weights, JAVA_INT, at, length);
            at += 4L * length;
        }
    }

    /// Tells of each packed weight how far it is from what `source` says.
    void compare(MemorySegment weights, Source source, PackingError.Of to) {
        float[] column = columns[0];
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

    private void f32(float[] column, int from, int to, int at, int step) {
        for (int k = from; k < to; k++, at += step) {
            image[at] = Float.floatToRawIntBits(column[k]);
        }
    }

    /// Columns of upper halves come first.
    private void bf16(float[] column, int from, int to, int c, int step) {
        if (c < step) {
            for (int k = from, at = c; k < to; k++, at += step) {
                image[at] = bf16(column[k]) << 16;
            }
        } else {
            for (int k = from, at = c - step; k < to; k++, at += step) {
                image[at] |= bf16(column[k]) & 0xFFFF;
            }
        }
    }

    /// The 16 bits of the nearest bfloat16, ties to even; a NaN stays one.
    private static int bf16(float w) {
        int bits = Float.floatToRawIntBits(w);
        return Float.isNaN(w) ? bits >>> 16 | 0x40 : bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }

    /// Columns of lower bytes come first.
    private void int8(float[] column, int from, int to, int c, int step, float scale) {
        int q = c / step;
        for (int k = from, at = c % step; k < to; k++, at += step) {
            int lower = q == 0 ? 0 : image[at];
            image[at] = lower | quantise(column[k], scale, lower, q) << 8 * q;
        }
    }

    /// 0 if there is nothing to scale, NaN if there is what no scale fits.
    private static float scale(float[] column, int inputs) {
        float max = 0;
        for (int k = 1; k <= inputs; k++) {
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
