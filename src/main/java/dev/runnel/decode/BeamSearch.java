package dev.runnel.decode;

import dev.runnel.State;

import java.util.ArrayList;
import java.util.List;

/// Beam search: of all continuations of the open paths, the best ones stay open. Nothing is
/// allocated once its arrays have their sizes; a state is copied only where a path has a second
/// child.
final class BeamSearch extends Search {
    private final Strategy.Beam beam;
    private final int limit;
    private final int end;
    private final State[] states;

    private Path[] open;
    private int openCount = 1;
    private Path[] next;
    private final Path[] finished;
    private final boolean[] finishedByEnd;
    private int finishedCount;
    private boolean begun;

    // The best continuations of a step: twice as many as stay open, since that many may end.
    private final int[] parents;
    private final int[] tokens;
    private final double[] scores;
    private int candidates;

    private final boolean[] stateTaken;
    private final boolean[] parentTaken;
    private int decided;

    BeamSearch(Strategy.Beam beam, int limit, int end, State[] states) {
        int width = beam.width();
        this.beam = beam;
        this.limit = limit;
        this.end = end;
        this.states = states;
        this.open = paths(width);
        this.next = paths(width);
        this.finished = paths(width);
        this.finishedByEnd = new boolean[width];
        this.parents = new int[2 * width];
        this.tokens = new int[2 * width];
        this.scores = new double[2 * width];
        this.stateTaken = new boolean[width];
        this.parentTaken = new boolean[width];
    }

    private static Path[] paths(int n) {
        Path[] paths = new Path[n];
        for (int i = 0; i < n; i++) {
            paths[i] = new Path();
        }
        return paths;
    }

    @Override
    int open() {
        return openCount;
    }

    @Override
    Path path(int i) {
        return open[i];
    }

    @Override
    Path best() {
        return ending == null || finishedCount == 0 ? open[0] : finished[0];
    }

    @Override
    int decided() {
        return begun ? decided : open[0].length();
    }

    @Override
    void reopen() {
        if (begun) {
            throw new IllegalStateException(
                    "a beam search has begun: the stream takes no more input; begin another");
        }
    }

    @Override
    void choose(Scores scored, int row) {
        if (!begun) {
            begun = true;
            decided = open[0].length();
        }
        collect(scored, row);
        branch();
        settle();
    }

    /// The best continuations of all open paths, best first; of equal ones that of the earlier path
    /// and token.
    private void collect(Scores scored, int row) {
        candidates = 0;
        for (int i = 0; i < openCount; i++) {
            scored.load(row + i, open[i]);
            double base = open[i].score - scored.logSum();
            for (int v = 0; v < scored.vocabularySize(); v++) {
                float s = scored.get(v);
                if (s != Float.NEGATIVE_INFINITY) {
                    offer(i, v, base + s);
                }
            }
        }
    }

    private void offer(int parent, int token, double score) {
        int at = candidates;
        if (at == scores.length) {
            if (score <= scores[at - 1]) {
                return;
            }
            at--;
        } else {
            candidates++;
        }
        for (; at > 0 && score > scores[at - 1]; at--) {
            parents[at] = parents[at - 1];
            tokens[at] = tokens[at - 1];
            scores[at] = scores[at - 1];
        }
        parents[at] = parent;
        tokens[at] = token;
        scores[at] = score;
    }

    /// Continues the open paths with the best candidates; those that end are finished.
    private void branch() {
        java.util.Arrays.fill(parentTaken, false);
        java.util.Arrays.fill(stateTaken, false);
        int count = 0;
        for (int c = 0; c < candidates && count < beam.width(); c++) {
            Path parent = open[parents[c]];
            Path child = next[count];
            child.become(parent);
            child.choose(tokens[c]);
            child.score = scores[c];
            if (tokens[c] == end) {
                if (c < beam.width()) {
                    finish(child, true);
                }
                continue;
            }
            child.state = -1;
            if (!parentTaken[parents[c]]) {
                parentTaken[parents[c]] = true;
                child.state = parent.state;
                stateTaken[parent.state] = true;
            }
            parents[count] = parents[c]; // behind c already
            count++;
        }
        int free = 0;
        for (int i = 0; i < count; i++) {
            if (next[i].state < 0) {
                while (stateTaken[free]) {
                    free++;
                }
                stateTaken[free] = true;
                next[i].state = free;
                states[free].copyFrom(states[open[parents[i]].state]);
            }
        }
        Path[] before = open;
        open = next;
        next = before;
        openCount = count;
    }

    private void finish(Path path, boolean ended) {
        double score = normalised(path.score, path.chosen());
        int at = finishedCount;
        if (at == finished.length) {
            if (score <= finished[at - 1].score) {
                return;
            }
            at--;
        } else {
            finishedCount++;
        }
        Path spare = finished[at];
        for (; at > 0 && score > finished[at - 1].score; at--) {
            finished[at] = finished[at - 1];
            finishedByEnd[at] = finishedByEnd[at - 1];
        }
        finished[at] = spare;
        spare.become(path);
        spare.score = score;
        finishedByEnd[at] = ended;
    }

    private double normalised(double score, int chosen) {
        return score / StrictMath.pow(chosen, beam.lengthPenalty());
    }

    /// Decides whether the search is over, and what of it nothing will change.
    private void settle() {
        if (openCount > 0 && open[0].chosen() >= limit) {
            for (int i = 0; i < openCount; i++) {
                finish(open[i], false);
            }
            ending = Decoding.Ending.LIMIT;
        } else if (openCount == 0) {
            ending =
                    finishedCount == 0
                            ? Decoding.Ending.NOTHING_ALLOWED
                            : Decoding.Ending.END_TOKEN;
        } else if (finishedCount == beam.width()
                && normalised(open[0].score, open[0].chosen())
                        <= finished[finishedCount - 1].score) {
            ending = Decoding.Ending.END_TOKEN;
        }
        if (ending != null) {
            if (finishedCount > 0) {
                decided = saidLength(0);
                ending = finishedByEnd[0] ? Decoding.Ending.END_TOKEN : Decoding.Ending.LIMIT;
            }
            return;
        }
        Path any = open[0];
        int same = any.length();
        for (int i = 1; i < openCount; i++) {
            same = Math.min(same, any.common(open[i], decided));
        }
        for (int i = 0; i < finishedCount; i++) {
            int common = any.common(finished[i], decided);
            same = Math.min(same, Math.min(saidLength(i), common));
        }
        decided = Math.max(decided, same);
    }

    /// The length of a finished path without its end token, which stands for nothing to say.
    private int saidLength(int i) {
        return finished[i].length() - (finishedByEnd[i] ? 1 : 0);
    }

    @Override
    List<Hypothesis> hypotheses() {
        List<Hypothesis> all = new ArrayList<>();
        for (int i = 0; i < finishedCount; i++) {
            int[] said = finished[i].chosen(saidLength(i));
            all.add(Hypothesis.of(said, finished[i].score, finishedByEnd[i]));
        }
        return all;
    }
}
