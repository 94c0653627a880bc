package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;

class ScoresTest {
    private static final float[] P = {0.4f, 0.05f, 0.3f, 0.05f, 0.2f};

    private static Scores of(float... probabilities) {
        Scores scores =
                new Scores(
                        MemorySegment.ofArray(probabilities),
                        1,
                        probabilities.length,
                        true,
                        null,
                        1);
        scores.load(0, new Path());
        return scores;
    }

    private static void assertDrawn(Strategy.Sampling sampling, double... expected) {
        Scores scores = of(P);
        Dice dice = new Dice();
        dice.seed(sampling.seed());
        int n = 100_000;
        double[] share = new double[P.length];
        for (int i = 0; i < n; i++) {
            share[scores.draw(sampling, dice)] += 1.0 / n;
        }
        for (int v = 0; v < P.length; v++) {
            if (expected[v] == 0) {
                assertThat(share[v]).isZero();
            }
            // Five standard deviations.
            assertThat(share[v]).isCloseTo(expected[v], Offset.offset(5 * Math.sqrt(0.25 / n)));
        }
    }

    @Test
    void draw_followsTheProbabilities() {
        assertDrawn(Strategy.sample(1), 0.4, 0.05, 0.3, 0.05, 0.2);
    }

    @Test
    void temperature_flattensOrSharpens() {
        double sum = 0.4 * 0.4 + 2 * 0.05 * 0.05 + 0.3 * 0.3 + 0.2 * 0.2;
        assertDrawn(
                Strategy.sample(2).temperature(0.5),
                0.16 / sum,
                0.0025 / sum,
                0.09 / sum,
                0.0025 / sum,
                0.04 / sum);
    }

    @Test
    void topK_keepsTheBest() {
        assertDrawn(Strategy.sample(3).topK(2), 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0);
        assertDrawn(Strategy.sample(3).topK(99), 0.4, 0.05, 0.3, 0.05, 0.2);
    }

    @Test
    void topP_keepsTheFewestThatMakeTheShare() {
        assertDrawn(Strategy.sample(4).topP(0.65), 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0);
        assertDrawn(Strategy.sample(4).topP(0.3), 1, 0, 0, 0, 0);
        assertDrawn(Strategy.sample(4).topK(3).topP(0.99), 0.4 / 0.9, 0, 0.3 / 0.9, 0, 0.2 / 0.9);
    }

    @Test
    void best_ofEqualOnes_isTheFirst() {
        assertThat(of(0.2f, 0.4f, 0.4f).best()).isEqualTo(1);
        assertThat(of(0, 0, 0).best()).isEqualTo(-1);
        assertThat(of(0, 0, 0).draw(Strategy.sample(1), new Dice())).isEqualTo(-1);
    }

    @Test
    void logSum_makesLogProbabilities() {
        Scores scores =
                new Scores(MemorySegment.ofArray(new float[] {1, 2, 3}), 1, 3, false, null, 1);
        scores.load(0, new Path());
        double sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
        assertThat(scores.logSum()).isCloseTo(Math.log(sum), Offset.offset(1e-6));
    }

    @Test
    void repetitionPenalty_makesTokensThatWereThereLessLikely() {
        Scores scores =
                new Scores(MemorySegment.ofArray(new float[] {3, -2, 1}), 1, 3, false, null, 2);
        Path path = new Path();
        path.feed(0);
        path.choose(1);
        path.choose(0);
        scores.load(0, path);
        assertThat(new float[] {scores.get(0), scores.get(1), scores.get(2)})
                .containsExactly(1.5f, -4, 1);
    }

    @Test
    void nan_isRefused() {
        assertThatThrownBy(() -> of(1, Float.NaN))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the model's score of token 1 is NaN; look for NaN or infinities in its"
                                + " input and weights");
    }

    @Test
    void settingsThatMakeNoSense_areRefused() {
        assertThatThrownBy(() -> Strategy.sample(1).temperature(0))
                .hasMessage("temperature is 0.0, expected above 0; greedy() is its limit");
        assertThatThrownBy(() -> Strategy.sample(1).topP(1.5))
                .hasMessage("topP is 1.5, expected above 0, at most 1");
        assertThatThrownBy(() -> Strategy.beam(0))
                .hasMessage("the beam's width is 0, expected at least 1");
    }
}
