package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.State;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The search against one that is written down as one would explain it: lists, sorted. The scores
/// are few different ones, so that many are equal, and some allow nothing.
class BeamSearchReferenceTest {
    private static final int V = 5;
    private static final int END = 0;
    private static final int LIMIT = 6;

    private record Open(List<Integer> tokens, double score) {}

    private record Candidate(int parent, int token, double score) {}

    /// Scores that follow from the tokens alone; the more of them are −∞, the greater `seed % 4`.
    private static float[] scores(int seed, List<Integer> tokens) {
        Dice dice = new Dice();
        dice.seed(31L * tokens.hashCode() + seed);
        float[] scores = new float[V];
        for (int v = 0; v < V; v++) {
            int n = (int) (6 * dice.next());
            scores[v] = n > 4 - seed % 4 ? Float.NEGATIVE_INFINITY : n;
        }
        return scores;
    }

    /// The search, step by step.
    private static final class Reference {
        final Strategy.Beam beam;
        final int seed;
        List<Open> open = List.of(new Open(List.of(), 0));
        List<Hypothesis> finished = new ArrayList<>();
        Decoding.Ending ending;

        Reference(Strategy.Beam beam, int seed) {
            this.beam = beam;
            this.seed = seed;
        }

        private void finish(List<Integer> tokens, double score, int chosen, boolean ended) {
            double mean = chosen == 0 ? 0 : score / Math.pow(chosen, beam.lengthPenalty());
            finished.add(new Hypothesis(tokens, mean, ended));
            finished.sort(Comparator.comparingDouble(Hypothesis::score).reversed());
            finished =
                    new ArrayList<>(finished.subList(0, Math.min(beam.width(), finished.size())));
        }

        void step() {
            List<Candidate> all = new ArrayList<>();
            for (int i = 0; i < open.size(); i++) {
                float[] s = scores(seed, open.get(i).tokens);
                Scores scored = new Scores(MemorySegment.ofArray(s), 1, V, false, null, 1);
                scored.load(0, new Path());
                double base = open.get(i).score - scored.logSum();
                for (int v = 0; v < V; v++) {
                    if (s[v] != Float.NEGATIVE_INFINITY) {
                        all.add(new Candidate(i, v, base + s[v]));
                    }
                }
            }
            all.sort(Comparator.comparingDouble(Candidate::score).reversed());
            List<Open> next = new ArrayList<>();
            for (int c = 0; c < Math.min(all.size(), 2 * beam.width()); c++) {
                Candidate candidate = all.get(c);
                List<Integer> before = open.get(candidate.parent).tokens;
                if (next.size() == beam.width()) {
                    break;
                } else if (candidate.token != END) {
                    List<Integer> tokens = new ArrayList<>(before);
                    tokens.add(candidate.token);
                    next.add(new Open(tokens, candidate.score));
                } else if (c < beam.width()) {
                    finish(before, candidate.score, before.size() + 1, true);
                }
            }
            boolean stuck = next.isEmpty();
            open = stuck ? open : next;
            settle(stuck);
        }

        private void settle(boolean stuck) {
            int chosen = open.getFirst().tokens.size();
            boolean limit = !stuck && chosen == LIMIT;
            if (limit || stuck && finished.isEmpty()) {
                open.forEach(o -> finish(o.tokens, o.score, chosen, false));
            }
            boolean noneBetter =
                    finished.size() == beam.width()
                            && open.getFirst().score / Math.pow(chosen, beam.lengthPenalty())
                                    <= finished.getLast().score();
            if (limit || stuck || noneBetter) {
                ending =
                        finished.getFirst().ended()
                                ? Decoding.Ending.END_TOKEN
                                : limit ? Decoding.Ending.LIMIT : Decoding.Ending.NOTHING_ALLOWED;
            }
        }

        /// What all that is open or ended begins with.
        int decided() {
            if (ending != null) {
                return finished.getFirst().tokens().size();
            }
            List<List<Integer>> all = new ArrayList<>();
            open.forEach(o -> all.add(o.tokens));
            finished.forEach(f -> all.add(f.tokens()));
            int n = 0;
            while (true) {
                int at = n;
                List<Integer> any = all.getFirst();
                if (!all.stream().allMatch(t -> t.size() > at && t.get(at).equals(any.get(at)))) {
                    return n;
                }
                n++;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 1, 2})
    void search_findsWhatTheReferenceFinds(double lengthPenalty) {
        int deadEnds = 0;
        int late = 0;
        try (Model model = TinyLanguageModel.compile()) {
            for (int width = 1; width <= 5; width++) {
                Strategy.Beam beam = Strategy.beam(width).lengthPenalty(lengthPenalty);
                State[] states = new State[width];
                for (int i = 0; i < width; i++) {
                    states[i] = model.newState();
                }
                for (int seed = 0; seed < 400; seed++) {
                    Reference want = new Reference(beam, seed);
                    BeamSearch got = new BeamSearch(beam, LIMIT, END, states);
                    got.path(0).feed(3);
                    assertThat(got.decided()).isEqualTo(1);
                    int decided = 0;
                    while (want.ending == null) {
                        step(got, seed);
                        want.step();
                        // What was handed over once stays so.
                        decided = Math.max(decided, want.decided());
                        assertSame(got, want, decided);
                    }
                    assertThat(got.hypotheses()).isEqualTo(want.finished);
                    deadEnds += want.ending == Decoding.Ending.NOTHING_ALLOWED ? 1 : 0;
                    late += want.ending == Decoding.Ending.LIMIT ? 1 : 0;
                }
                for (State s : states) {
                    s.close();
                }
            }
        }
        assertThat(deadEnds).isPositive();
        assertThat(late).isPositive();
    }

    private static List<Integer> chosen(Path path, int end) {
        List<Integer> tokens = new ArrayList<>();
        for (int t : path.chosen(end)) {
            tokens.add(t);
        }
        return tokens;
    }

    private static void step(BeamSearch search, int seed) {
        float[] rows = new float[V * search.open()];
        for (int i = 0; i < search.open(); i++) {
            Path path = search.path(i);
            System.arraycopy(scores(seed, chosen(path, path.length())), 0, rows, V * i, V);
        }
        int n = search.open();
        search.choose(new Scores(MemorySegment.ofArray(rows), n, V, false, null, 1), 0);
    }

    private static void assertSame(BeamSearch got, Reference want, int decided) {
        assertThat(got.ending).isEqualTo(want.ending);
        assertThat(got.open()).isEqualTo(want.open.size());
        boolean[] taken = new boolean[want.open.size() + 100];
        for (int i = 0; i < got.open(); i++) {
            Path path = got.path(i);
            assertThat(chosen(path, path.length())).isEqualTo(want.open.get(i).tokens);
            assertThat(path.score).isEqualTo(want.open.get(i).score);
            assertThat(path.pending).isTrue();
            assertThat(taken[path.state]).as("two paths on one state").isFalse();
            taken[path.state] = true;
        }
        assertThat(got.decided()).isEqualTo(1 + decided);
        assertThat(chosen(got.best(), got.decided()))
                .isEqualTo(
                        want.ending == null
                                ? want.open.getFirst().tokens.subList(0, decided)
                                : want.finished.getFirst().tokens());
    }
}
