package dev.runnel.decode;

import dev.runnel.State;

import java.util.ArrayList;
import java.util.Arrays;
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
    void requireFeedable() {
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
        settle(!branch());
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

    /// Continues the open paths with the best candidates; those that end are finished. If none goes
    /// on, the open ones stay as they are, and it returns false.
    private boolean branch() {
        Arrays.fill(parentTaken, false);
        Arrays.fill(stateTaken, false);
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
        if (count == 0) {
            return false;
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
        return true;
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
        return chosen == 0 ? score : score / StrictMath.pow(chosen, beam.lengthPenalty());
    }

    /// Decides whether the search is over, and what of it nothing will change.
    ///
    /// @param stuck whether no open path goes on; if none ended before, they are what was found
    private void settle(boolean stuck) {
        boolean atLimit = !stuck && open[0].chosen() >= limit;
        if (atLimit || stuck && finishedCount == 0) {
            for (int i = 0; i < openCount; i++) {
                finish(open[i], false);
            }
        }
        if (atLimit || stuck || isSettled()) {
            ending =
                    finishedByEnd[0]
                            ? Decoding.Ending.END_TOKEN
                            : atLimit ? Decoding.Ending.LIMIT : Decoding.Ending.NOTHING_ALLOWED;
            decided = saidLength(0);
        } else {
            decided = Math.max(decided, same());
        }
    }

    /// Whether enough have ended, and no open path is better than the worst of them.
    private boolean isSettled() {
        return finishedCount == beam.width()
                && normalised(open[0].score, open[0].chosen()) <= finished[finishedCount - 1].score;
    }

    /// The number of tokens that all paths have in common.
    private int same() {
        Path any = open[0];
        int same = any.length();
        for (int i = 1; i < openCount; i++) {
            same = Math.min(same, any.common(open[i], decided));
        }
        for (int i = 0; i < finishedCount; i++) {
            same = Math.min(same, any.common(finished[i], decided)); // open ones have no end token
        }
        return same;
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
