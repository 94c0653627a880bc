package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// A plain cell: h′ = act(W·x + R·h + b). Any layer of two inputs looks like it, so that it counts
/// only where h′ is known to become h.
final class RnnPattern implements Pattern {
    @Override
    public @Nullable Found match(Site site, Node node) {
        if (node.outputs().isEmpty()) {
            return null;
        }
        String nextH = node.outputs().getFirst();
        Gate gate = site.gate(nextH);
        if (gate == null) {
            return null;
        }
        List<Affine> sums = List.of(gate.sum());
        for (String h : Hidden.candidates(site, sums, nextH, "", gate.columns())) {
            if (!Hidden.isCarried(site, h, nextH)) {
                continue;
            }
            Cell cell =
                    new Cell(
                            "RNN",
                            List.of(gate.function()),
                            List.of(new Cell.Part(gate.sum(), h)),
                            false,
                            h,
                            "",
                            nextH,
                            "",
                            null);
            FusedWeights weights = FusedWeights.of(site, cell);
            if (weights != null) {
                return new Found(cell, weights);
            }
        }
        return null;
    }
}
