package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.graph.Precision;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/// Panels of weights of fewer bits: against weights rounded one by one, by the definitions of
/// [Precision], in this file's own code.
class PanelPrecisionTest {
    private static final int[] SIZES = {1, 3, 7, 8, 13, 15, 16, 17, 31, 64, 100, 129};

    /// From 16 on weights are unpacked first, 64 rows at a time, and 512 from 32 on.
    private static final int[] LANES = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 33};

    /// A matrix `[columns][inputs + 1]`, the bias first, and lanes with inputs.
    private record Setting(int columns, int inputs, float[][] w, Lanes at, int lanes) {
        float x(int m, int k) {
            return at.memory().get(JAVA_FLOAT, at.x() + m * at.xStride() + 4L * k);
        }

        float z(int m, int column) {
            return at.memory().get(JAVA_FLOAT, at.z() + m * at.zStride() + 4L * column);
        }
    }

    private static Setting setting(Arena arena, int columns, int inputs, int lanes, Random random) {
        float[][] w = new float[columns][inputs + 1];
        for (int c = 0; c < columns; c++) {
            float size = c % 7 == 3 ? 0 : (float) Math.exp(random.nextGaussian() * 3);
            for (int k = 0; k <= inputs; k++) {
                w[c][k] = random.nextFloat(-1, 1) * (k == 0 ? 1 : size);
            }
        }
        int padded = Panels.padded(columns);
        MemorySegment s = arena.allocate(Lanes.byteSize(lanes, 1, inputs, padded), 64);
        for (long i = 0; i < s.byteSize() / 4; i++) {
            s.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return new Setting(
                columns, inputs, w, Lanes.of(s, lanes, inputs - 1, 1, inputs, padded), lanes);
    }

    private static Panels pack(Arena arena, Setting t, int width, Precision precision) {
        PanelLayout layout = new PanelLayout(width, precision).group(0, t.columns, 0, t.inputs);
        Panels panels = layout.over(arena.allocate(layout.byteSize(), 64));
        layout.packing().pack(panels, PanelLayout.Source.of((g, c, k) -> t.w[c][k + 1]));
        return panels;
    }

    @Tag("widths")
    @ParameterizedTest
    @CsvSource({
        "BF16, 128, 32", "BF16, 256, 64", "BF16, 512, 128", "BF16, 512, 32", "BF16, 256, 128",
        "INT8, 128, 32", "INT8, 256, 64", "INT8, 512, 128", "INT8, 512, 32", "INT8, 256, 128",
    })
    void multiply_whatever_equalsScalarToTheBit(Precision precision, int bits, int width) {
        Random random = new Random(bits + width);
        for (int size : SIZES) {
            for (int lanes : LANES) {
                try (Arena arena = Arena.ofConfined()) {
                    int inputs = lanes < 16 ? size % 40 + 3 : 5 * size + 3;
                    Setting t = setting(arena, size, inputs, lanes, random);
                    Panels panels = pack(arena, t, width, precision);
                    Kernels.scalar().recurrent().multiply(panels, false, t.at, lanes);
                    float[] want = sums(t);
                    int k = random.nextInt(t.inputs + 1);
                    for (Kernels kernels : new Kernels[] {Kernels.scalar(), Kernels.vector(bits)}) {
                        RecurrentKernels r = kernels.recurrent();
                        r.multiply(panels, true, t.at, lanes);
                        assertThat(sums(t)).as("size %s, lanes %s", size, lanes).isEqualTo(want);
                        r.multiply(panels.before(k), false, t.at, lanes);
                        r.multiply(panels.from(k), true, t.at, lanes);
                        if (k > 0 && k < t.inputs) {
                            assertThat(sums(t)).as("%s split at %s", size, k).isEqualTo(want);
                        }
                    }
                }
            }
        }
    }

    private static float[] sums(Setting t) {
        float[] z = new float[t.lanes * t.columns];
        for (int i = 0; i < z.length; i++) {
            z[i] = t.z(i / t.columns, i % t.columns);
        }
        return z;
    }

    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"BF16", "INT8"})
    void scalar_ofEverySize_isNearTheExactSum(Precision precision) {
        Random random = new Random(7);
        for (int size : SIZES) {
            try (Arena arena = Arena.ofConfined()) {
                Setting t = setting(arena, size, size + 3, 2, random);
                Panels panels = pack(arena, t, 64, precision);
                Kernels.scalar().recurrent().multiply(panels, false, t.at, 2);
                for (int m = 0; m < 2; m++) {
                    for (int c = 0; c < size; c++) {
                        assertNear(precision, t, m, c);
                    }
                }
            }
        }
    }

    /// Within the definition's bound on each weight, and the roundings of the sum.
    private static void assertNear(Precision precision, Setting t, int m, int c) {
        double sum = t.w[c][0];
        double bound = Math.abs(sum);
        double step = 0;
        for (int k = 0; k < t.inputs; k++) {
            step = Math.max(step, Math.abs(t.w[c][k + 1]) / 127.0);
        }
        double error = 0;
        for (int k = 0; k < t.inputs; k++) {
            double x = t.x(m, k);
            double w = t.w[c][k + 1];
            sum += x * w;
            bound += Math.abs(x * w);
            error += Math.abs(x) * (precision == Precision.INT8 ? step / 2 : Math.abs(w) * 0x1p-8);
        }
        assertThat((double) t.z(m, c))
                .as("%s of %s, lane %s, column %s", precision, t.columns, m, c)
                .isBetween(
                        sum - error * 1.0001 - bound * 0x1p-20,
                        sum + error * 1.0001 + bound * 0x1p-20);
    }

    /// The sums of one lane of ones, of columns of three weights after their bias.
    private static float[] sums(Precision precision, float[]... w) {
        try (Arena arena = Arena.ofConfined()) {
            int padded = Panels.padded(w.length);
            MemorySegment s = arena.allocate(Lanes.byteSize(1, 1, 3, padded), 64);
            Lanes at = Lanes.of(s, 1, 2, 1, 3, padded);
            Setting t = new Setting(w.length, 3, w, at, 1);
            for (int k = 0; k < 3; k++) {
                s.set(JAVA_FLOAT, at.x() + 4L * k, 1);
            }
            Panels panels = pack(arena, t, 32, precision);
            Kernels.vector().recurrent().multiply(panels, false, at, 1);
            return sums(t);
        }
    }

    @Test
    void bf16_ofWeights_isNearestTiesToEven() {
        assertThat(
                        sums(
                                Precision.BF16,
                                new float[] {0, 1 + 0x1p-8f, 0, 0},
                                new float[] {0, 1 + 0x1.8p-7f, 0, 0},
                                new float[] {0, 1 + 0x1.02p-8f, 0, 0},
                                new float[] {0, -0x1.fep127f, 0, 0},
                                new float[] {0, Float.MAX_VALUE, 0, 0},
                                new float[] {0, Float.intBitsToFloat(0x7F800001), 0, 0},
                                new float[] {0.1f, 0, 0, 0}))
                .containsExactly(
                        1,
                        1 + 0x1p-6f,
                        1 + 0x1p-7f,
                        -0x1.fep127f,
                        Float.POSITIVE_INFINITY,
                        Float.NaN,
                        0.1f);
    }

    @Test
    void int8_ofZerosAndOfWhatHasNoScale_isTheBiasOrNaN() {
        float[] z =
                sums(
                        Precision.INT8,
                        new float[] {0.1f, 0, 0, 0},
                        new float[] {0.1f, 0x1p-96f, -Float.MIN_VALUE, 0},
                        new float[] {0, Float.NaN, 1, 0},
                        new float[] {0, 1, Float.NEGATIVE_INFINITY, 0},
                        new float[] {0, 127e30f, 1, 1e-30f},
                        new float[] {0, 127e-20f, 40e-20f, -3e-20f});
        assertThat(z[0]).isEqualTo(0.1f);
        assertThat(z[1]).isEqualTo(0.1f);
        assertThat(z[2]).isNaN();
        assertThat(z[3]).isNaN();
        assertThat(z[4]).isCloseTo(127e30f, Offset.offset(1.5e30f));
        assertThat(z[5]).isCloseTo(164e-20f, Offset.offset(1.5e-20f));
    }

    /// C2 makes an object of every vector it fails to inline; this is where that would show.
    @ParameterizedTest
    @CsvSource({"BF16, 1", "BF16, 6", "BF16, 17", "INT8, 1", "INT8, 6", "INT8, 17"})
    void multiply_onceCompiled_allocatesNothing(Precision precision, int lanes) {
        RecurrentKernels k = Kernels.vector().recurrent();
        try (Arena arena = Arena.ofConfined()) {
            Setting t = setting(arena, 33 * 7, 40, lanes, new Random(1));
            Panels panels = pack(arena, t, k.panelWidth(), precision);
            int[] runs = {0};
            assertThat(
                            Allocation.onceCompiled(
                                    () -> k.multiply(panels, runs[0]++ % 2 == 0, t.at, lanes)))
                    .isZero();
        }
    }
}
