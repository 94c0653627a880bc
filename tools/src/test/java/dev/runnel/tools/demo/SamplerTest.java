package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.stream.IntStream;

class SamplerTest {
    private static final MemorySegment LOGITS = MemorySegment.ofArray(new float[] {9, 1, 3, 2, 3});

    @Test
    void choose_atTemperatureZero_takesTheFirstOfTheBestAllowed() {
        assertThat(new Sampler(0, 1).choose(LOGITS, allowed(1, 2, 3, 4))).isEqualTo(2);
        assertThat(new Sampler(0, 1).choose(LOGITS, allowed(1, 3))).isEqualTo(3);
    }

    @Test
    void choose_atTemperatureOne_followsTheSoftmaxOfTheAllowed() {
        Sampler sampler = new Sampler(1, 1);
        int[] count = new int[5];
        for (int i = 0; i < 20_000; i++) {
            count[sampler.choose(LOGITS, allowed(1, 2, 3))]++;
        }
        assertThat(count[0] + count[4]).isZero();
        assertThat(count[2] / 20_000.0).isBetween(0.65, 0.68); // e³ / (e¹ + e² + e³) = 0.665
        assertThat(count[3] / 20_000.0).isBetween(0.23, 0.26); // 0.245
    }

    @Test
    void choose_withTheSameSeed_choosesTheSame() {
        assertThat(choices(7)).isEqualTo(choices(7)).isNotEqualTo(choices(8));
    }

    @Test
    void choose_atTinyTemperature_takesTheBest() {
        assertThat(new Sampler(1e-300, 1).choose(LOGITS, allowed(1, 2, 3))).isEqualTo(2);
    }

    private static int[] choices(long seed) {
        Sampler sampler = new Sampler(1, seed);
        return IntStream.range(0, 50)
                .map(_ -> sampler.choose(LOGITS, allowed(1, 2, 3, 4)))
                .toArray();
    }

    private static BitSet allowed(int... tokens) {
        BitSet allowed = new BitSet();
        IntStream.of(tokens).forEach(allowed::set);
        return allowed;
    }
}
