package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

class ArithmeticKernelsTest {
    private static final int[] SIZES = {0, 1, 3, 7, 8, 13, 15, 16, 17, 31, 64, 100, 129};
    private static final float[] EDGES = {
        0f,
        -0f,
        1f,
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY,
        Float.MIN_VALUE,
        Float.MAX_VALUE
    };

    private static float[] draw(int n, long seed) {
        Random random = new Random(seed);
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] =
                    random.nextInt(6) == 0
                            ? EDGES[random.nextInt(EDGES.length)]
                            : random.nextFloat(-2, 2);
        }
        return v;
    }

    private static float[] apply(
            Kernels kernels, BinaryFunction f, float[] a, int aStep, float[] b, int bStep, int n) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment dst = arena.allocate(4L * n + 8, 4);
            kernels.arithmetic()
                    .apply(
                            f,
                            arena.allocateFrom(JAVA_FLOAT_UNALIGNED, a),
                            4,
                            aStep,
                            arena.allocateFrom(JAVA_FLOAT_UNALIGNED, b),
                            0,
                            bStep,
                            dst,
                            4,
                            n);
            return dst.toArray(JAVA_FLOAT_UNALIGNED);
        }
    }

    private static float reduce(Kernels kernels, Reduction f, float[] x) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, x);
            return kernels.arithmetic().reduce(f, src, 0, x.length);
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vectorApply_atEverySizeAndStep_equalsScalarToTheBit(int bits) {
        for (BinaryFunction f : BinaryFunction.values()) {
            for (int n : SIZES) {
                for (int steps = 0; steps < 4; steps++) {
                    float[] a = draw(n + 2, n);
                    float[] b = draw(n + 1, n + 999L);
                    // As bits of canonical NaNs: which NaN comes out of two is the hardware's
                    // choice.
                    assertThat(apply(Kernels.vector(bits), f, a, steps & 1, b, steps >> 1, n))
                            .as("%s n=%d steps=%d", f, n, steps)
                            .isEqualTo(apply(Kernels.scalar(), f, a, steps & 1, b, steps >> 1, n));
                }
            }
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vectorReduce_atEverySize_equalsScalarToTheBit(int bits) {
        for (Reduction f : Reduction.values()) {
            for (int n : SIZES) {
                float[] x = new float[n];
                Random random = new Random(n);
                for (int i = 0; i < n; i++) {
                    x[i] = random.nextFloat(-2, 2);
                }
                assertThat(reduce(Kernels.vector(bits), f, x))
                        .as("%s n=%d", f, n)
                        .isEqualTo(reduce(Kernels.scalar(), f, x));
            }
        }
    }

    @Test
    void scalarApply_ofTwoNumbers_isTheFunction() {
        float[] a = {9, -3, 5};
        float[] b = {2, 4};
        // One float of the result lies before and one behind those that are written.
        assertThat(apply(Kernels.scalar(), BinaryFunction.ADD, a, 1, b, 1, 2))
                .containsExactly(0, -1, 9, 0);
        assertThat(apply(Kernels.scalar(), BinaryFunction.SUB, a, 1, b, 0, 2))
                .containsExactly(0, -5, 3, 0);
        assertThat(apply(Kernels.scalar(), BinaryFunction.DIV, a, 0, b, 1, 2))
                .containsExactly(0, -1.5f, -0.75f, 0);
        assertThat(apply(Kernels.scalar(), BinaryFunction.LEAK, a, 1, b, 1, 2))
                .containsExactly(0, -6, 5, 0);
    }

    @Test
    void scalarReduce_ofManyNumbers_isTheReduction() {
        float[] x = new float[37];
        for (int i = 0; i < x.length; i++) {
            x[i] = 0.5f * (i - 20);
        }
        assertThat(reduce(Kernels.scalar(), Reduction.SUM, x)).isEqualTo(-37f);
        assertThat(reduce(Kernels.scalar(), Reduction.SUM_OF_SQUARES, x)).isEqualTo(1091.5f);
        assertThat(reduce(Kernels.scalar(), Reduction.SUM_OF_ABSOLUTES, x)).isEqualTo(173f);
        assertThat(reduce(Kernels.scalar(), Reduction.MAX, x)).isEqualTo(8f);
        assertThat(reduce(Kernels.scalar(), Reduction.MIN, x)).isEqualTo(-10f);
        assertThat(reduce(Kernels.scalar(), Reduction.PRODUCT, new float[] {2, 3, 4}))
                .isCloseTo(24f, within(0f));
        assertThat(reduce(Kernels.scalar(), Reduction.MAX, new float[0]))
                .isEqualTo(Float.NEGATIVE_INFINITY);
    }

    @Test
    void vectorKernels_onceCompiled_allocateNothing() {
        ArithmeticKernels kernels = Kernels.vector().arithmetic();
        int n = 37;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(4L * n, 64);
            MemorySegment b = arena.allocate(4L * n, 64);
            for (BinaryFunction f : BinaryFunction.values()) {
                assertThat(
                                Allocation.onceCompiled(
                                        () -> {
                                            kernels.apply(f, a, 0, 1, a, 0, 1, b, 0, n);
                                            kernels.apply(f, a, 0, 1, a, 0, 0, b, 0, n);
                                            kernels.apply(f, a, 0, 0, a, 0, 1, b, 0, n);
                                        }))
                        .as(f.name())
                        .isZero();
            }
            for (Reduction f : Reduction.values()) {
                assertThat(Allocation.onceCompiled(() -> kernels.reduce(f, a, 0, n)))
                        .as(f.name())
                        .isZero();
            }
        }
    }
}
