package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.internal.fuse.Site.Pair;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// An LSTM cell: c′ = f ⊙ c + i ⊙ g, h′ = o ⊙ act(c′), where f, i and o have one activation and g
/// may have another.
final class LstmPattern implements Pattern {
    @Override
    public @Nullable Found match(Site site, Node node) {
        if (!Net.is(node, "Mul")) {
            return null;
        }
        for (Pair out : Site.operands(node)) {
            Gate.Applied squashed = site.applied(out.b());
            Node sum = squashed == null ? null : site.net().producer(squashed.to(), "Add");
            Gate o = sum == null ? null : site.gate(out.a());
            if (squashed == null || o == null) {
                continue;
            }
            for (Pair terms : Site.operands(sum)) {
                Node forget = site.net().producer(terms.a(), "Mul");
                Node input = site.net().producer(terms.b(), "Mul");
                Found found =
                        input == null
                                ? null
                                : match(
                                        site,
                                        node.outputs().getFirst(),
                                        squashed,
                                        o,
                                        Site.operands(forget),
                                        Site.operands(input));
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private static @Nullable Found match(
            Site site,
            String nextH,
            Gate.Applied squashed,
            Gate o,
            List<Pair> forgets,
            List<Pair> inputs) {
        for (Pair forget : forgets) {
            Gate f = site.gate(forget.a());
            for (Pair input : inputs) {
                Gate i = site.gate(input.a());
                Gate g = site.gate(input.b());
                if (f == null
                        || i == null
                        || g == null
                        || !f.function().equals(o.function())
                        || !i.function().equals(o.function())
                        || f.columns() != o.columns()
                        || i.columns() != o.columns()
                        || g.columns() != o.columns()) {
                    continue;
                }
                List<Affine> sums = List.of(i.sum(), o.sum(), f.sum(), g.sum());
                List<Gate.Function> functions =
                        List.of(o.function(), g.function(), squashed.function());
                for (String h : Hidden.candidates(site, sums, nextH, forget.b())) {
                    Cell cell =
                            new Cell(
                                    "LSTM",
                                    functions,
                                    sums.stream().map(s -> new Cell.Part(s, h)).toList(),
                                    false,
                                    h,
                                    forget.b(),
                                    nextH,
                                    squashed.to());
                    CellWeights weights = CellWeights.of(site, cell);
                    if (weights != null) {
                        return new Found(cell, weights);
                    }
                }
            }
        }
        return null;
    }
}
