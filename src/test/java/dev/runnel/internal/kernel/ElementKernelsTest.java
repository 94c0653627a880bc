package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

class ElementKernelsTest {
    private static final float[] EDGES = {
        0f,
        -0f,
        1f,
        -1f,
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MIN_NORMAL,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        9.02f,
        -9.03f,
        44f,
        44.1f,
        -44.1f,
        -87.5f,
        -88.1f,
        88.7f,
        88.73f,
        -103.9f,
        -104f,
        0.5f,
        2f
    };

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vector_atEverySize_equalsScalarToTheBit(int bits) {
        Random random = new Random(bits);
        for (int n : new int[] {0, 1, 3, 7, 8, 13, 15, 16, 17, 31, 64, 100, 129}) {
            float[] x = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = (float) random.nextGaussian() * (i % 3 == 0 ? 40 : 2);
            }
            for (UnaryFunction f : UnaryFunction.values()) {
                assertTwins(f, Kernels.vector(bits), x);
            }
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @EnumSource(UnaryFunction.class)
    void vector_onEdgesAndRandomBits_equalsScalarToTheBit(UnaryFunction f) {
        Random random = new Random(7);
        float[] x = java.util.Arrays.copyOf(EDGES, 20_000);
        for (int i = EDGES.length; i < x.length; i++) {
            x[i] = Float.intBitsToFloat(random.nextInt());
        }
        for (int bits : new int[] {128, 256, 512}) {
            assertTwins(f, Kernels.vector(bits), x);
        }
    }

    private static void assertTwins(UnaryFunction f, Kernels vector, float[] x) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocate(4L * x.length + 8, 64).asSlice(4);
            MemorySegment.copy(x, 0, src, JAVA_FLOAT_UNALIGNED, 0, x.length);
            MemorySegment want = arena.allocate(4L * x.length + 4, 64);
            MemorySegment got = arena.allocate(4L * x.length + 4, 64);
            Kernels.scalar().elements().apply(f, src, 0, want, 0, x.length);
            vector.elements().apply(f, src, 0, got, 0, x.length);
            for (int i = 0; i < x.length; i++) {
                assertThat(Float.floatToIntBits(got.getAtIndex(JAVA_FLOAT_UNALIGNED, i)))
                        .as("%s(%s) of %s", f, x[i], vector)
                        .isEqualTo(Float.floatToIntBits(want.getAtIndex(JAVA_FLOAT_UNALIGNED, i)));
            }
            assertThat(got.getAtIndex(JAVA_FLOAT_UNALIGNED, x.length))
                    .as("behind the end")
                    .isEqualTo(0f);
        }
    }
}
