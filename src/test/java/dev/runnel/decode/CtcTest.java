package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.internal.kernel.Allocation;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntConsumer;

class CtcTest {
    private static final int BLANK = 0;

    private static List<Integer> decode(Ctc ctc, float[][] frames) {
        List<Integer> tokens = new ArrayList<>();
        for (float[] frame : frames) {
            ctc.accept(MemorySegment.ofArray(frame), tokens::add);
        }
        ctc.finish(tokens::add);
        return tokens;
    }

    private static float[][] oneHot(int v, int... best) {
        float[][] frames = new float[best.length][v];
        for (int t = 0; t < best.length; t++) {
            frames[t][best[t]] = 9;
        }
        return frames;
    }

    private static float[][] random(Random random, int frames, int v) {
        float[][] scores = new float[frames][v];
        for (float[] frame : scores) {
            for (int i = 0; i < v; i++) {
                frame[i] = (float) random.nextGaussian() * 2;
            }
        }
        return scores;
    }

    private static List<Integer> collapsed(int[] alignment) {
        List<Integer> tokens = new ArrayList<>();
        int last = BLANK;
        for (int t : alignment) {
            if (t != last && t != BLANK) {
                tokens.add(t);
            }
            last = t;
        }
        return tokens;
    }

    /// The most probable sequence, by adding up all alignments.
    private static List<Integer> mostProbable(float[][] frames) {
        int v = frames[0].length;
        Map<List<Integer>, Double> p = new HashMap<>();
        int all = (int) Math.pow(v, frames.length);
        for (int n = 0; n < all; n++) {
            int[] alignment = new int[frames.length];
            double log = 0;
            int rest = n;
            for (int t = 0; t < frames.length; t++, rest /= v) {
                alignment[t] = rest % v;
                double sum = 0;
                for (float s : frames[t]) {
                    sum += Math.exp(s);
                }
                log += frames[t][alignment[t]] - Math.log(sum);
            }
            p.merge(collapsed(alignment), Math.exp(log), Double::sum);
        }
        return p.entrySet().stream()
                .max(Comparator.comparingDouble(Map.Entry::getValue))
                .orElseThrow()
                .getKey();
    }

    @Test
    void repeats_areOneTokenUnlessABlankPartsThem() {
        for (Ctc ctc : List.of(Ctc.greedy(4, BLANK), Ctc.beam(4, BLANK, 5))) {
            assertThat(decode(ctc, oneHot(4, 0, 1, 1, 0, 1, 2, 2, 0, 0, 3)))
                    .containsExactly(1, 1, 2, 3);
            assertThat(decode(ctc, oneHot(4, 0, 0, 0))).isEmpty();
            assertThat(decode(ctc, oneHot(4, 3, 3))).containsExactly(3);
        }
    }

    @Test
    void wideBeam_findsTheMostProbableSequence() {
        Random random = new Random(5);
        int differs = 0;
        for (int i = 0; i < 200; i++) {
            float[][] frames = random(random, 6, 3);
            List<Integer> want = mostProbable(frames);
            assertThat(decode(Ctc.beam(3, BLANK, 200, Double.POSITIVE_INFINITY), frames))
                    .isEqualTo(want);
            differs += decode(Ctc.greedy(3, BLANK), frames).equals(want) ? 0 : 1;
        }
        assertThat(differs).as("cases that greedy misses").isPositive();
    }

    @Test
    void aDecoder_isReadyForTheNextStream() {
        Random random = new Random(6);
        Ctc used = Ctc.beam(5, BLANK, 4);
        for (int i = 0; i < 50; i++) {
            float[][] frames = random(random, 40, 5);
            assertThat(decode(used, frames)).isEqualTo(decode(Ctc.beam(5, BLANK, 4), frames));
        }
    }

    @Test
    void tokens_comeWhileFramesCome() {
        Ctc ctc = Ctc.beam(4, BLANK, 5);
        List<Integer> tokens = new ArrayList<>();
        for (float[] frame : oneHot(4, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0)) {
            ctc.accept(MemorySegment.ofArray(frame), tokens::add);
        }
        assertThat(tokens).containsExactly(1, 2);
        ctc.finish(tokens::add);
        assertThat(tokens).containsExactly(1, 2);
    }

    @Test
    void anEndlessStream_allocatesNothing() {
        Random random = new Random(7);
        MemorySegment[] frames = new MemorySegment[97];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = MemorySegment.ofArray(random(random, 1, 6)[0]);
        }
        Ctc ctc = Ctc.beam(6, BLANK, 8);
        long[] heard = new long[2];
        IntConsumer count = t -> heard[1]++;
        assertThat(
                        Allocation.onceCompiled(
                                () ->
                                        ctc.accept(
                                                frames[(int) (heard[0]++ % frames.length)], count)))
                .isZero();
        assertThat(heard[1]).isPositive();
    }

    @Test
    void wrongFrames_areRefused() {
        Ctc ctc = Ctc.greedy(4, BLANK);
        assertThatThrownBy(() -> ctc.accept(MemorySegment.ofArray(new float[3]), t -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the frame has 12 bytes, expected 16 for 4 scores");
        assertThatThrownBy(
                        () ->
                                ctc.accept(
                                        MemorySegment.ofArray(new float[] {0, Float.NaN, 0, 0}),
                                        t -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the score of token 1 is NaN");
        assertThatThrownBy(() -> Ctc.beam(4, 4, 2)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aSequenceLongUndecided_isHandedOverInTheEnd() {
        int frames = 80_000;
        Ctc ctc = Ctc.beam(4, BLANK, 2);
        List<Integer> tokens = new ArrayList<>();
        // Two first tokens are equally likely, so nothing is decided.
        ctc.accept(MemorySegment.ofArray(new float[] {-99, 9, 9, -99}), tokens::add);
        float[][] certain = oneHot(4, 0, 3);
        for (int t = 0; t < frames; t++) {
            certain[t % 2][t % 2 * 3] = 99;
            ctc.accept(MemorySegment.ofArray(certain[t % 2]), tokens::add);
        }
        assertThat(tokens).isEmpty();
        ctc.finish(tokens::add);
        assertThat(tokens).hasSize(1 + frames / 2);
        assertThat(tokens.subList(1, tokens.size())).containsOnly(3);
    }

    @Test
    void framesThatAreNoScores_areRefusedAndChangeNothing() {
        float infinity = Float.POSITIVE_INFINITY;
        float[] all = {-infinity, -infinity, -infinity, -infinity};
        float[][] heard = oneHot(4, 1, 1, 2);
        for (Ctc ctc : List.of(Ctc.greedy(4, BLANK), Ctc.beam(4, BLANK, 3))) {
            List<Integer> tokens = new ArrayList<>();
            for (float[] frame : heard) {
                ctc.accept(MemorySegment.ofArray(frame), tokens::add);
                assertThatThrownBy(() -> ctc.accept(MemorySegment.ofArray(all), tokens::add))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage(
                                "all scores of the frame are −∞: no token is possible, nor the"
                                        + " blank");
                assertThatThrownBy(
                                () ->
                                        ctc.accept(
                                                MemorySegment.ofArray(
                                                        new float[] {0, 0, infinity, 0}),
                                                tokens::add))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("the score of token 2 is Infinity");
            }
            ctc.finish(tokens::add);
            assertThat(tokens).containsExactly(1, 2);
            // One that is impossible is none the worse.
            assertThat(
                            decode(
                                    ctc,
                                    new float[][] {
                                        {-infinity, 0, -infinity, -infinity},
                                        {0, -infinity, -infinity, -infinity},
                                        {-infinity, -infinity, -infinity, 0}
                                    }))
                    .containsExactly(1, 3);
        }
    }

    @Test
    void finish_thatIsCutShort_isReadyForTheNextStreamAllTheSame() {
        Ctc ctc = Ctc.beam(4, BLANK, 3);
        ctc.accept(MemorySegment.ofArray(new float[] {0, 2, 1, 0}), t -> {});
        assertThatThrownBy(
                        () ->
                                ctc.finish(
                                        t -> {
                                            throw new ArithmeticException();
                                        }))
                .isInstanceOf(ArithmeticException.class);
        assertThat(decode(ctc, oneHot(4, 3, 3))).containsExactly(3);
    }

    @Test
    void blank_isWhereItIsSaidToBe() {
        for (Ctc ctc : List.of(Ctc.greedy(4, 3), Ctc.beam(4, 3, 5))) {
            for (int i = 0; i < 2; i++) {
                assertThat(decode(ctc, oneHot(4, 0, 0, 3, 0, 1, 3))).containsExactly(0, 0, 1);
            }
        }
    }

    /// What is impossible keeps nothing undecided, even if nothing is dropped for being improbable.
    @Test
    void impossibleTokens_areNoAlternatives() {
        float never = Float.NEGATIVE_INFINITY;
        Ctc ctc = Ctc.beam(4, BLANK, 5, Double.POSITIVE_INFINITY);
        List<Integer> tokens = new ArrayList<>();
        ctc.accept(MemorySegment.ofArray(new float[] {never, 0, never, never}), tokens::add);
        assertThat(tokens).containsExactly(1);
        ctc.accept(MemorySegment.ofArray(new float[] {0, 0, never, never}), tokens::add);
        ctc.accept(MemorySegment.ofArray(new float[] {never, never, 0, never}), tokens::add);
        assertThat(tokens).containsExactly(1, 2);
    }

    @Test
    void scores_needNotAddUpToOne() {
        Random random = new Random(8);
        for (int i = 0; i < 20; i++) {
            float[][] frames = random(random, 30, 5);
            List<Integer> want = decode(Ctc.beam(5, BLANK, 4), frames);
            for (float[] frame : frames) {
                float more = random.nextInt(100) - 50;
                for (int v = 0; v < 5; v++) {
                    frame[v] += more;
                }
            }
            assertThat(decode(Ctc.beam(5, BLANK, 4), frames)).isEqualTo(want);
        }
    }
}
