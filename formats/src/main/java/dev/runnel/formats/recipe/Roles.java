package dev.runnel.formats.recipe;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.layers.Weight;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// The tensors of a layer by what they are to it: `kernel`, `bias`, …; named one by one by the
/// recipe, or found below a prefix.
final class Roles {
    /// Other names of roles, in explicit maps.
    private static final Map<String, String> ALIASES =
            Map.of(
                    "w_ih", "weight_ih",
                    "w_hh", "weight_hh",
                    "b_ih", "bias_ih",
                    "b_hh", "bias_hh",
                    "w_hr", "weight_hr");

    private final Yaml at;
    private final Map<String, Weight> weights;

    private Roles(Yaml at, Map<String, Weight> weights) {
        this.at = at;
        this.weights = weights;
    }

    /// The tensors that a map names.
    ///
    /// @param known the roles that the layer has
    static Roles named(Yaml map, Tensors tensors, List<String> known) {
        Map<String, Weight> weights = new LinkedHashMap<>();
        map.map()
                .forEach(
                        (key, name) -> {
                            String role = ALIASES.getOrDefault(key, key);
                            if (!known.contains(role)) {
                                throw name.malformed(
                                        "is no weight of this layer, which has " + known);
                            }
                            weights.put(role, tensors.get(name.text(), name));
                        });
        return new Roles(map, weights);
    }

    /// The tensors below a prefix whose last part is a role, with `suffix` behind it:
    /// `prefix.weight_ih` + `_l0_reverse`. Keras puts folders between and `:0` behind. If any is
    /// right below the prefix, those deeper down are of another layer.
    ///
    /// @param wanted which of the names count
    static Roles below(
            Yaml prefix,
            Tensors tensors,
            List<String> known,
            String suffix,
            Predicate<String> wanted) {
        String p = prefix.text();
        Map<String, Weight> weights = new LinkedHashMap<>();
        List<String> nearest =
                nearest(
                        p,
                        tensors.below(p).stream()
                                .filter(wanted)
                                .filter(n -> known.stream().anyMatch(r -> isRole(n, r + suffix)))
                                .toList());
        for (String role : known) {
            List<String> found = nearest.stream().filter(n -> isRole(n, role + suffix)).toList();
            if (found.size() > 1) {
                throw prefix.malformed(
                        "is '"
                                + p
                                + "', below which '"
                                + found.get(0)
                                + "' and '"
                                + found.get(1)
                                + "' may both be the "
                                + role
                                + "; say more of the prefix, or name the tensors one by one");
            }
            for (String name : found) {
                weights.put(role, tensors.get(name, prefix));
            }
        }
        return new Roles(prefix, weights);
    }

    /// Of names below a prefix those right below it, if there are any, else all.
    static List<String> nearest(String prefix, List<String> names) {
        int start = prefix.isEmpty() ? 0 : prefix.length() + 1;
        List<String> direct =
                names.stream()
                        .filter(n -> n.indexOf('.', start) < 0 && n.indexOf('/', start) < 0)
                        .toList();
        return direct.isEmpty() ? names : direct;
    }

    private static boolean isRole(String name, String role) {
        return lastPart(name).equals(role);
    }

    /// What stands behind the last separator, without Keras' `:0`.
    static String lastPart(String name) {
        String end = name.endsWith(":0") ? name.substring(0, name.length() - 2) : name;
        return end.substring(Math.max(end.lastIndexOf('.'), end.lastIndexOf('/')) + 1);
    }

    boolean has(String role) {
        return weights.containsKey(role);
    }

    boolean isEmpty() {
        return weights.isEmpty();
    }

    @Nullable Weight find(String role) {
        return weights.get(role);
    }

    Weight get(String role) {
        Weight w = weights.get(role);
        if (w == null) {
            String found =
                    weights.values().stream()
                            .map(v -> "'" + v.name() + "' " + v.shape())
                            .collect(Collectors.joining(", "));
            throw at.malformed(
                    "has no " + role + "; found " + (found.isEmpty() ? "nothing" : found));
        }
        return w;
    }

    /// Complains that there is nothing below a prefix.
    static MalformedModelException nothingBelow(Yaml prefix, Tensors tensors, List<String> known) {
        List<String> below = new ArrayList<>(tensors.below(prefix.text()));
        String what =
                below.isEmpty()
                        ? tensors.absent(prefix.text() + "." + known.getFirst())
                        : "below which are " + below.subList(0, Math.min(5, below.size()));
        return prefix.malformed(
                "is '" + prefix.text() + "', " + what + "; expected one of " + known);
    }
}
