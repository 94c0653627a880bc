package dev.runnel.formats.random;

import static dev.runnel.formats.random.Sketch.attr;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.List;
import java.util.Set;

/// Draws a model around one to three recurrent nodes: an embedding or numbers at the start, layers
/// before and between, a head at the end, and the glue that exporters put in between.
final class RecurrentModel {
    private static final Integer[] OPSETS = {7, 9, 11, 13, 14, 16, 18, 20, 22};

    private final Dice dice;
    private final Sketch s;
    private final Flow flow;
    private final Layers layers;

    private RecurrentModel(Dice dice) {
        this.dice = dice;
        flow = new Flow(dice);
        s = new Sketch(dice, dice.of(OPSETS), flow.openTime, flow.openBatch);
        layers = new Layers(s, flow);
        s.tell(
                (flow.openTime ? "T open" : "T fixed")
                        + (flow.openBatch ? ", N open" : ", N fixed"));
    }

    static Drawn draw(long seed) {
        RecurrentModel m = new RecurrentModel(new Dice(seed));
        m.draw();
        Drawn.Stepping stepping;
        if (m.flow.isUnpaired || !m.flow.openTime) {
            stepping = Drawn.Stepping.MEANINGLESS;
        } else if (m.flow.isReversed) {
            stepping = Drawn.Stepping.IMPOSSIBLE;
        } else if (m.flow.looksAround || m.flow.isFixed) {
            stepping = Drawn.Stepping.UNSURE;
        } else {
            stepping = Drawn.Stepping.POSSIBLE;
        }
        return new Drawn(
                seed,
                m.s.story(),
                m.s.ours(),
                m.s.theirs(),
                m.s.feeds,
                stepping,
                m.flow.pairs,
                m.flow.openBatch,
                m.flow.isCoarse);
    }

    private void draw() {
        Value x = start();
        Value lengths = lengths();
        for (int i = dice.in(0, 2); i > 0; i--) {
            x = layers.layer(x, lengths.isNone());
        }
        int count = dice.of(1, 1, 2, 3);
        for (int i = 1; i <= count; i++) {
            if (i > 1 && dice.chance(0.2)) {
                x = layers.layer(x, lengths.isNone());
            }
            flow.wantsSequence = i < count || dice.chance(0.7);
            Value y = recurrent(x, lengths);
            if (i == count && y.isNone()) {
                break;
            }
            x = y;
            if (i == count) {
                head(x);
            }
        }
    }

    // ---- the start

    private Value start() {
        flow.batchFirst = dice.chance(0.3);
        Shape shape =
                flow.batchFirst
                        ? Shape.of(flow.batch, flow.steps)
                        : Shape.of(flow.steps, flow.batch);
        int time = flow.batchFirst ? 1 : 0;
        if (dice.chance(0.25)) {
            int words = dice.in(2, 40);
            int size = dice.size();
            DType dtype = dice.of(DType.INT64, DType.INT64, DType.INT32);
            long[] tokens =
                    dice.longs(
                            shape.elements(),
                            s.opset >= 11 && dice.chance(0.2) ? -words : 0,
                            words - 1);
            Tensor t = Tensor.ofLongs(shape, tokens);
            Value in =
                    s.input(
                            "tokens",
                            dtype == DType.INT64 ? t : Tensors.cast(t, dtype),
                            time,
                            1 - time);
            Value table = s.weight(layers.random(1, words, size));
            s.tell("Embedding(" + words + ", " + size + ")");
            AttributeProto[] a =
                    dice.chance(0.5)
                            ? new AttributeProto[] {attr("axis", 0L)}
                            : new AttributeProto[0];
            return s.node("Gather", DType.FLOAT32, flow.shaped(size), List.of(table, in), a);
        }
        int size = dice.size();
        Shape whole = flow.shaped(size);
        return s.input(
                "x", Tensor.ofFloats(whole, dice.floats(whole.elements(), -1, 1)), time, 1 - time);
    }

    private Value lengths() {
        if (flow.streams || dice.chance(0.6)) {
            return Value.NONE;
        }
        flow.looksAround = true;
        Tensor t =
                Tensors.cast(
                        Tensor.ofLongs(
                                Shape.of(flow.batch),
                                dice.longs(flow.batch, dice.chance(0.5) ? 0 : 1, (int) flow.steps)),
                        DType.INT32);
        return flow.openBatch || dice.chance(0.6) ? s.input("lengths", t, -1, 0) : s.weight(t);
    }

    // ---- recurrent nodes and their glue

    /// Y as `[T, N, D·H]` or batch first, or [Value#NONE].
    private Value recurrent(Value given, Value lengths) {
        boolean layout = s.opset >= 14 && dice.chance(0.25);
        Value x = given;
        if (layout != flow.batchFirst) {
            x = s.transpose(x, 1, 0, 2);
            flow.batchFirst = layout;
        }
        int hidden = dice.size();
        Set<String> before = Set.copyOf(flow.initials);
        List<Value> out = RecurrentNode.draw(s, flow, x, lengths, hidden);
        Value y = out.getFirst();
        for (int i = 1; i < out.size(); i++) {
            Value last = out.get(i);
            String prefix = i == 1 ? "h0" : "c0";
            boolean fed =
                    flow.initials.stream()
                            .anyMatch(n -> !before.contains(n) && n.startsWith(prefix));
            if (!last.isNone() && (fed || y.isNone() || dice.chance(0.8))) {
                s.output(last);
            }
        }
        if (!y.isNone() && dice.chance(0.1)) {
            s.output(y);
        }
        if (y.isNone() && out.get(1).isNone()) {
            return Value.NONE;
        }
        if (y.isNone()) {
            tail(out.get(1));
            return Value.NONE;
        }
        return joined(y);
    }

    /// The directions side by side.
    private Value joined(Value y) {
        int d = flow.batchFirst ? 2 : 1;
        long directions = y.dim(d);
        Shape shape = flow.shaped(directions * y.dim(3));
        if (directions == 1 && dice.chance(0.6)) {
            return s.squeeze(y, d);
        }
        Value turned =
                flow.batchFirst || directions == 1 && dice.chance(0.5)
                        ? y
                        : s.transpose(y, 0, 2, 1, 3);
        if (directions == 1 && turned == y && !flow.batchFirst) {
            return s.squeeze(y, d);
        }
        if (dice.chance(0.3) && s.opset >= 9) {
            Value dims = s.node("Shape", DType.INT64, Shape.of(4), List.of(turned));
            Value two = s.slice(dims, 0, 0, 2);
            Value to =
                    s.node(
                            "Concat",
                            DType.INT64,
                            Shape.of(3),
                            List.of(two, s.longs(shape.dim(2))),
                            attr("axis", 0L));
            return s.node("Reshape", y.dtype(), shape, List.of(turned, to));
        }
        return s.reshape(turned, shape, 0, 0, dice.of(-1L, shape.dim(2)));
    }

    /// A head over the last hidden states, `[D, N, H]` or batch first.
    private void tail(Value h) {
        if (dice.chance(0.4)) {
            return;
        }
        Value rows = flow.batchFirst ? h : s.transpose(h, 1, 0, 2);
        long size = h.dim(2) * rows.dim(1);
        Value flat =
                dice.chance(0.5)
                        ? s.reshape(
                                rows,
                                Shape.of(flow.batch, size),
                                flow.openBatch ? 0 : flow.batch,
                                -1)
                        : s.node(
                                "Flatten",
                                DType.FLOAT32,
                                Shape.of(flow.batch, size),
                                List.of(rows),
                                attr("axis", 1L));
        finish(layers.gemm(flat), 1);
    }

    // ---- the head

    private void head(Value x) {
        int time = flow.batchFirst ? 1 : 0;
        switch (flow.streams ? dice.of(0, 3) : dice.in(0, 5)) {
            case 0 -> s.output(x);
            case 1 -> {
                flow.looksAround = true;
                s.tell("mean over T");
                finish(layers.mean(x, time), 2);
            }
            case 2 -> {
                flow.looksAround = true;
                s.tell("last step");
                finish(layers.gemm(lastStep(x, time)), 1);
            }
            default -> finish(layers.linear(x, dice.size()), 2);
        }
    }

    private Value lastStep(Value x, int time) {
        if (s.opset >= 11 || !flow.openTime) {
            long index = s.opset >= 11 && dice.chance(0.7) || flow.openTime ? -1 : flow.steps - 1;
            Shape shape = Shape.of(flow.batch, x.dim(2));
            Value at = s.scalar(DType.INT64, index);
            return s.node("Gather", x.dtype(), shape, List.of(x, at), attr("axis", (long) time));
        }
        Shape one = x.shape().with(time, 1);
        AttributeProto from = attr("starts", new long[] {-1});
        AttributeProto to = attr("ends", new long[] {Long.MAX_VALUE});
        AttributeProto axes = attr("axes", new long[] {time});
        Value last =
                s.opset < 10
                        ? s.node("Slice", x.dtype(), one, List.of(x), from, to, axes)
                        : s.node(
                                "Slice",
                                x.dtype(),
                                one,
                                List.of(x, s.longs(-1), s.longs(Long.MAX_VALUE), s.longs(time)));
        return s.squeeze(last, time);
    }

    private void finish(Value x, int axis) {
        switch (dice.in(0, 5)) {
            case 0 -> s.output(s.like("Softmax", List.of(x), attr("axis", (long) axis)));
            case 1 -> s.output(s.like("LogSoftmax", List.of(x), attr("axis", (long) axis)));
            case 2 -> s.output(s.like("Sigmoid", List.of(x)));
            case 3 -> s.output(s.like("Tanh", List.of(x)));
            case 4 -> {
                Value v = s.like("Mul", List.of(x, s.scalar(DType.FLOAT32, 0.5)));
                s.output(s.like("Exp", List.of(s.like("Neg", List.of(s.like("Abs", List.of(v)))))));
            }
            default -> s.output(x);
        }
    }
}
