package dev.runnel.formats.random;

import static dev.runnel.formats.random.Sketch.attr;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.List;

/// Draws one RNN, GRU or LSTM node with everything the standard lets it have.
final class RecurrentNode {
    /// An activation, and the parameters it takes: for each its default, as the standard's
    /// operators have it, and a range that keeps a random recurrence from running away.
    private enum Activation {
        Sigmoid,
        Tanh,
        Softsign,
        HardSigmoid(0.2, 0.1, 0.4, 0.5, 0.3, 0.6),
        ScaledTanh(1, 0.5, 1.1, 1, 0.5, 1.5),
        Relu,
        Softplus,
        LeakyRelu(0.01, 0.01, 0.3),
        ThresholdedRelu(1, 0.2, 1),
        Elu(1, 0.5, 1.5),
        Affine(1, 0.3, 0.9, 0, -0.2, 0.2);

        final double[] parameters;

        Activation(double... parameters) {
            this.parameters = parameters;
        }

        boolean isBounded() {
            return ordinal() < Relu.ordinal();
        }
    }

    private final Sketch s;
    private final Dice dice;
    private final String op;
    private final int gates;
    private final String direction;
    private final int directions;
    private final int hidden;
    private final boolean batchFirst;
    private final DType dtype;
    private final List<AttributeProto> common = new ArrayList<>();
    private final List<Float> alphas = new ArrayList<>();
    private final List<Float> betas = new ArrayList<>();
    private boolean parametersAreGiven;
    private final StringBuilder story = new StringBuilder();
    private double gain = 1.5;

    private RecurrentNode(Sketch s, Flow flow, int hidden) {
        this.s = s;
        this.dice = s.dice;
        this.batchFirst = flow.batchFirst;
        this.hidden = hidden;
        op = dice.of("RNN", "GRU", "LSTM", "LSTM");
        gates = op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
        direction = flow.streams ? "forward" : dice.of("forward", "reverse", "bidirectional");
        directions = direction.equals("bidirectional") ? 2 : 1;
        dtype = dice.chance(0.94) ? DType.FLOAT32 : dice.of(DType.FLOAT16, DType.FLOAT64);
    }

    /// The outputs of a drawn node over `x`, `[T, N, I]` or batch first `[N, T, I]`: all three of
    /// them, absent ones [Value#NONE].
    ///
    /// @param lengths sequence_lens, or [Value#NONE]
    static List<Value> draw(Sketch s, Flow flow, Value x, Value lengths, int hidden) {
        return new RecurrentNode(s, flow, hidden).draw(flow, x, lengths);
    }

    private List<Value> draw(Flow flow, Value given, Value lengths) {
        long steps = given.dim(batchFirst ? 1 : 0);
        long batch = given.dim(batchFirst ? 0 : 1);
        story.append(
                "%s(%s T=%d N=%d I=%d H=%d"
                        .formatted(op, direction, steps, batch, given.dim(2), hidden));
        activations();
        attributes();
        Value x = dtype == DType.FLOAT32 ? given : s.cast(given, dtype);
        List<Value> in = new ArrayList<>();
        in.add(x);
        in.add(weight(given.dim(2), gates * hidden, given.dim(2)));
        in.add(weight(hidden, gates * hidden, hidden));
        in.add(dice.chance(0.7) ? weight(4, 2L * gates * hidden) : absent("B"));
        in.add(lengths);
        if (!lengths.isNone()) {
            story.append(" lens");
        }
        boolean initial = dice.chance(0.5);
        Shape state =
                batchFirst
                        ? Shape.of(batch, directions, hidden)
                        : Shape.of(directions, batch, hidden);
        String h0 = initial ? s.fresh("h0") : "";
        String c0 = op.equals("LSTM") && dice.chance(initial ? 0.8 : 0.2) ? s.fresh("c0") : "";
        in.add(initial(flow, x, state, h0));
        if (op.equals("LSTM")) {
            in.add(initial(flow, x, state, c0));
            in.add(dice.chance(0.25) ? weight(6, 3L * hidden) : Value.NONE);
            if (!in.getLast().isNone()) {
                story.append(" peepholes");
            }
        }
        boolean fedH = flow.initials.contains(h0);
        boolean fedC = flow.initials.contains(c0);
        int asked = flow.streams || dice.chance(0.8) ? (fedH ? 2 : 0) + (fedC ? 4 : 0) : 0;
        List<Value> out = outputs(flow, steps, batch, in, asked);
        pair(flow, h0, fedH, out.get(1));
        pair(flow, c0, fedC, out.getLast());
        flow.isReversed |= !direction.equals("forward");
        s.tell(
                story.append(batchFirst ? " layout=1" : "")
                                .append(dtype == DType.FLOAT32 ? "" : " " + dtype)
                        + ")");
        flow.isCoarse |= dtype == DType.FLOAT16;
        return dtype == DType.FLOAT32
                ? out
                : out.stream().map(v -> v.isNone() ? v : s.cast(v, DType.FLOAT32)).toList();
    }

    private void pair(Flow flow, String initial, boolean fed, Value last) {
        if (fed && !last.isNone() && dtype == DType.FLOAT32) {
            flow.pairs.put(initial, last.name());
        } else if (fed) {
            flow.isUnpaired = true;
        }
    }

    private Value absent(String what) {
        story.append(" no-").append(what);
        return Value.NONE;
    }

    // ---- attributes

    private void activations() {
        if (dice.chance(0.55)) {
            return;
        }
        int each = op.equals("RNN") ? 1 : op.equals("GRU") ? 2 : 3;
        List<String> names = new ArrayList<>();
        boolean given = dice.chance(0.7);
        for (int i = 0; i < each * directions; i++) {
            Activation a = dice.of(Activation.values());
            names.add(a.name());
            double[] p = a.parameters;
            if (p.length > 0) {
                alphas.add((float) (given ? dice.uniform(p[1], p[2]) : p[0]));
            }
            if (p.length > 3) {
                betas.add((float) (given ? dice.uniform(p[4], p[5]) : p[3]));
            }
            gain = a.isBounded() ? gain : 0.4; // lest a random recurrence runs away
        }
        common.add(Sketch.strings("activations", names));
        story.append(' ').append(names);
        if (given && !alphas.isEmpty()) {
            story.append(" alpha=").append(alphas);
        }
        if (given && !betas.isEmpty()) {
            story.append(" beta=").append(betas);
        }
        parametersAreGiven = given;
    }

    private void attributes() {
        if (!direction.equals("forward") || dice.chance(0.5)) {
            common.add(attr("direction", direction));
        }
        if (dice.chance(0.2)) {
            common.add(attr("clip", (float) dice.uniform(0.1, 2)));
            story.append(" clip=").append(common.getLast().getF());
        }
        if (op.equals("LSTM") && dice.chance(0.2)) {
            common.add(attr("input_forget", (long) dice.in(0, 1)));
            story.append(" input_forget=").append(common.getLast().getI());
        }
        if (op.equals("GRU") && dice.chance(0.6)) {
            common.add(attr("linear_before_reset", (long) dice.in(0, 1)));
            story.append(" linear_before_reset=").append(common.getLast().getI());
        }
    }

    // ---- inputs

    /// A weight of shape `[D, shape]`, of a size that gives sums of about `gain`.
    private Value weight(long fanIn, long... shape) {
        long[] dims = new long[shape.length + 1];
        dims[0] = directions;
        System.arraycopy(shape, 0, dims, 1, shape.length);
        Shape all = Shape.of(dims);
        double range = gain / Math.sqrt(fanIn);
        return s.weight(tensor(all, range));
    }

    private Tensor tensor(Shape shape, double range) {
        Tensor t = Tensor.ofFloats(shape, dice.floats(shape.elements(), -range, range));
        return dtype == DType.FLOAT32 ? t : Tensors.cast(t, dtype);
    }

    private Value initial(Flow flow, Value x, Shape shape, String name) {
        if (name.isEmpty()) {
            return Value.NONE;
        }
        int batchAxis = batchFirst ? 0 : 1;
        String kind = dice.of("input", "input", "constant", "expanded", "zero");
        if (flow.openBatch && kind.equals("constant") || flow.streams && !kind.equals("zero")) {
            kind = "input";
        }
        if (s.opset < 9) {
            kind = "input"; // without ConstantOfShape
        }
        story.append(' ').append(name).append('=').append(kind);
        switch (kind) {
            case "input" -> {
                flow.initials.add(name);
                return s.input(name, tensor(shape, 0.9), -1, batchAxis);
            }
            case "constant" -> {
                flow.isFixed = true;
                return s.weight(tensor(shape, 0.9));
            }
            case "zero" -> {
                Tensor zero = Tensors.of(dtype, Shape.of(1), 0);
                return s.node(
                        "ConstantOfShape",
                        dtype,
                        shape,
                        List.of(extent(x, shape)),
                        attr("value", zero));
            }
            default -> {
                flow.isFixed = true;
                Value one = s.constant(tensor(shape.with(batchAxis, 1), 0.9));
                return s.node("Expand", dtype, shape, List.of(one, extent(x, shape)));
            }
        }
    }

    /// The shape of a state, its batch read from `x`, as exporters say it.
    private Value extent(Value x, Shape shape) {
        Value all = s.node("Shape", DType.INT64, Shape.of(3), List.of(x));
        int axis = batchFirst ? 0 : 1;
        Value n =
                dice.chance(0.5)
                        ? s.slice(all, 0, axis, axis + 1)
                        : s.unsqueeze(
                                s.node(
                                        "Gather",
                                        DType.INT64,
                                        Shape.SCALAR,
                                        List.of(all, s.scalar(DType.INT64, axis)),
                                        attr("axis", 0L)),
                                0);
        List<Value> parts =
                batchFirst
                        ? List.of(n, s.longs(directions), s.longs(hidden))
                        : List.of(s.longs(directions), n, s.longs(hidden));
        return s.node("Concat", DType.INT64, Shape.of(3), parts, attr("axis", 0L));
    }

    // ---- the node, for each side

    private List<Value> outputs(Flow flow, long t, long n, List<Value> in, int asked) {
        Shape y =
                batchFirst
                        ? Shape.of(n, t, directions, hidden)
                        : Shape.of(t, directions, n, hidden);
        Shape state =
                batchFirst ? Shape.of(n, directions, hidden) : Shape.of(directions, n, hidden);
        boolean lstm = op.equals("LSTM");
        int wanted = asked | (flow.wantsSequence ? 1 : 0);
        while (wanted == 0) {
            wanted = dice.in(0, lstm ? 7 : 3);
        }
        wanted |= dice.in(0, lstm ? 7 : 3);
        List<Value> out = new ArrayList<>();
        for (int i = 0; i < (lstm ? 3 : 2); i++) {
            boolean there = (wanted >> i & 1) != 0;
            out.add(
                    there
                            ? new Value(
                                    s.fresh(List.of("y", "yh", "yc").get(i)),
                                    dtype,
                                    i == 0 ? y : state)
                            : Value.NONE);
        }
        ours(in, out);
        theirs(in, out);
        return out;
    }

    private static List<Value> trimmed(List<Value> values) {
        List<Value> v = new ArrayList<>(values);
        while (v.getLast().isNone()) {
            v.removeLast();
        }
        return v;
    }

    private void ours(List<Value> in, List<Value> out) {
        List<AttributeProto> a = new ArrayList<>(common);
        if (parametersAreGiven) {
            a.addAll(parameters());
        }
        if (dice.chance(0.9)) {
            a.add(attr("hidden_size", (long) hidden));
        }
        if (batchFirst) {
            a.add(attr("layout", 1L));
        }
        s.addOurs(op, in, trimmed(out), a.toArray(AttributeProto[]::new));
    }

    private List<AttributeProto> parameters() {
        List<AttributeProto> a = new ArrayList<>();
        if (!alphas.isEmpty()) {
            a.add(Sketch.floats("activation_alpha", alphas));
        }
        if (!betas.isEmpty()) {
            a.add(Sketch.floats("activation_beta", betas));
        }
        return a;
    }

    /// ONNX Runtime's kernels know float32 and layout 0, need hidden_size, and take 0 for the
    /// parameters of Affine, ScaledTanh and ThresholdedRelu that are not given, where the standard
    /// has the defaults of its operators: so they are all given.
    private void theirs(List<Value> in, List<Value> out) {
        List<AttributeProto> all = new ArrayList<>(common);
        all.add(attr("hidden_size", (long) hidden));
        all.addAll(parameters());
        AttributeProto[] a = all.toArray(AttributeProto[]::new);
        List<Value> asked = new ArrayList<>(in);
        List<Value> given = new ArrayList<>(out);
        for (int i = 0; i < in.size(); i++) {
            Value v = in.get(i);
            if (!v.isNone() && v.dtype() != DType.INT32 && dtype != DType.FLOAT32) {
                v =
                        theirs(
                                "Cast",
                                v,
                                DType.FLOAT32,
                                v.shape(),
                                attr("to", (long) DType.FLOAT32.onnxCode()));
            }
            boolean turns = i == 0 || i == 5 || i == 6;
            if (!v.isNone() && batchFirst && turns) {
                v = theirs("Transpose", v, v.dtype(), v.permuted(1, 0, 2), attr("perm", 1, 0, 2));
            }
            asked.set(i, v);
        }
        for (int i = 0; i < out.size(); i++) {
            if (!out.get(i).isNone() && (batchFirst || dtype != DType.FLOAT32)) {
                given.set(i, new Value(out.get(i).name() + "_f32", DType.FLOAT32, Shape.SCALAR));
            }
        }
        s.addTheirs(op, asked, trimmed(given), a);
        for (int i = 0; i < out.size(); i++) {
            Value v = given.get(i);
            Value to = out.get(i);
            if (v.equals(to)) {
                continue;
            }
            if (batchFirst) {
                Value turned =
                        dtype == DType.FLOAT32
                                ? to
                                : new Value(to.name() + "_turned", DType.FLOAT32, Shape.SCALAR);
                AttributeProto perm = i == 0 ? attr("perm", 2, 0, 1, 3) : attr("perm", 1, 0, 2);
                s.addTheirs("Transpose", List.of(v), List.of(turned), perm);
                v = turned;
            }
            if (dtype != DType.FLOAT32) {
                s.addTheirs("Cast", List.of(v), List.of(to), attr("to", (long) dtype.onnxCode()));
            }
        }
    }

    private Value theirs(String op, Value x, DType to, Shape shape, AttributeProto attribute) {
        Value v = new Value(s.fresh("their"), to, shape);
        s.addTheirs(op, List.of(x), List.of(v), attribute);
        return v;
    }
}
