package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.PanelLayout.Cut;
import dev.runnel.internal.kernel.PanelLayout.Range;
import dev.runnel.internal.kernel.PanelLayout.Source;
import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.List;

/// Packs the weights of a layout, by [dev.runnel.graph.Precision]; [Panels] has the formats. The
/// columns of a strand are read a piece of each after the other, so that the pieces fit into the L2
/// cache, and turned to rows so many at a time that these fit into the L1 cache; from there they
/// are copied to where they belong, in ascending order. Used by one thread at a time.
public final class PanelPacking {
    private static final int STEPS = 127;
    private static final float TINY = 0x1p-95f;

    /// A half of the steps' fixed-point numbers.
    private static final int HALF = 1 << 23;

    /// Inputs that are turned to rows at a time: 16 kB of the widest panels.
    private static final int ROWS = 64;

    /// Inputs that are read at a time: half a megabyte of the widest panels.
    private static final int INPUTS = 1024;

    private final List<Cut> cuts;

    /// Of each column of a strand the bias, then the weights of some inputs.
    private final float[][] columns;

    /// In INT8, of each column its scale · 2⁻²⁴.
    private final float[] units;

    /// In INT8, by what to multiply each column's weights to have steps; 0 where it has no scale.
    private final double[] steps;

    /// Some rows of a strand.
    private final int[] image;

    /// In INT8, the weights of those rows plus half a step, in units of 2⁻²⁴ steps, by columns.
    private final int[] fixed;

    /// In INT8, the two bytes before those rows.
    private int before;

    PanelPacking(List<Cut> cuts) {
        this.cuts = cuts;
        int inputs = 0;
        int count = 0;
        int ints = 0;
        boolean int8 = false;
        for (Cut cut : cuts) {
            inputs = Math.max(inputs, cut.sums().to() - cut.sums().from());
            count = Math.max(count, strandColumns(cut.panel()));
            ints = Math.max(ints, rowInts(cut.panel()));
            int8 |= cut.panel().precision() == Precision.INT8;
        }
        columns = new float[count][1 + Math.min(inputs, INPUTS)];
        units = new float[count];
        steps = new double[count];
        image = new int[Math.max(ROWS * ints, count)];
        fixed = new int[int8 ? ROWS * count : 0];
    }

    private static int strandColumns(Panel p) {
        return p.precision() == Precision.F32 ? p.width() / 2 : p.width();
    }

    private static int rowInts(Panel p) {
        return (int) p.rowBytes() / 4;
    }

    /// Writes every weight to its place in memory that it takes for each panel when it comes to it:
    /// a panel's lies in the second cache then, freshly zeroed, while all of a large matrix's would
    /// have left it again.
    void pack(SegmentAllocator memory, Source source) {
        for (Cut cut : cuts) {
            pack(cut, memory.allocate(cut.byteSize(), 64), source);
        }
    }

    /// Writes every weight to its place in the layout's panels. Allocates nothing.
    public void pack(Panels panels, Source source) {
        for (int i = 0; i < cuts.size(); i++) {
            pack(cuts.get(i), panels.panels()[i].weights(), source);
        }
    }

    private void pack(Cut cut, MemorySegment weights, Source source) {
        Panel p = cut.panel();
        boolean int8 = p.precision() == Precision.INT8;
        int step = strandColumns(p);
        for (int j = 0; j < p.width(); j += step) {
            long at = j / step * p.strandBytes();
            if (int8) {
                scale(cut, source);
                MemorySegment.copy(units, 0, weights, JAVA_FLOAT, at, step);
                at += 4L * step;
            }
            int from = p.from();
            do {
                int to = Math.min(from + INPUTS, p.to());
                read(cut, j, from, to, source);
                if (from == p.from() && (int8 || !p.continues())) {
                    for (int c = 0; c < step; c++) {
                        image[c] = Float.floatToRawIntBits(columns[c][0]);
                    }
                    at += copy(step, weights, at);
                    before = image[step - 1] >>> 16;
                }
                at += rows(p, weights, at, to - from);
                from = to;
            } while (from < p.to());
        }
    }

    /// Reads inputs \[from, to) of the strand whose first column is the panel's column `j`.
    private void read(Cut cut, int j, int from, int to, Source source) {
        int step = strandColumns(cut.panel());
        int real = Math.clamp(cut.real() - j, 0, step);
        source.read(cut.group(), cut.first() + j, real, from, to, columns);
        for (int c = real; c < step; c++) {
            Arrays.fill(columns[c], 0); // padding
        }
    }

    /// Finds the scales of a panel's columns.
    private void scale(Cut cut, Source source) {
        int width = cut.panel().width();
        Range sums = cut.sums();
        Arrays.fill(units, 0, width, 0);
        for (int from = sums.from(); from < sums.to(); from += INPUTS) {
            int to = Math.min(from + INPUTS, sums.to());
            read(cut, 0, from, to, source);
            for (int c = 0; c < width; c++) {
                units[c] = Math.max(units[c], max(columns[c], to - from));
            }
        }
        for (int c = 0; c < width; c++) {
            float scale = scale(units[c]);
            units[c] = scale * 0x1p-24f;
            steps[c] = scale > 0 ? 1.0 / scale : 0;
        }
    }

    /// NaN if one of the weights is.
    private static float max(float[] column, int inputs) {
        float max = 0;
        for (int k = 1; k <= inputs; k++) {
            max = Math.max(max, Math.abs(column[k]));
        }
        return max;
    }

    /// 0 if there is nothing to scale, NaN if there is what no scale fits.
    private static float scale(float max) {
        return max < TINY ? 0 : max < Float.POSITIVE_INFINITY ? max / STEPS : Float.NaN;
    }

    /// Writes a strand's rows from `at` on, and says how many bytes they are.
    private long rows(Panel p, MemorySegment weights, long at, int inputs) {
        int ints = rowInts(p);
        long start = at;
        for (int k = 1; k <= inputs; k += ROWS) {
            int to = Math.min(k + ROWS, inputs + 1);
            for (int c = 0; c < strandColumns(p); c++) {
                switch (p.precision()) {
                    case F32 -> f32(columns[c], k, to, c, ints);
                    case BF16 -> bf16(columns[c], k, to, c, ints);
                    case INT8 -> toFixed(k, to, c);
                }
            }
            if (p.precision() == Precision.INT8) {
                int8(to - k, ints);
            }
            at += copy((to - k) * ints, weights, at);
        }
        return at - start;
    }

    /// Writes the first ints of the image, and says how many bytes they are.
    private long copy(int length, MemorySegment weights, long at) {
        MemorySegment.copy(image, 0, weights, JAVA_INT, at, length);
        return 4L * length;
    }

    /// Tells of each packed weight how far it is from what `source` says.
    void compare(Panels panels, Source source, PackingError.Of to) {
        for (int i = 0; i < cuts.size(); i++) {
            Cut cut = cuts.get(i);
            Panel p = panels.panels()[i];
            float[] column = new float[1 + p.to() - p.from()];
            for (int j = 0; j < cut.real(); j++) {
                source.read(cut.group(), cut.first() + j, p.from(), p.to(), column);
                for (int k = p.from(); k < p.to(); k++) {
                    double difference = weight(p, j, k) - column[1 + k - p.from()];
                    to.add(cut.group(), cut.first() + j, k, difference);
                }
            }
        }
    }

    /// What kernels multiply input `k` with for the panel's column `j`.
    private static double weight(Panel p, int j, int k) {
        MemorySegment weights = p.weights();
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
                float unit = weights.get(JAVA_FLOAT, 4L * j);
                int q = j / quarter;
                long at = row + 4L * (j % quarter) - (q < 2 ? 2 : 0);
                float steps = weights.get(JAVA_INT_UNALIGNED, at) << (q % 2 == 0 ? 8 : 0);
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

    private void toFixed(int from, int to, int c) {
        float[] column = columns[c];
        double scale = 0x1p24 * steps[c];
        for (int k = from, at = ROWS * c; k < to; k++, at++) {
            fixed[at] = (int) Math.rint(column[k] * scale) + HALF;
        }
    }

    /// Of each weight the byte that comes nearest, after the fraction that those before it are.
    private void int8(int rows, int ints) {
        int before = this.before;
        int quarter = ROWS * ints;
        for (int row = 0; row < rows; row++) {
            for (int l = 0; l < ints; l++) {
                int at = ROWS * l + row;
                int b0 = fixed[at] - (before << 8) >>> 24;
                int b1 = fixed[at + quarter] - (b0 << 16 | before) >>> 24;
                int b2 = fixed[at + 2 * quarter] - (b1 << 16 | b0 << 8) >>> 24;
                int b3 = fixed[at + 3 * quarter] - (b2 << 16 | b1 << 8 | b0) >>> 24;
                image[row * ints + l] = b3 << 24 | b2 << 16 | b1 << 8 | b0;
                before = b3 << 8 | b2;
            }
        }
        this.before = before;
    }
}
