package dev.runnel.formats.recipe;

import dev.runnel.formats.layers.CellWeights;
import dev.runnel.formats.layers.CellWeights.Kind;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Finds the weights of a recurrent layer, which may be several layers one above the other.
final class RecurrentWeights {
    private static final List<String> PYTORCH =
            List.of("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr");
    private static final List<String> KERAS = List.of("kernel", "recurrent_kernel", "bias");
    private static final List<String> ONNX = List.of("W", "R", "B");
    private static final List<String> ALL = new ArrayList<>();

    static {
        ALL.addAll(PYTORCH);
        ALL.addAll(KERAS);
        ALL.addAll(ONNX);
    }

    private final Kind kind;
    private final Tensors tensors;
    private final String framework;
    private final @Nullable Boolean resetAfter;

    /// @param framework `pytorch`, `keras`, or empty
    /// @param resetAfter see [CellWeights#keras]
    RecurrentWeights(Kind kind, Tensors tensors, String framework, @Nullable Boolean resetAfter) {
        this.kind = kind;
        this.tensors = tensors;
        this.framework = framework;
        this.resetAfter = resetAfter;
    }

    /// For each layer its one or two directions.
    ///
    /// @param weights a prefix, a map from roles to names, or a list of such, one for each
    ///   direction
    List<List<CellWeights>> of(Yaml weights) {
        if (weights.isText()) {
            return below(weights);
        }
        if (weights.isMap()) {
            return List.of(List.of(cell(Roles.named(weights, tensors, ALL))));
        }
        if (weights.list().isEmpty() || weights.list().size() > 2) {
            throw weights.malformed("is a list of other than one or two directions");
        }
        List<CellWeights> directions = new ArrayList<>();
        for (Yaml each : weights.list()) {
            List<List<CellWeights>> found = of(each);
            if (found.size() != 1 || found.getFirst().size() != 1) {
                throw each.malformed("is more than one direction");
            }
            directions.add(found.getFirst().getFirst());
        }
        return List.of(directions);
    }

    private CellWeights cell(Roles roles) {
        if (roles.has("W") || roles.has("R")) {
            boolean linear = resetAfter != null && resetAfter;
            return CellWeights.onnx(kind, roles.get("W"), roles.get("R"), roles.find("B"), linear);
        }
        if (roles.has("weight_ih") || roles.has("weight_hh")) {
            return CellWeights.pytorch(
                    kind,
                    roles.get("weight_ih"),
                    roles.get("weight_hh"),
                    roles.find("bias_ih"),
                    roles.find("bias_hh"),
                    roles.find("weight_hr"));
        }
        return CellWeights.keras(
                kind,
                roles.get("kernel"),
                roles.get("recurrent_kernel"),
                roles.find("bias"),
                resetAfter);
    }

    private List<List<CellWeights>> below(Yaml prefix) {
        if (!framework.equals("keras")) {
            List<List<CellWeights>> layers = new ArrayList<>();
            List<String> below = tensors.below(prefix.text());
            Set<String> nearest =
                    Set.copyOf(
                            Roles.nearest(
                                    prefix.text(),
                                    below.stream().filter(RecurrentWeights::isPyTorch).toList()));
            while (true) {
                String suffix = "_l" + layers.size();
                List<CellWeights> directions = directions(prefix, suffix, nearest);
                if (directions.isEmpty()) {
                    break;
                }
                layers.add(directions);
            }
            if (!layers.isEmpty()) {
                return layers;
            }
            List<CellWeights> cell = directions(prefix, "", nearest);
            if (!cell.isEmpty()) {
                return List.of(cell);
            }
        }
        if (!framework.equals("pytorch")) {
            List<CellWeights> directions = new ArrayList<>();
            boolean two = tensors.below(prefix.text()).stream().anyMatch(n -> isBackward(n));
            for (boolean backward : two ? List.of(false, true) : List.of(false)) {
                Roles roles =
                        Roles.below(prefix, tensors, KERAS, "", n -> isBackward(n) == backward);
                if (!roles.isEmpty()) {
                    directions.add(cell(roles));
                }
            }
            if (!directions.isEmpty()) {
                return List.of(directions);
            }
        }
        List<String> expected =
                framework.equals("keras") ? KERAS : List.of("weight_ih_l0", "recurrent_kernel");
        throw Roles.nothingBelow(prefix, tensors, expected);
    }

    /// Whether Keras' `Bidirectional` called it so.
    private static boolean isBackward(String name) {
        return name.matches("(.*[./])?backward(_.*)?[./].*");
    }

    /// Whether PyTorch called it so, of whatever layer and direction.
    private static boolean isPyTorch(String name) {
        return Roles.lastPart(name).matches("(weight|bias)_(ih|hh|hr)(_l\\d+)?(_reverse)?");
    }

    private List<CellWeights> directions(Yaml prefix, String suffix, Set<String> names) {
        List<CellWeights> directions = new ArrayList<>();
        for (String each : List.of(suffix, suffix + "_reverse")) {
            Roles roles = Roles.below(prefix, tensors, PYTORCH, each, names::contains);
            if (!roles.isEmpty()) {
                directions.add(cell(roles));
            }
        }
        return directions;
    }
}
