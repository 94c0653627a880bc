package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.Model;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

class BeamSearchTest {
    private static final int V = TinyLanguageModel.V;

    /// All sequences of up to `limit` tokens that end in `end` or at the limit, with their scores.
    private static List<Hypothesis> everything(Decoder decoder, int first, int end, int limit) {
        List<Hypothesis> all = new ArrayList<>();
        List<List<Integer>> open = new ArrayList<>(List.of(List.of()));
        for (int n = 1; n <= limit; n++) {
            List<List<Integer>> longer = new ArrayList<>();
            for (List<Integer> tokens : open) {
                for (int v = 0; v < V; v++) {
                    List<Integer> more = new ArrayList<>(tokens);
                    more.add(v);
                    if (v == end || n == limit) {
                        double score;
                        try (Decoding d = decoder.begin()) {
                            decoder.feed(d, first);
                            score =
                                    decoder.score(
                                            d, more.stream().mapToInt(Integer::intValue).toArray());
                        }
                        all.add(new Hypothesis(v == end ? tokens : more, score / n, v == end));
                    } else {
                        longer.add(more);
                    }
                }
            }
            open = longer;
        }
        all.sort(Comparator.comparingDouble(Hypothesis::score).reversed());
        return all;
    }

    @Test
    void widthOfEverything_findsTheBestOfAll() {
        int end = 0;
        int limit = 3;
        int width = V * V * V;
        try (Model model = TinyLanguageModel.compile();
                Decoder plain = Decoder.of(model).open();
                Decoder decoder =
                        Decoder.of(model)
                                .strategy(Strategy.beam(width))
                                .end(end)
                                .limit(limit)
                                .open();
                Decoding text = decoder.begin()) {
            for (int first : new int[] {1, 7}) {
                List<Hypothesis> want = everything(plain, first, end, limit);
                try (Decoding d = decoder.begin()) {
                    decoder.feed(d, first);
                    decoder.run(d, token -> true);
                    List<Hypothesis> got = d.hypotheses();
                    for (int i = 0; i < 20; i++) {
                        assertThat(got.get(i).tokens()).isEqualTo(want.get(i).tokens());
                        assertThat(got.get(i).score())
                                .isCloseTo(want.get(i).score(), Offset.offset(1e-5));
                        assertThat(got.get(i).ended()).isEqualTo(want.get(i).ended());
                    }
                    assertThat(d.tokens())
                            .containsExactly(
                                    want.getFirst().tokens().stream()
                                            .mapToInt(Integer::intValue)
                                            .toArray());
                }
            }
            assertThat(text.hypotheses()).isEmpty();
        }
    }

    @Test
    void widthOne_isGreedy() {
        try (Model model = TinyLanguageModel.compile();
                Decoder greedy = Decoder.of(model).end(0).limit(30).open();
                Decoder beam =
                        Decoder.of(model).strategy(Strategy.beam(1)).end(0).limit(30).open()) {
            for (int first = 1; first < V; first++) {
                try (Decoding a = greedy.begin();
                        Decoding b = beam.begin()) {
                    greedy.feed(a, first);
                    beam.feed(b, first);
                    greedy.run(a, token -> true);
                    beam.run(b, token -> true);
                    assertThat(b.tokens()).containsExactly(a.tokens());
                    assertThat(b.ending()).isEqualTo(a.ending());
                }
            }
        }
    }

    @Test
    void tokens_areHandedOverOnlyOnceDecided() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder =
                        Decoder.of(model).strategy(Strategy.beam(4)).end(0).limit(25).open()) {
            for (int first = 1; first < V; first++) {
                try (Decoding d = decoder.begin()) {
                    decoder.feed(d, first);
                    List<Integer> seen = new ArrayList<>();
                    decoder.run(d, seen::add);
                    assertThat(seen).isEqualTo(d.hypotheses().getFirst().tokens());
                }
            }
        }
    }

    @Test
    void feed_onceBegun_isRefused() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).strategy(Strategy.beam(2)).open();
                Decoding d = decoder.begin()) {
            decoder.feed(d, 1);
            decoder.step(List.of(d));
            assertThatThrownBy(() -> decoder.feed(d, 2))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "a beam search has begun: the stream takes no more input; begin"
                                    + " another");
        }
    }

    /// Where nothing may follow, what was said until then is the result, as it is without a search.
    @Test
    void deadEnd_leavesWhatWasSaidUntilThen() {
        Constraint once =
                (soFar, allowed) -> {
                    if (soFar.length() == soFar.fed()) {
                        allowed.allow(7);
                    }
                };
        Constraint five =
                (soFar, allowed) -> {
                    if (soFar.length() < soFar.fed() + 5) {
                        allowed.allowAll();
                    }
                };
        Constraint nothing = (soFar, allowed) -> {};
        try (Model model = TinyLanguageModel.compile()) {
            assertDeadEnd(model, 1, once, new int[] {1}, 1);
            assertDeadEnd(model, 3, once, new int[] {1}, 1);
            assertDeadEnd(model, 1, five, new int[] {3}, 5);
            assertDeadEnd(model, 3, five, new int[] {3}, 5);
            assertDeadEnd(model, 2, nothing, new int[100], 0);
            try (Decoder greedy = Decoder.of(model).constraint(once).open();
                    Decoding text = greedy.begin()) {
                greedy.feed(text, 1);
                greedy.run(text, token -> true);
                assertThat(text.tokens()).containsExactly(7);
            }
        }
    }

    private static void assertDeadEnd(
            Model model, int width, Constraint constraint, int[] prompt, int said) {
        try (Decoder decoder =
                        Decoder.of(model)
                                .strategy(Strategy.beam(width))
                                .constraint(constraint)
                                .open();
                Decoder plain = Decoder.of(model).open();
                Decoding text = decoder.begin();
                Decoding polled = decoder.begin();
                Decoding scored = plain.begin()) {
            decoder.feed(text, prompt);
            List<Integer> seen = new ArrayList<>();
            decoder.run(text, seen::add);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.NOTHING_ALLOWED);
            assertThat(seen).hasSize(said);
            assertThat(text.tokens())
                    .containsExactly(seen.stream().mapToInt(Integer::intValue).toArray());
            assertThat(text.poll()).isEqualTo(Decoding.NONE);

            Hypothesis best = text.hypotheses().getFirst();
            assertThat(best.tokens()).isEqualTo(seen);
            assertThat(best.ended()).isFalse();
            if (said == 5) { // all tokens allowed: the score is the model's
                plain.feed(scored, prompt);
                assertThat(best.score())
                        .isCloseTo(plain.score(scored, text.tokens()) / said, Offset.offset(1e-5));
                assertThat(text.hypotheses()).hasSize(width);
            } else {
                assertThat(best.score()).isZero();
            }

            decoder.feed(polled, prompt);
            while (!polled.isFinished()) {
                decoder.step(List.of(polled));
            }
            decoder.step(List.of(polled));
            List<Integer> late = new ArrayList<>();
            for (int t = polled.poll(); t != Decoding.NONE; t = polled.poll()) {
                late.add(t);
            }
            assertThat(late).isEqualTo(seen);
            assertThat(polled.state()).isNotNull();
        }
    }

    /// Sequences that ended before the others ran into a dead end are the result.
    @Test
    void deadEnd_afterSomethingEnded_isItsEnd() {
        Constraint endOrDeath =
                (soFar, allowed) -> {
                    if (soFar.length() == soFar.fed()) {
                        allowed.allow(0);
                        allowed.allow(5);
                    }
                };
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder =
                        Decoder.of(model)
                                .strategy(Strategy.beam(3))
                                .end(0)
                                .constraint(endOrDeath)
                                .open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 3);
            decoder.run(text, token -> true);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.END_TOKEN);
            assertThat(text.tokens()).isEmpty();
            assertThat(text.hypotheses()).hasSize(1);
            assertThat(text.hypotheses().getFirst().ended()).isTrue();
        }
    }

    @Test
    void score_onceBegun_isRefusedAndChangesNothing() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).strategy(Strategy.beam(2)).limit(8).open();
                Decoding d = decoder.begin();
                Decoding undisturbed = decoder.begin()) {
            decoder.feed(d, 1);
            decoder.feed(undisturbed, 1);
            decoder.step(List.of(d));
            assertThatThrownBy(() -> decoder.score(d, 2))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("a beam search has begun");
            decoder.run(d, token -> true);
            decoder.run(undisturbed, token -> true);
            assertThat(d.tokens()).containsExactly(undisturbed.tokens());
        }
    }
}
