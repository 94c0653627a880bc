package dev.runnel.decode;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// What a strategy keeps of one stream.
abstract sealed class Search permits SingleSearch, BeamSearch {
    /// Why it is over; null while it is not.
    Decoding.@Nullable Ending ending;

    /// The number of paths that are open.
    abstract int open();

    /// Open path `i`.
    abstract Path path(int i);

    /// The path by which the stream is known: the only one, or the best so far.
    abstract Path best();

    /// The number of tokens of [#best], fed ones included, that nothing will change.
    abstract int decided();

    /// Chooses, after the model was stepped, with the scores of the paths in rows `row` and on.
    abstract void choose(Scores scores, int row);

    /// What was found, best first.
    abstract List<Hypothesis> hypotheses();

    /// @throws IllegalStateException if it takes nothing that the caller feeds any more
    abstract void requireFeedable();
}
