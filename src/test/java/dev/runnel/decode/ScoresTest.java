package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

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

    @Test
    void infinity_isRefused() {
        for (boolean probabilities : new boolean[] {false, true}) {
            float[] values = {1, 2, Float.POSITIVE_INFINITY};
            Scores scores = new Scores(MemorySegment.ofArray(values), 1, 3, probabilities, null, 1);
            assertThatThrownBy(() -> scores.loadAll(0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "the model's score of token 2 is Infinity; look for NaN or infinities"
                                    + " in its input and weights");
        }
    }

    @Test
    void negativeProbability_isRefused() {
        assertThatThrownBy(() -> of(1, -0.25f))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the model's probability of token 1 is -0.25; if the output has logits,"
                                + " name it by .logits(name)");
        assertThat(of(-0f, 1).best()).isEqualTo(1);
    }

    @Test
    void repetitionPenalty_howeverLarge_leavesNumbers() {
        float[] values = {3, -3, 0, Float.NEGATIVE_INFINITY};
        for (float penalty : new float[] {Float.MIN_VALUE, Float.MAX_VALUE}) {
            Scores scores = new Scores(MemorySegment.ofArray(values), 1, 4, false, null, penalty);
            Path path = new Path();
            for (int v = 0; v < 4; v++) {
                path.feed(v);
            }
            scores.load(0, path);
            for (int v = 0; v < 3; v++) {
                assertThat(scores.get(v)).isFinite();
            }
            assertThat(scores.get(3)).isEqualTo(Float.NEGATIVE_INFINITY);
            assertThat(scores.logSum()).isFinite();
        }
    }

    /// The same tokens let through, in whatever words: the same ones drawn.
    @Test
    void draw_dependsOnWhatIsLetThroughAlone() {
        int v = P.length;
        for (Strategy.Sampling[] pair :
                new Strategy.Sampling[][] {
                    {Strategy.sample(8), Strategy.sample(8).topK(v)},
                    {Strategy.sample(8), Strategy.sample(8).topK(99)},
                    {Strategy.sample(8).topK(2), Strategy.sample(8).topP(0.69)},
                    {Strategy.sample(8).topP(0.9), Strategy.sample(8).topK(v).topP(0.9)},
                    {Strategy.sample(8).topK(3), Strategy.sample(8).topK(3).topP(0.999)}
                }) {
            Scores scores = of(P);
            Dice a = new Dice();
            Dice b = new Dice();
            a.seed(8);
            b.seed(8);
            for (int i = 0; i < 1000; i++) {
                assertThat(scores.draw(pair[1], b)).isEqualTo(scores.draw(pair[0], a));
            }
        }
    }

    /// However sums are rounded, top-p lets nothing through that top-k did not.
    @Test
    void topP_ofTopK_isNeverMore() {
        Random random = new Random(4);
        Dice dice = new Dice();
        Strategy.Sampling sampling = Strategy.sample(1).topK(5).topP(Math.nextDown(1.0));
        for (int i = 0; i < 1000; i++) {
            float[] p = new float[6];
            p[5] = 0.01f;
            for (int v = 0; v < 5; v++) {
                p[v] = 0.02f + random.nextFloat() / 50;
            }
            Scores scores = of(p);
            for (int n = 0; n < 10; n++) {
                assertThat(scores.draw(sampling, dice)).isNotEqualTo(5);
            }
        }
    }

    @Test
    void topP_thatIsReachedExactly_letsNoMoreThrough() {
        Scores scores = of(0.25f, 0.25f, 0.25f, 0.25f);
        Dice dice = new Dice();
        for (int n = 0; n < 100; n++) {
            assertThat(scores.draw(Strategy.sample(1).topP(0.5), dice)).isLessThan(2);
        }
    }

    @Test
    void pathsHaveOnlyTheTokensThatAreThere() {
        Path path = new Path();
        path.feed(7);
        assertThat(path.get(0)).isEqualTo(7);
        for (int index : new int[] {-1, 1}) {
            assertThatThrownBy(() -> path.get(index)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    /// Of equal ones at the edge the first stay.
    @Test
    void topK_ofEqualOnes_keepsTheFirst() {
        assertDrawn(Strategy.sample(3).topK(4), 0.4 / 0.95, 0.05 / 0.95, 0.3 / 0.95, 0, 0.2 / 0.95);
    }

    /// Each token is looked at once, however long the stream; a copied path knows what it knew.
    @Test
    void pathsKeepTheTokensThatWereThere() {
        Path path = new Path();
        path.feed(1);
        path.choose(70);
        TokenMask said = path.said(100);
        path.choose(3);
        assertThat(path.said(100)).isSameAs(said);
        Path copy = new Path();
        copy.choose(99);
        copy.said(100);
        copy.become(path);
        copy.choose(64);
        assertThat(tokens(copy.said(100))).containsExactly(1, 3, 64, 70);
        assertThat(tokens(path.said(100))).containsExactly(1, 3, 70);
        copy.become(new Path());
        assertThat(tokens(copy.said(100))).isEmpty();
        copy.choose(99);
        assertThat(tokens(copy.said(100))).containsExactly(99);
    }

    private static List<Integer> tokens(TokenMask mask) {
        List<Integer> all = new ArrayList<>();
        for (int t = mask.next(0); t >= 0; t = mask.next(t + 1)) {
            all.add(t);
        }
        return all;
    }
}
