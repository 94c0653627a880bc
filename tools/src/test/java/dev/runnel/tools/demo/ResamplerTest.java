package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.util.Random;

class ResamplerTest {
    private static final int RATE = 8000;

    private static float[] resampled(float[] sound, int rate) throws IOException {
        return Sound.all(Resampler.of(Sound.of(sound, rate), RATE));
    }

    /// Power of what differs, relative to that of a full sine, in decibels; the first and the last
    /// 20 ms are where the sound begins and ends.
    private static double decibels(float[] got, float[] want) {
        double power = 0;
        int edge = RATE / 50;
        for (int i = edge; i < want.length - edge; i++) {
            power += Math.pow(got[i] - want[i], 2);
        }
        return 10 * Math.log10(power / (want.length - 2 * edge) / 0.5);
    }

    @ParameterizedTest
    @ValueSource(ints = {4000, 7350, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000})
    void sine_belowTheBandsEnd_isTheSineAtTheOtherRate(int rate) throws IOException {
        for (double share : new double[] {0.01, 0.1, 0.25, 0.45}) {
            double hertz = share * Math.min(rate, RATE);
            float[] got = resampled(Sound.sine(hertz, rate, 0.5, 1), rate);
            float[] want = Sound.sine(hertz, RATE, 0.5, 1);
            assertThat(got.length).isBetween(want.length - 1, want.length + 1);
            assertThat(decibels(got, want)).as(hertz + " Hz").isLessThan(-85);
        }
    }

    /// It would be heard as another tone.
    @ParameterizedTest
    @ValueSource(ints = {11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 768_000})
    void sine_aboveTheBandsEnd_isSilence(int rate) throws IOException {
        for (double hertz : new double[] {4050, 4500, 5100}) {
            float[] got = resampled(Sound.sine(hertz, rate, 0.25, 1), rate);
            assertThat(decibels(got, new float[got.length])).as(hertz + " Hz").isLessThan(-80);
        }
    }

    @Test
    void sound_inPiecesOfAnySize_isTheSame() throws IOException {
        float[] sound = Sound.noise(0.3, 30_000, 5);
        float[] want = resampled(sound, 44_100);
        for (int seed = 0; seed < 5; seed++) {
            Samples pieces = Sound.of(sound, 44_100, new Random(seed));
            assertThat(Sound.all(Resampler.of(pieces, RATE))).isEqualTo(want);
        }
    }

    @Test
    void sound_ofTheSameRate_isLeftAlone() {
        Samples sound = Sound.of(new float[3], RATE);
        assertThat(Resampler.of(sound, RATE)).isSameAs(sound);
    }

    @Test
    void sound_ofFewSamples_hasItsLength() throws IOException {
        assertThat(resampled(new float[0], 48_000)).isEmpty();
        assertThat(resampled(new float[1], 48_000)).hasSize(1);
        assertThat(resampled(new float[6], 48_000)).hasSize(1);
        assertThat(resampled(new float[7], 48_000)).hasSize(2);
        assertThat(resampled(new float[5], 4000)).hasSize(10);
    }
}
