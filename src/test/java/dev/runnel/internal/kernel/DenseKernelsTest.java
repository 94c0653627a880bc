package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

class DenseKernelsTest {
    private static final int[] SIZES = {1, 3, 7, 8, 13, 15, 16, 17, 31, 64, 100, 129};

    /// Operands with gaps and odd offsets, so that nothing is aligned and nothing may spill over.
    private record Operands(
            int m, int n, int[] aTaps, int[] bTaps, float[] a, float[] b, float[] c) {
        static Operands random(int m, int n, int k) {
            Random random = new Random(m * 1_000_003L + n * 1009L + k);
            int[] aTaps = new int[k];
            int[] bTaps = new int[k];
            for (int i = 0; i < k; i++) {
                aTaps[i] = 4 * (k - 1 - i);
                bTaps[i] = 4 * i * (n + 2);
            }
            return new Operands(
                    m,
                    n,
                    aTaps,
                    bTaps,
                    draw(random, m * (k + 1) + 1),
                    draw(random, k * (n + 2) + 1),
                    draw(random, m * (n + 3) + 1));
        }

        private static float[] draw(Random random, int n) {
            float[] v = new float[n];
            for (int i = 0; i < n; i++) {
                v[i] = random.nextFloat(-1, 1);
            }
            return v;
        }

        float[] accumulate(DenseKernels kernels) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment out = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, c);
                kernels.accumulate(
                        m,
                        n,
                        arena.allocateFrom(JAVA_FLOAT_UNALIGNED, a),
                        4,
                        4L * (aTaps.length + 1),
                        aTaps,
                        arena.allocateFrom(JAVA_FLOAT_UNALIGNED, b),
                        4,
                        bTaps,
                        out,
                        4,
                        4L * (n + 3));
                return out.toArray(JAVA_FLOAT_UNALIGNED);
            }
        }

        float[] expected() {
            float[] want = c.clone();
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    int at = 1 + i * (n + 3) + j;
                    for (int k = 0; k < aTaps.length; k++) {
                        float x = a[1 + i * (aTaps.length + 1) + aTaps[k] / 4];
                        want[at] = Math.fma(x, b[1 + bTaps[k] / 4 + j], want[at]);
                    }
                }
            }
            return want;
        }
    }

    /// Rows with a B each: operand i's matrix lies `k · (n + 2) + 3` elements behind the one
    /// before.
    private static float[] each(DenseKernels kernels, int m, int n, int k, boolean oneByOne) {
        int bStep = k * (n + 2) + 3;
        Operands one = Operands.random(m, n, k);
        try (Arena arena = Arena.ofConfined()) {
            Random random = new Random(n);
            MemorySegment b =
                    arena.allocateFrom(JAVA_FLOAT_UNALIGNED, Operands.draw(random, m * bStep + 1));
            MemorySegment a = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, one.a);
            MemorySegment c = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, one.c);
            long aStep = 4L * (k + 1);
            long cStep = 4L * (n + 3);
            for (int i = 0; oneByOne && i < m; i++) {
                kernels.accumulate(
                        1,
                        n,
                        a,
                        4 + i * aStep,
                        0,
                        one.aTaps,
                        b,
                        4 + 4L * i * bStep,
                        one.bTaps,
                        c,
                        4 + i * cStep,
                        0);
            }
            if (!oneByOne) {
                kernels.accumulateEach(
                        m, n, a, 4, aStep, one.aTaps, b, 4, 4L * bStep, one.bTaps, c, 4, cStep);
            }
            return c.toArray(JAVA_FLOAT_UNALIGNED);
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {0, 128, 256, 512})
    void accumulateEach_atEverySize_equalsItsRowsOneByOne(int bits) {
        Kernels kernels = bits == 0 ? Kernels.scalar() : Kernels.vector(bits);
        for (int m : new int[] {0, 1, 2, 3, 4, 7, 9}) {
            for (int n : SIZES) {
                for (int k : new int[] {0, 1, 3, 17}) {
                    assertThat(each(kernels.dense(), m, n, k, false))
                            .as("m=%d n=%d k=%d", m, n, k)
                            .isEqualTo(each(Kernels.scalar().dense(), m, n, k, true));
                }
            }
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {0, 128, 256, 512})
    void begin_atEverySize_fillsRowsAndNothingElse(int bits) {
        Kernels kernels = bits == 0 ? Kernels.scalar() : Kernels.vector(bits);
        for (int n : SIZES) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment c = arena.allocate(4L * 3 * (n + 2), 64);
                MemorySegment from = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, 1f, 2f, 3f);
                kernels.dense().begin(2, n, from, 4, 4, c, 4, 4L * (n + 2));
                float[] want = new float[3 * (n + 2)];
                java.util.Arrays.fill(want, 1, 1 + n, 2f);
                java.util.Arrays.fill(want, n + 3, 2 * n + 3, 3f);
                assertThat(c.toArray(JAVA_FLOAT_UNALIGNED)).isEqualTo(want);
                kernels.dense().begin(2, n, from, 8, 0, c, 4, 4L * (n + 2));
                java.util.Arrays.fill(want, 1, 1 + n, 3f);
                assertThat(c.toArray(JAVA_FLOAT_UNALIGNED)).isEqualTo(want);
            }
        }
    }

    @Test
    void scalar_atEverySize_isOneChainOfFmaPerElement() {
        for (int m : new int[] {0, 1, 2, 4, 5}) {
            for (int n : SIZES) {
                for (int k : new int[] {0, 1, 3, 17}) {
                    Operands o = Operands.random(m, n, k);
                    assertThat(o.accumulate(Kernels.scalar().dense())).isEqualTo(o.expected());
                }
            }
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vector_atEverySize_equalsScalarToTheBit(int bits) {
        for (int m : new int[] {1, 2, 3, 4, 5, 9}) {
            for (int n : SIZES) {
                for (int k : new int[] {1, 3, 17, 100}) {
                    Operands o = Operands.random(m, n, k);
                    assertThat(o.accumulate(Kernels.vector(bits).dense()))
                            .as("m=%d n=%d k=%d", m, n, k)
                            .isEqualTo(o.accumulate(Kernels.scalar().dense()));
                }
            }
        }
    }

    /// C2 makes an object of every vector it fails to inline; this is where that would show.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 7})
    void accumulate_onceCompiled_allocatesNothing(int m) {
        DenseKernels kernels = Kernels.vector().dense();
        int n = (8 + 3 + 2 + 1) * 16 + 5;
        int k = 9;
        int[] aTaps = new int[k];
        int[] bTaps = new int[k];
        for (int i = 0; i < k; i++) {
            aTaps[i] = 4 * i;
            bTaps[i] = 4 * i * n;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(4L * m * k, 64);
            MemorySegment b = arena.allocate(4L * k * n, 64);
            MemorySegment c = arena.allocate(4L * m * n, 64);
            assertThat(
                            Allocation.onceCompiled(
                                    () ->
                                            kernels.accumulate(
                                                    m, n, a, 0, 4L * k, aTaps, b, 0, bTaps, c, 0,
                                                    4L * n)))
                    .isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 7})
    void accumulateEach_onceCompiled_allocatesNothing(int m) {
        DenseKernels kernels = Kernels.vector().dense();
        int n = 2 * 16 + 5;
        int[] taps = {0, 4, 8};
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(4L * m * 3, 64);
            MemorySegment b = arena.allocate(4L * m * (n + 2), 64);
            MemorySegment c = arena.allocate(4L * m * n, 64);
            long bStep = 4L * (n + 2);
            assertThat(
                            Allocation.onceCompiled(
                                    () -> {
                                        kernels.begin(m, n, a, 0, 12, c, 0, 4L * n);
                                        kernels.accumulateEach(
                                                m, n, a, 0, 12, taps, b, 0, bStep, taps, c, 0,
                                                4L * n);
                                    }))
                    .isZero();
        }
    }
}
