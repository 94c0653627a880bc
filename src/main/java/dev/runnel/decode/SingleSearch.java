package dev.runnel.decode;

import java.util.List;

/// One path: greedy, or by chance.
final class SingleSearch extends Search {
    private final Path path = new Path();
    private final Strategy strategy;
    private final int limit;
    private final int end;
    private final Dice dice;

    SingleSearch(Strategy strategy, int limit, int end, Dice dice) {
        this.strategy = strategy;
        this.limit = limit;
        this.end = end;
        this.dice = dice;
    }

    @Override
    int open() {
        return 1;
    }

    @Override
    Path path(int i) {
        return path;
    }

    @Override
    Path best() {
        return path;
    }

    @Override
    int decided() {
        return path.length() - (ending == Decoding.Ending.END_TOKEN ? 1 : 0);
    }

    @Override
    void choose(Scores scores, int row) {
        scores.load(row, path);
        int token =
                strategy instanceof Strategy.Sampling sampling
                        ? scores.draw(sampling, dice)
                        : scores.best();
        if (token < 0) {
            ending = Decoding.Ending.NOTHING_ALLOWED;
            return;
        }
        path.choose(token);
        if (token == end) {
            ending = Decoding.Ending.END_TOKEN;
        } else if (path.chosen() >= limit) {
            ending = Decoding.Ending.LIMIT;
        }
    }

    @Override
    List<Hypothesis> hypotheses() {
        boolean ended = ending == Decoding.Ending.END_TOKEN;
        return List.of(Hypothesis.of(path.chosen(decided()), Double.NaN, ended));
    }

    @Override
    void requireFeedable() {
        // always
    }
}
