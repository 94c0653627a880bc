package dev.runnel.formats.recipe;

import dev.runnel.formats.layers.Activation;
import dev.runnel.formats.layers.CellWeights;
import dev.runnel.formats.layers.CellWeights.Kind;
import dev.runnel.formats.layers.Layers;
import dev.runnel.formats.layers.RecurrentLayer;
import dev.runnel.formats.layers.RecurrentLayer.Results;
import dev.runnel.formats.layers.Value;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A recurrent layer of a recipe, or several one above the other, as PyTorch's `num_layers`.
final class RecurrentItem {
    private final Assembly to;
    private final Item item;
    private final String name;
    private final Kind kind;

    RecurrentItem(Assembly to, Item item, String name, Kind kind) {
        this.to = to;
        this.item = item;
        this.name = name;
        this.kind = kind;
    }

    Value add() {
        Value x = to.from(item);
        if (x.rank() != 3) {
            throw item.malformed(
                    "reads '"
                            + x.name()
                            + "' "
                            + x.shapeText()
                            + ", expected rank 3: "
                            + (to.batchFirst ? "[N, T, I]" : "[T, N, I]"));
        }
        List<List<CellWeights>> layers = layers();
        int directions = layers.getFirst().size();
        if (item.flag("bidirectional", directions == 2) != (directions == 2)) {
            throw item.get("bidirectional")
                    .malformed("does not fit the weights, which are of " + directions);
        }
        boolean backwards = item.flag("go_backwards", false);
        List<Activation> activations = activations();
        List<List<Value>> initial = initial(layers.size(), directions);
        List<List<Value>> finals = new ArrayList<>();
        Value sequence = x;
        Value last = x;
        for (int l = 0; l < layers.size(); l++) {
            RecurrentLayer layer =
                    new RecurrentLayer(layers.get(l), backwards, activations, to.batchFirst);
            requireFeatures(layers.get(l).getFirst(), sequence);
            String node = layers.size() == 1 ? name : name + "_l" + l;
            Results r = layer.add(to.graph, node, sequence, initial.get(l));
            sequence = r.sequence();
            last = r.last();
            finals.add(r.states());
        }
        if (backwards) { // as Keras has it: the last step comes first
            sequence = Layers.flip(to.graph, name + "/backwards", sequence, to.batchFirst ? 1 : 0);
        }
        to.remember(name, sequence, last, finals);
        String wanted = item.choice("return", "sequence", "sequence", "last");
        return wanted.equals("last") ? last : sequence;
    }

    /// For each layer its one or two directions.
    private List<List<CellWeights>> layers() {
        Boolean resetAfter = kind == Kind.GRU ? item.flag("reset_after") : null;
        return new RecurrentWeights(kind, to.tensors, to.framework, resetAfter)
                .of(item.get("weights"));
    }

    /// How many features the first layer reads, as its weights say.
    long features() {
        return layers().getFirst().getFirst().inputSize();
    }

    private void requireFeatures(CellWeights cell, Value x) {
        Dim features = x.dim(2);
        if (features.isFixed() && features.size() != cell.inputSize()) {
            throw item.malformed(
                    "takes "
                            + cell.inputSize()
                            + " features, '"
                            + x.name()
                            + "' has the shape "
                            + x.shapeText());
        }
    }

    /// As Keras names them: `recurrent_activation` of the gates, `activation` of all else.
    private List<Activation> activations() {
        Activation inner = item.activation("activation");
        Activation gates = kind == Kind.RNN ? null : item.activation("recurrent_activation");
        if (inner == null && gates == null) {
            return List.of();
        }
        Activation f = gates == null ? Activation.of("sigmoid") : gates;
        Activation g = inner == null ? Activation.of("tanh") : inner;
        return switch (kind) {
            case RNN -> List.of(g);
            case GRU -> List.of(f, g);
            case LSTM -> List.of(f, g, g);
        };
    }

    /// For each layer what it starts from: the final states of another layer, or values.
    private List<List<Value>> initial(int layers, int directions) {
        Yaml given = item.find("initial_state");
        List<List<Value>> none = java.util.Collections.nCopies(layers, List.of());
        if (given == null) {
            return none;
        }
        int count = kind == Kind.LSTM ? 2 : 1;
        @Nullable List<List<Value>> other = given.isText() ? to.states(given.text()) : null;
        if (other != null) {
            if (other.size() != layers || other.getFirst().size() < count) {
                throw given.malformed(
                        "has "
                                + other.size()
                                + " layers of "
                                + other.getFirst().size()
                                + " states, expected "
                                + layers
                                + " of "
                                + count);
            }
            return other.stream().map(s -> List.copyOf(s.subList(0, count))).toList();
        }
        List<Value> values = given.oneOrMore().stream().map(to::value).toList();
        if (values.size() != count) {
            throw given.malformed(
                    "names " + values.size() + " values, expected " + (count == 2 ? "h, c" : "h"));
        }
        if (layers == 1) {
            return List.of(values);
        }
        List<List<Value>> split = new ArrayList<>();
        values.forEach(v -> split.add(split(v, layers, directions)));
        List<List<Value>> all = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            int index = l;
            all.add(split.stream().map(s -> s.get(index)).toList());
        }
        return all;
    }

    /// \[L·D, N, H\] as L times \[D, N, H\].
    private List<Value> split(Value v, int layers, int directions) {
        Dim all = v.dim(0);
        if (all.isFixed() && all.size() != (long) layers * directions) {
            throw item.get("initial_state")
                    .malformed(
                            "is '"
                                    + v.name()
                                    + "' "
                                    + v.shapeText()
                                    + ", expected "
                                    + layers * directions
                                    + " states, one for each layer and direction");
        }
        List<Dim> each = v.with(0, Dim.of(directions));
        Map<String, Attribute> attributes =
                Map.of(
                        "axis",
                        new Attribute.OfLong(0),
                        "num_outputs",
                        new Attribute.OfLong(layers));
        return to.graph.nodes(
                name + "/initial",
                "",
                "Split",
                attributes,
                java.util.Collections.nCopies(layers, each),
                List.of(v));
    }
}
