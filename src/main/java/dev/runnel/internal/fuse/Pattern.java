package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;

import org.jspecify.annotations.Nullable;

/// A kind of cell that can be recognised.
interface Pattern {
    /// A cell and its weights.
    record Found(Cell cell, FusedWeights weights) {}

    /// The cell whose hidden state is computed by `node`; null if there is none.
    @Nullable Found match(Site site, Node node);
}
