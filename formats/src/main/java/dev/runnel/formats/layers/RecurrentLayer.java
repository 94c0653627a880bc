package dev.runnel.formats.layers;

import dev.runnel.formats.layers.CellWeights.Kind;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Shape;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A recurrent layer: its weights in one direction or two, and how they are run.
///
/// @param directions forward and, if there are two, backward
/// @param backwards whether the only direction runs from the last step to the first
/// @param activations those of the gates (all but RNN), then that of the candidate, then LSTM's of
///   c on its way to h; empty for the usual ones
/// @param batchFirst whether x is \[N, T, I\] and not \[T, N, I\]
public record RecurrentLayer(
        List<CellWeights> directions,
        boolean backwards,
        List<Activation> activations,
        boolean batchFirst) {
    /// What a layer yields.
    ///
    /// @param sequence \[T, N, D·H\] or, batch first, \[N, T, D·H\]: step t of it belongs to step t
    ///   of x, whatever the direction
    /// @param last \[N, D·H\]: each direction's h after its last step
    /// @param states \[D, N, H\]: h and, of LSTM, c after the last step
    public record Results(Value sequence, Value last, List<Value> states) {}

    /// @throws IllegalArgumentException unless there are one or two directions, alike, and as many
    ///   activations as the kind takes, or none
    public RecurrentLayer {
        directions = List.copyOf(directions);
        activations = List.copyOf(activations);
        if (directions.isEmpty() || directions.size() > 2 || backwards && directions.size() == 2) {
            throw new IllegalArgumentException("a layer has one direction or two");
        }
        CellWeights a = directions.getFirst();
        CellWeights b = directions.getLast();
        if (a.kind() != b.kind()
                || a.inputSize() != b.inputSize()
                || a.hiddenSize() != b.hiddenSize()
                || a.outputSize() != b.outputSize()
                || a.isProjected() != b.isProjected()
                || a.linearBeforeReset() != b.linearBeforeReset()) {
            throw new IllegalArgumentException("the two directions differ in kind or sizes");
        }
        int count = activationCount(a.kind());
        if (!activations.isEmpty() && activations.size() != count) {
            throw new IllegalArgumentException(
                    a.kind() + " takes " + count + " activations, not " + activations.size());
        }
        for (Activation f : activations) {
            if (!f.fitsCells()) {
                throw new IllegalArgumentException(f.op() + " is no activation of a cell");
            }
        }
    }

    /// How many activations a kind takes.
    public static int activationCount(Kind kind) {
        return switch (kind) {
            case RNN -> 1;
            case GRU -> 2;
            case LSTM -> 3;
        };
    }

    /// Adds the layer to a graph.
    ///
    /// @param name of its node
    /// @param initial h and, of LSTM, c to start from, each \[D, N, H\], or \[N, H\] if there is
    ///   one direction; empty to start from zero
    /// @throws IllegalArgumentException if one of them has another shape, as far as is known
    public Results add(GraphBuilder g, String name, Value x, List<Value> initial) {
        CellWeights cell = directions.getFirst();
        Value input = batchFirst ? g.exchangeTimeAndBatch(x) : x;
        int d = directions.size();
        Dim n = input.dim(1);
        Dim h = Dim.of(cell.outputSize());
        List<@Nullable Value> in = new ArrayList<>();
        in.add(input);
        constants(g, name, in);
        for (int i = 0; i < initial.size(); i++) {
            Value s = initial.get(i);
            int size = i == 0 ? cell.outputSize() : cell.hiddenSize();
            List<Dim> want = List.of(Dim.of(d), n, Dim.of(size));
            boolean single = s.rank() == 2 && d == 1;
            if (!s.mayBe(single ? want.subList(1, 3) : want)) {
                throw new IllegalArgumentException(
                        "starts from '"
                                + s.name()
                                + "' "
                                + s.shapeText()
                                + ", expected "
                                + Value.text(want)
                                + " = [D, N, H]");
            }
            in.set(5 + i, single ? unsqueeze(g, name, s) : s);
        }
        while (in.getLast() == null) {
            in.removeLast();
        }
        List<List<Dim>> dims = new ArrayList<>();
        dims.add(List.of(input.dim(0), Dim.of(d), n, h));
        dims.add(List.of(Dim.of(d), n, h));
        if (cell.kind() == Kind.LSTM) {
            dims.add(List.of(Dim.of(d), n, Dim.of(cell.hiddenSize())));
        }
        String domain = cell.isProjected() ? "dev.runnel" : "";
        List<Value> out = g.nodes(name, domain, cell.kind().name(), attributes(), dims, in);
        Value sequence = sequence(g, name, out.getFirst());
        return new Results(
                batchFirst ? g.exchangeTimeAndBatch(sequence) : sequence,
                last(g, name, out.get(1)),
                List.copyOf(out.subList(1, out.size())));
    }

    private static Value unsqueeze(GraphBuilder g, String name, Value s) {
        List<Dim> dims = new ArrayList<>(s.dims());
        dims.addFirst(Dim.of(1));
        Value axes = g.longs(name + "/axes", 0);
        return g.node(name + "/initial", "Unsqueeze", Map.of(), dims, s, axes);
    }

    /// W, R, B and room for sequence_lens, initial_h, initial_c, P; then the projection.
    private void constants(GraphBuilder g, String name, List<@Nullable Value> in) {
        CellWeights c = directions.getFirst();
        long d = directions.size();
        long rows = (long) c.kind().gates * c.hiddenSize();
        List<Matrix> w = directions.stream().map(CellWeights::w).toList();
        List<Matrix> r = directions.stream().map(CellWeights::r).toList();
        in.add(g.constant(name + "/W", Matrix.concat(Shape.of(d, rows, c.inputSize()), w)));
        in.add(g.constant(name + "/R", Matrix.concat(Shape.of(d, rows, c.outputSize()), r)));
        List<Matrix> b = new ArrayList<>();
        directions.forEach(each -> b.addAll(List.of(each.biasOfW(), each.biasOfR())));
        boolean biased = directions.stream().anyMatch(CellWeights::isBiased);
        in.add(biased ? g.constant(name + "/B", Matrix.concat(Shape.of(d, 2 * rows), b)) : null);
        in.addAll(java.util.Arrays.asList(null, null, null, null));
        List<Matrix> projections = new ArrayList<>();
        for (CellWeights each : directions) {
            Matrix p = each.projection();
            if (p != null) {
                projections.add(p);
            }
        }
        if (!projections.isEmpty()) {
            Shape shape = Shape.of(d, c.outputSize(), c.hiddenSize());
            in.add(g.constant(name + "/projection", Matrix.concat(shape, projections)));
        }
    }

    private Map<String, Attribute> attributes() {
        CellWeights cell = directions.getFirst();
        Map<String, Attribute> a = new LinkedHashMap<>();
        a.put("hidden_size", new Attribute.OfLong(cell.hiddenSize()));
        if (directions.size() == 2 || backwards) {
            String direction = backwards ? "reverse" : "bidirectional";
            a.put("direction", new Attribute.OfString(direction));
        }
        if (cell.linearBeforeReset()) {
            a.put("linear_before_reset", new Attribute.OfLong(1));
        }
        if (!activations.isEmpty()) {
            List<String> names = new ArrayList<>();
            List<Float> alphas = new ArrayList<>();
            List<Float> betas = new ArrayList<>();
            for (int d = 0; d < directions.size(); d++) {
                for (Activation f : activations) {
                    names.add(f.inCell());
                    f.inCellParameters().stream().limit(1).forEach(alphas::add);
                    f.inCellParameters().stream().skip(1).forEach(betas::add);
                }
            }
            a.put("activations", new Attribute.OfStrings(names));
            if (!alphas.isEmpty()) {
                a.put("activation_alpha", new Attribute.OfFloats(alphas));
            }
            if (!betas.isEmpty()) {
                a.put("activation_beta", new Attribute.OfFloats(betas));
            }
        }
        return a;
    }

    /// \[T, D, N, H\] as \[T, N, D·H\].
    private Value sequence(GraphBuilder g, String name, Value y) {
        Dim t = y.dim(0);
        Dim n = y.dim(2);
        Dim h = y.dim(3);
        if (directions.size() == 1) {
            Value axes = g.longs(name + "/axes", 1);
            return g.node(name + "/sequence", "Squeeze", Map.of(), List.of(t, n, h), y, axes);
        }
        Value moved =
                g.node(
                        name + "/moved",
                        "Transpose",
                        Map.of("perm", GraphBuilder.list(0, 2, 1, 3)),
                        List.of(t, n, Dim.of(2), h),
                        y);
        Value shape = g.longs(name + "/shape", 0, 0, -1);
        List<Dim> dims = List.of(t, n, Dim.of(2 * h.size()));
        return g.node(name + "/sequence", "Reshape", Map.of(), dims, moved, shape);
    }

    /// \[D, N, H\] as \[N, D·H\].
    private Value last(GraphBuilder g, String name, Value h) {
        if (directions.size() == 1) {
            Value axes = g.longs(name + "/axes", 0);
            List<Dim> dims = List.of(h.dim(1), h.dim(2));
            return g.node(name + "/last", "Squeeze", Map.of(), dims, h, axes);
        }
        Value moved =
                g.node(
                        name + "/moved",
                        "Transpose",
                        Map.of("perm", GraphBuilder.list(1, 0, 2)),
                        List.of(h.dim(1), Dim.of(2), h.dim(2)),
                        h);
        Value shape = g.longs(name + "/shape", 0, -1);
        List<Dim> dims = List.of(h.dim(1), Dim.of(2 * h.dim(2).size()));
        return g.node(name + "/last", "Reshape", Map.of(), dims, moved, shape);
    }
}
