package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/// The recurrent kernels against their twins, to the bit.
class RecurrentKernelsTest {
    private static final int[] SIZES = {1, 3, 7, 8, 13, 15, 16, 17, 31, 64, 100, 129};
    private static final float[] EDGES = {
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY,
        -0f,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MAX_VALUE,
        1e-30f,
        50,
        -50
    };

    private enum Pass {
        RNN,
        LSTM,
        GRU,
        GRU_HALVES;

        int columns(int h) {
            return switch (this) {
                case RNN -> Panels.padded(h);
                case LSTM -> Panels.padded(4 * h);
                case GRU -> Panels.padded(2 * h) + 2 * Panels.padded(h);
                case GRU_HALVES -> Panels.padded(2 * h) + Panels.padded(h);
            };
        }

        void run(RecurrentKernels k, Lanes at, int lanes) {
            switch (this) {
                case RNN -> k.rnn(at, lanes);
                case LSTM -> k.lstm(at, lanes);
                case GRU -> k.gru(at, lanes);
                case GRU_HALVES -> {
                    k.gruReset(at, lanes);
                    k.gruUpdate(at, lanes);
                }
            }
        }
    }

    private static void fill(MemorySegment s, Random random, boolean edges) {
        for (long i = 0; i < s.byteSize() / 4; i++) {
            boolean edge = edges && random.nextInt(8) == 0;
            float v =
                    edge ? EDGES[random.nextInt(EDGES.length)] : (float) random.nextGaussian() * 2;
            s.setAtIndex(JAVA_FLOAT, i, v);
        }
    }

    private static void assertSame(String what, MemorySegment a, MemorySegment b, long at, int n) {
        for (int i = 0; i < n; i++) {
            float x = a.get(JAVA_FLOAT_UNALIGNED, at + 4L * i);
            float y = b.get(JAVA_FLOAT_UNALIGNED, at + 4L * i);
            assertThat(Float.floatToIntBits(y))
                    .as("%s[%s] is %s, expected %s", what, i, y, x)
                    .isEqualTo(Float.floatToIntBits(x));
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void passes_atEverySize_equalScalarToTheBit(int bits) {
        RecurrentKernels vector = Kernels.vector(bits).recurrent();
        Random random = new Random(bits);
        for (Pass pass : Pass.values()) {
            for (int h : SIZES) {
                comparePasses(pass, vector, h, random, h % 2 == 0);
            }
        }
    }

    private static void comparePasses(
            Pass pass, RecurrentKernels vector, int h, Random random, boolean edges) {
        int lanes = 3;
        int inputs = 5 + 2 * h;
        int columns = pass.columns(h);
        long bytes = Lanes.byteSize(lanes, h, inputs, columns);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(bytes, 64);
            MemorySegment b = arena.allocate(bytes, 64);
            fill(a, random, edges);
            b.copyFrom(a);
            Lanes atA = Lanes.of(a, lanes, 5, h, inputs, columns);
            Lanes atB = Lanes.of(b, lanes, 5, h, inputs, columns);
            pass.run(Kernels.scalar().recurrent(), atA, lanes);
            pass.run(vector, atB, lanes);
            for (int m = 0; m < lanes; m++) {
                String what = pass + " H=" + h + " lane " + m;
                assertSame(what + " x", a, b, atA.x() + m * atA.xStride(), 5);
                assertSame(what + " h", a, b, atA.h() + m * atA.xStride(), h);
                assertSame(what + " c", a, b, atA.c() + m * atA.cStride(), h);
            }
        }
    }

    @Tag("widths")
    @ParameterizedTest
    @CsvSource({"128, 32", "128, 128", "256, 64", "256, 128", "512, 32", "512, 64", "512, 128"})
    void multiply_ofPanelsOfAnyWidth_equalsOneChainOfFmaToTheBit(int bits, int width) {
        RecurrentKernels vector = Kernels.vector(bits).recurrent();
        Random random = new Random(bits + width);
        for (int size : SIZES) {
            for (int lanes : new int[] {1, 2, 3, 4, 5, 7, 8, 11}) {
                compareProducts(vector, width, size, lanes, random);
            }
        }
    }

    /// Three groups of columns: over all inputs, over the first few, and one that goes on from
    /// there.
    private static void compareProducts(
            RecurrentKernels vector, int width, int size, int lanes, Random random) {
        int inputs = size + 9;
        int second = Panels.padded(size);
        int columns = 2 * second;
        PanelLayout.Range all = new PanelLayout.Range(0, inputs);
        PanelLayout layout =
                new PanelLayout(width)
                        .group(0, size, 0, inputs)
                        .group(second, size, 0, 4, false, true, all);
        PanelLayout rest = new PanelLayout(width).group(second, size, 4, inputs, true, false, all);
        float[][] w = new float[2 * size][inputs + 1];
        for (float[] column : w) {
            for (int k = 0; k <= inputs; k++) {
                column[k] = random.nextInt(200) == 0 ? Float.NaN : random.nextFloat(-1, 1);
            }
        }
        try (Arena arena = Arena.ofConfined()) {
            Panels packed = layout.over(arena.allocate(layout.byteSize(), 64));
            Panels packedRest = rest.over(arena.allocate(rest.byteSize(), 64));
            var source = PanelLayout.Source.of((g, c, k) -> w[g * size + c][k + 1]);
            layout.packing().pack(packed, source);
            var ofRest = PanelLayout.Source.of((g, c, k) -> w[size + c][k + 1]);
            rest.packing().pack(packedRest, ofRest);
            MemorySegment s = arena.allocate(Lanes.byteSize(lanes, 1, inputs, columns), 64);
            fill(s, random, false);
            Lanes at = Lanes.of(s, lanes, size, 1, inputs, columns);
            for (RecurrentKernels kernels :
                    new RecurrentKernels[] {Kernels.scalar().recurrent(), vector}) {
                boolean backwards = random.nextBoolean();
                kernels.multiply(packed, backwards, at, lanes);
                kernels.multiply(packedRest, !backwards, at, lanes);
                for (int m = 0; m < lanes; m++) {
                    for (int c = 0; c < 2 * size; c++) {
                        float want = w[c][0];
                        for (int k = 0; k < inputs; k++) {
                            float x = s.get(JAVA_FLOAT, at.x() + m * at.xStride() + 4L * k);
                            want = Math.fma(x, w[c][k + 1], want);
                        }
                        int column = c < size ? c : second + c - size;
                        float got = s.get(JAVA_FLOAT, at.z() + m * at.zStride() + 4L * column);
                        assertThat(Float.floatToIntBits(got))
                                .as("size %s, lane %s of %s, column %s", size, m, lanes, c)
                                .isEqualTo(Float.floatToIntBits(want));
                    }
                }
            }
        }
    }

    @Test
    void layout_cutsWidestPanelsAndTheRestAndCoversThem() {
        for (int width : new int[] {32, 64, 128}) {
            for (int count = 1; count < 1000; count++) {
                PanelLayout layout = new PanelLayout(width).group(64, count, 0, 3);
                int next = 64;
                long bytes = 0;
                int narrow = 0;
                var memory = MemorySegment.ofArray(new byte[(int) layout.byteSize()]);
                for (Panels.Panel p : layout.over(memory).panels()) {
                    assertThat(p.column()).isEqualTo(next);
                    assertThat(p.offset()).isZero();
                    assertThat(p.weights().address()).isEqualTo(bytes + memory.address());
                    assertThat(p.weights().byteSize()).isEqualTo(2 * p.strandBytes());
                    assertThat(bytes % 64).isZero();
                    assertThat(p.width() % 32).isZero();
                    next += p.width();
                    bytes += 2 * p.strandBytes();
                    assertThat(p.width()).isLessThanOrEqualTo(width);
                    narrow += p.width() < width ? 1 : 0;
                }
                assertThat(next - 64).isBetween(count, Panels.padded(count));
                assertThat(narrow).isLessThanOrEqualTo(1);
                assertThat(layout.byteSize()).isEqualTo(bytes);
            }
        }
    }

    /// C2 makes an object of every vector it fails to inline; this is where that would show.
    @ParameterizedTest
    @CsvSource({"RNN, 1", "LSTM, 1", "GRU, 1", "GRU_HALVES, 1", "LSTM, 6"})
    void step_onceCompiled_allocatesNothing(Pass pass, int lanes) {
        RecurrentKernels k = Kernels.vector().recurrent();
        int h = 33;
        int inputs = 3 * h;
        PanelLayout layout = new PanelLayout(k.panelWidth()).group(0, pass.columns(h), 0, inputs);
        try (Arena arena = Arena.ofConfined()) {
            Panels panels = layout.over(arena.allocate(layout.byteSize(), 64));
            int columns = Panels.padded(pass.columns(h));
            MemorySegment s = arena.allocate(Lanes.byteSize(lanes, h, inputs, columns), 64);
            Lanes at = Lanes.of(s, lanes, h, h, inputs, columns);
            int[] runs = {0};
            assertThat(
                            Allocation.onceCompiled(
                                    () -> {
                                        k.multiply(panels, runs[0]++ % 2 == 0, at, lanes);
                                        pass.run(k, at, lanes);
                                    }))
                    .isZero();
        }
    }
}
