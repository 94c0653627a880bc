package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.internal.fuse.Site.Pair;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// A GRU cell: h′ = (1 − z) ⊙ n + z ⊙ h, or n + z ⊙ (h − n), or with the parts of z and 1 − z
/// exchanged; n = act(W·x + r ⊙ (R·h + b)) or act(W·x + R·(r ⊙ h)).
final class GruPattern implements Pattern {
    /// (1 − z) ⊙ `a` + z ⊙ `b`.
    private record Mixture(String z, String a, String b) {}

    @Override
    public @Nullable Found match(Site site, Node node) {
        if (!Net.is(node, "Add")) {
            return null;
        }
        String nextH = node.outputs().getFirst();
        for (Mixture m : mixtures(site, node)) {
            Gate z = site.gate(m.z);
            Gate mirrored = z == null ? null : z.mirrored();
            Found found = z == null ? null : match(site, nextH, z, m.a, m.b);
            if (found == null && mirrored != null) {
                found = match(site, nextH, mirrored, m.b, m.a);
            }
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static List<Mixture> mixtures(Site site, Node add) {
        Net net = site.net();
        List<Mixture> mixtures = new ArrayList<>();
        for (Pair terms : Site.operands(add)) {
            for (Pair one : Site.operands(net.producer(terms.a(), "Mul"))) {
                String z = site.complementOf(one.a());
                for (Pair other : Site.operands(net.producer(terms.b(), "Mul"))) {
                    if (z != null && other.a().equals(z)) {
                        mixtures.add(new Mixture(z, one.b(), other.b()));
                    }
                }
                Node difference = net.producer(one.b(), "Sub");
                if (difference != null
                        && difference.inputs().size() == 2
                        && difference.inputs().get(1).equals(terms.b())) {
                    mixtures.add(new Mixture(one.a(), terms.b(), difference.inputs().getFirst()));
                }
            }
        }
        return mixtures;
    }

    private static @Nullable Found match(Site site, String nextH, Gate z, String n, String h) {
        Gate.Applied squashed = site.applied(n);
        if (squashed == null) {
            return null;
        }
        Found found = linearBeforeReset(site, nextH, z, squashed, h);
        return found == null ? linearAfterReset(site, nextH, z, squashed, h) : found;
    }

    private static @Nullable Found found(
            Site site,
            String nextH,
            Gate z,
            @Nullable Gate r,
            Gate.Applied squashed,
            Cell.Part n,
            boolean linearBeforeReset,
            String h) {
        if (r == null
                || !r.function().equals(z.function())
                || r.columns() != z.columns()
                || n.sum().columns() != z.columns()
                || n.recurrent().columns() != z.columns()) {
            return null;
        }
        Cell cell =
                new Cell(
                        "GRU",
                        List.of(z.function(), squashed.function()),
                        List.of(new Cell.Part(z.sum(), h), new Cell.Part(r.sum(), h), n),
                        linearBeforeReset,
                        h,
                        "",
                        nextH,
                        "",
                        null);
        FusedWeights weights = FusedWeights.of(site, cell);
        return weights == null ? null : new Found(cell, weights);
    }

    // ---- n = act(W·x + r ⊙ (R·h + b))

    /// r ⊙ `recurrent`, and what is added to it.
    private record Reset(Site.Pair product, Affine rest) {}

    private static @Nullable Found linearBeforeReset(
            Site site, String nextH, Gate z, Gate.Applied squashed, String h) {
        for (Reset reset : resets(site, squashed.to(), 0)) {
            Affine recurrent = site.affines().find(reset.product.b());
            if (recurrent == null
                    || recurrent.terms().isEmpty()
                    || recurrent.terms().stream().anyMatch(t -> !t.source().equals(h))) {
                continue;
            }
            // No sum of W·x may have h in it: what R is multiplied with has no name here.
            Cell.Part n = new Cell.Part(reset.rest, "", recurrent);
            Gate r = site.gate(reset.product.a());
            Found found = found(site, nextH, z, r, squashed, n, true, h);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static List<Reset> resets(Site site, String tensor, int depth) {
        List<Reset> resets = new ArrayList<>();
        Node add = site.net().producer(tensor, "Add");
        for (Pair terms : depth > 4 ? List.<Pair>of() : Site.operands(add)) {
            for (Pair product : Site.operands(site.net().producer(terms.a(), "Mul"))) {
                Affine rest = site.affines().find(terms.b());
                if (rest != null) {
                    resets.add(new Reset(product, rest));
                }
            }
            for (Reset inner : resets(site, terms.a(), depth + 1)) {
                Affine more = site.affines().find(terms.b());
                double[] bias = site.affines().bias(terms.b(), inner.rest.columns());
                if (bias != null) {
                    resets.add(new Reset(inner.product, inner.rest.plus(bias)));
                } else if (more != null && more.columns() == inner.rest.columns()) {
                    resets.add(new Reset(inner.product, inner.rest.plus(more)));
                }
            }
        }
        return resets;
    }

    // ---- n = act(W·x + R·(r ⊙ h))

    private static @Nullable Found linearAfterReset(
            Site site, String nextH, Gate z, Gate.Applied squashed, String h) {
        Affine sum = site.affines().find(squashed.to());
        if (sum == null) {
            return null;
        }
        for (Affine.Term term : sum.terms()) {
            for (String part : FusedWeights.parts(site, term.source())) {
                for (Pair reset : Site.operands(site.net().producer(part, "Mul"))) {
                    Gate r = reset.b().equals(h) ? site.gate(reset.a()) : null;
                    Found found =
                            found(site, nextH, z, r, squashed, new Cell.Part(sum, part), false, h);
                    if (found != null) {
                        return found;
                    }
                }
            }
        }
        return null;
    }
}
