package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.internal.fuse.Site.Pair;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Set;

/// An LSTM cell: c′ = f ⊙ c + i ⊙ g, h′ = o ⊙ act(c′), where f, i and o have one activation and g
/// may have another. With a projection, h′ = (o ⊙ act(c′)) · P, if that is what is handed on as h.
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
                Cell plain =
                        new Cell(
                                "LSTM",
                                functions,
                                sums.stream().map(s -> new Cell.Part(s, "")).toList(),
                                false,
                                "",
                                forget.b(),
                                nextH,
                                squashed.to(),
                                null);
                Cell projected = projected(site, plain);
                Found found = projected == null ? null : hidden(site, projected);
                if (found == null) {
                    found = hidden(site, plain);
                }
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    /// The cell with one of the tensors it sums over as its hidden state; null if none will do.
    private static @Nullable Found hidden(Site site, Cell cell) {
        List<Affine> sums = cell.gates().stream().map(Cell.Part::sum).toList();
        for (String h : Hidden.candidates(site, sums, cell.nextH(), cell.c(), cell.outputSize())) {
            if (cell.projection() != null && !Hidden.isCarried(site, h, cell.nextH())) {
                continue; // a cell and then a dense layer
            }
            Cell with =
                    new Cell(
                            cell.op(),
                            cell.functions(),
                            sums.stream().map(s -> new Cell.Part(s, h)).toList(),
                            false,
                            h,
                            cell.c(),
                            cell.nextH(),
                            cell.nextC(),
                            cell.projection());
            FusedWeights weights = FusedWeights.of(site, with);
            if (weights != null) {
                return new Found(with, weights);
            }
        }
        return null;
    }

    /// The cell with the product that alone reads its output; null if there is none.
    private static @Nullable Cell projected(Site site, Cell cell) {
        Set<Node> readers = site.net().readers(cell.nextH());
        Node product = readers.size() == 1 ? readers.iterator().next() : null;
        if (product == null
                || !Net.is(product, "MatMul")
                || !product.inputs().getFirst().equals(cell.nextH())) {
            return null;
        }
        Matrix m = Matrix.of(site.constants().find(site.net(), product.inputs().get(1)), false);
        return m == null || m.rows() != cell.hiddenSize() || m.columns() > m.rows()
                ? null
                : new Cell(
                        cell.op(),
                        cell.functions(),
                        cell.gates(),
                        false,
                        "",
                        cell.c(),
                        product.outputs().getFirst(),
                        cell.nextC(),
                        m);
    }
}
