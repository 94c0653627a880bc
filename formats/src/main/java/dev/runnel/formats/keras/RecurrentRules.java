package dev.runnel.formats.keras;

import dev.runnel.formats.layers.Activation;
import dev.runnel.formats.layers.CellWeights;
import dev.runnel.formats.layers.CellWeights.Kind;
import dev.runnel.formats.layers.GraphBuilder;
import dev.runnel.formats.layers.Layers;
import dev.runnel.formats.layers.RecurrentLayer;
import dev.runnel.formats.layers.Value;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Recurrent layers of Keras, and `Bidirectional` around them.
///
/// A layer that is `stateful` has its state as an input and an output of the graph, which the
/// compiler pairs and keeps.
final class RecurrentRules {
    private static final Activation TANH = Activation.of("tanh");
    private static final Activation SIGMOID = Activation.of("sigmoid");

    /// One direction's settings.
    private record Cell(
            CellWeights weights,
            List<Activation> activations,
            boolean sequences,
            boolean states,
            boolean backwards,
            boolean stateful,
            boolean batchFirst) {
        int stateCount() {
            return weights.kind() == Kind.LSTM ? 2 : 1;
        }
    }

    private final GraphBuilder g;
    private final Map<String, Value> states;
    private final LayerRules rules;

    RecurrentRules(GraphBuilder g, Map<String, Value> states, LayerRules rules) {
        this.g = g;
        this.states = states;
        this.rules = rules;
    }

    /// What `layer` yields; nothing if it is not recurrent.
    ///
    /// @param in x, then the states to start from, if they are passed
    List<Value> apply(Layer layer, List<Value> in) {
        if (layer.className().equals("Bidirectional")) {
            return bidirectional(layer, in);
        }
        Kind kind = kind(layer.className());
        if (kind == null) {
            return List.of();
        }
        Cell cell = cell(layer, kind);
        RecurrentLayer recurrent =
                new RecurrentLayer(
                        List.of(cell.weights), cell.backwards, cell.activations, cell.batchFirst);
        RecurrentLayer.Results results = run(layer, cell, 1, recurrent, in);
        Value y = results.last();
        if (cell.sequences) {
            // Keras leaves a sequence in the order in which its steps were made.
            y = results.sequence();
            int time = cell.batchFirst ? 1 : 0;
            y = cell.backwards ? Layers.flip(g, layer.name() + "/flipped", y, time) : y;
        }
        List<Value> all = new ArrayList<>(List.of(y));
        if (cell.states) {
            for (Value s : results.states()) {
                all.add(direction(layer.name(), s, 0));
            }
        }
        return all;
    }

    private static @Nullable Kind kind(String className) {
        return switch (className) {
            case "LSTM", "CuDNNLSTM" -> Kind.LSTM;
            case "GRU", "CuDNNGRU" -> Kind.GRU;
            case "SimpleRNN" -> Kind.RNN;
            default -> null;
        };
    }

    private Cell cell(Layer layer, Kind kind) {
        Config c = layer.config();
        boolean biased = c.flag("use_bias", true);
        layer.requireWeights(biased ? 3 : 2);
        boolean cudnn = layer.className().startsWith("CuDNN");
        // A bias shows which it is; without one the older behaviour is that of files that do not
        // say.
        Boolean resetAfter =
                kind != Kind.GRU
                        ? null
                        : c.has("reset_after") || !biased ? c.flag("reset_after", cudnn) : null;
        CellWeights weights =
                CellWeights.keras(
                        kind,
                        layer.weight(0),
                        layer.weight(1),
                        biased ? layer.weight(2) : null,
                        resetAfter);
        if (c.integer("units", weights.hiddenSize()) != weights.hiddenSize()) {
            throw layer.weight(1).malformed("does not fit units = " + c.integer("units", 0));
        }
        List<Activation> activations = List.of();
        if (!cudnn) {
            Activation f = rules.function(c, "activation");
            Activation gates =
                    kind == Kind.RNN ? SIGMOID : rules.function(c, "recurrent_activation");
            if (!f.fitsCells() || !gates.fitsCells()) {
                throw c.unsupported("has an activation that recurrent cells cannot have");
            }
            boolean usual = f.equals(TANH) && gates.equals(SIGMOID);
            activations =
                    usual
                            ? List.of()
                            : switch (kind) {
                                case RNN -> List.of(f);
                                case GRU -> List.of(gates, f);
                                case LSTM -> List.of(gates, f, f);
                            };
        }
        return new Cell(
                weights,
                activations,
                c.flag("return_sequences", false),
                c.flag("return_state", false),
                c.flag("go_backwards", false),
                c.flag("stateful", false),
                !c.flag("time_major", false));
    }

    private RecurrentLayer.Results run(
            Layer layer, Cell cell, int directions, RecurrentLayer recurrent, List<Value> in) {
        Value x = in.getFirst();
        if (x.rank() != 3) {
            throw layer.config().malformed("has an input " + x.shapeText() + ", expected rank 3");
        }
        int s = cell.stateCount();
        if (in.size() != 1 && in.size() != 1 + directions * s) {
            throw layer.config()
                    .malformed(
                            "is given " + (in.size() - 1) + " states, expected " + directions * s);
        }
        List<Value> initial = new ArrayList<>();
        for (int i = 0; i < s && (in.size() > 1 || cell.stateful); i++) {
            initial.add(
                    in.size() > 1
                            ? joined(layer.name(), in, 1 + i, s)
                            : g.input(
                                    stateName(layer, i),
                                    DType.FLOAT32,
                                    List.of(
                                            Dim.of(directions),
                                            x.dim(cell.batchFirst ? 0 : 1),
                                            Dim.of(cell.weights.hiddenSize()))));
        }
        RecurrentLayer.Results results = recurrent.add(g, layer.name() + "/cell", x, initial);
        for (int i = 0; i < s && cell.stateful && in.size() == 1; i++) {
            states.put(stateName(layer, i) + "_next", results.states().get(i));
        }
        return results;
    }

    private static String stateName(Layer layer, int i) {
        return layer.name() + (i == 0 ? "/h" : "/c");
    }

    /// States \[N, H\] of all directions as \[D, N, H\].
    private Value joined(String name, List<Value> in, int from, int stride) {
        List<Value> parts = new ArrayList<>();
        for (int i = from; i < in.size(); i += stride) {
            Value v = in.get(i);
            List<Dim> dims = List.of(Dim.of(1), v.dim(0), v.dim(-1));
            Value axes = g.longs(name + "/axes", 0);
            parts.add(g.node(name + "/initial", "Unsqueeze", Map.of(), dims, v, axes));
        }
        return parts.size() == 1 ? parts.getFirst() : Layers.concat(g, name + "/initial", parts, 0);
    }

    /// The state \[N, H\] of direction `d`.
    private Value direction(String name, Value state, int d) {
        if (state.dim(0).size() > 1) {
            return Layers.pick(g, name + "/state", state, 0, d);
        }
        List<Dim> dims = List.of(state.dim(1), state.dim(2));
        Value axes = g.longs(name + "/axes", 0);
        return g.node(name + "/state", "Squeeze", Map.of(), dims, state, axes);
    }

    // ---- Bidirectional

    private List<Value> bidirectional(Layer layer, List<Value> in) {
        Config c = layer.config();
        int half = layer.weights().size() / 2;
        Layer first = layer.inner("layer", 0, half);
        Kind kind = kind(first.className());
        if (kind == null || half * 2 != layer.weights().size()) {
            throw c.unsupported("wraps " + first.className() + ", expected LSTM, GRU or SimpleRNN");
        }
        Layer second =
                layer.inner(
                        c.isObject("backward_layer") ? "backward_layer" : "layer", half, 2 * half);
        Cell forward = cell(first, kind);
        Cell backward = cell(second, kind);
        boolean separate = c.isObject("backward_layer");
        if (forward.backwards
                || separate && !backward.backwards
                || !second.className().equals(first.className())
                || !forward.activations.equals(backward.activations)
                || forward.sequences != backward.sequences
                || forward.states != backward.states
                || forward.stateful != backward.stateful) {
            throw c.unsupported("has two layers that differ in more than their weights");
        }
        RecurrentLayer recurrent =
                new RecurrentLayer(
                        List.of(forward.weights, backward.weights),
                        false,
                        forward.activations,
                        forward.batchFirst);
        RecurrentLayer.Results results = run(layer, forward, 2, recurrent, in);
        first.config().checkRead();
        second.config().checkRead();
        Value y = forward.sequences ? results.sequence() : results.last();
        List<Value> all = new ArrayList<>(merged(layer, y));
        for (int d = 0; d < 2 && forward.states; d++) {
            for (Value s : results.states()) {
                all.add(direction(layer.name(), s, d));
            }
        }
        return all;
    }

    /// @param y both directions, one behind the other along the last axis
    private List<Value> merged(Layer layer, Value y) {
        Config c = layer.config();
        String mode = c.get("merge_mode") == null ? "" : c.text("merge_mode");
        if (mode.equals("concat")) {
            return List.of(y);
        }
        List<Dim> dims = y.with(-1, Dim.of(y.dim(-1).size() / 2));
        List<@Nullable Value> in = new ArrayList<>(List.of(y));
        Map<String, Attribute> two =
                Map.of("axis", new Attribute.OfLong(-1), "num_outputs", new Attribute.OfLong(2));
        List<Value> parts =
                g.nodes(layer.name() + "/parts", "", "Split", two, List.of(dims, dims), in);
        return switch (mode) {
            case "" -> parts;
            case "sum" -> List.of(Layers.combine(g, layer.name(), "Add", parts));
            case "mul" -> List.of(Layers.combine(g, layer.name(), "Mul", parts));
            case "ave" -> {
                Value sum = Layers.combine(g, layer.name() + "/sum", "Add", parts);
                Value half = rules.scalar(layer.name() + "/half", 0.5f);
                yield List.of(g.node(layer.name(), "Mul", Map.of(), dims, sum, half));
            }
            default -> throw c.unsupported("'merge_mode': " + mode + " is not supported");
        };
    }
}
