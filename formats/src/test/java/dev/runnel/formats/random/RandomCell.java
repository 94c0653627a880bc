package dev.runnel.formats.random;

import static dev.runnel.formats.random.Sketch.attr;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.List;

/// Draws one step of an RNN, GRU or LSTM as an exporter or its author might write it: gates in any
/// order, in one product or in several, of x and h together or apart, operands either way round.
/// Some are almost such a cell.
final class RandomCell {
    /// What keeps a cell from being one.
    enum Flaw {
        NONE,
        /// A gate has another activation than it should.
        ACTIVATION,
        /// A gate is read by something else.
        READ_OUTSIDE,
        /// A weight is fed.
        FED_WEIGHT,
        /// A sum is a difference.
        DIFFERENCE
    }

    final String op;
    final Flaw flaw;
    final Sketch s;
    final int n;
    final int i;
    final int h;

    private final Dice dice;
    private final int form;
    private final int activation;
    private final Value x;
    private final Value before;

    RandomCell(Dice dice, String op, Flaw flaw) {
        this.dice = dice;
        this.op = op;
        this.flaw = flaw;
        s = new Sketch(dice, dice.of(9, 11, 13, 14, 16, 18, 20), false, false);
        n = dice.in(1, 3);
        i = dice.chance(0.3) ? 8 : dice.in(1, 20);
        h = dice.chance(0.3) ? 8 : dice.in(1, 20);
        form = dice.in(0, 3);
        activation = dice.in(0, 2);
        x = s.input("x", random(1.5, n, i), -1, -1);
        before = s.input("h", random(1, n, h), -1, -1);
        s.tell(op + " " + flaw + ", N " + n + ", I " + i + ", H " + h + ", form " + form);
        switch (op) {
            case "LSTM" -> lstm();
            case "GRU" -> gru();
            default -> s.output(s.like("Tanh", List.of(gates(1, before).getFirst())));
        }
    }

    private Tensor random(double range, long... dims) {
        Shape shape = Shape.of(dims);
        return Tensor.ofFloats(shape, dice.floats(shape.elements(), -range, range));
    }

    /// `b` may be a row for all of a.
    private Value both(String op, Value a, Value b) {
        List<Value> in = dice.chance(0.5) ? List.of(a, b) : List.of(b, a);
        return s.node(op, DType.FLOAT32, a.shape(), in);
    }

    // ---- cells

    private void lstm() {
        Value c = s.input("c", random(1, n, h), -1, -1);
        List<Value> sums = gates(4, before);
        Value i = sigmoid(sums.get(0));
        Value f =
                flaw == Flaw.ACTIVATION
                        ? s.like("Tanh", List.of(sums.get(1)))
                        : sigmoid(sums.get(1));
        Value g = s.like("Tanh", List.of(sums.get(2)));
        Value o = sigmoid(sums.get(3));
        Value kept = both("Mul", f, c);
        Value added = both("Mul", i, g);
        Value next =
                flaw == Flaw.DIFFERENCE
                        ? s.like("Sub", List.of(kept, added))
                        : both("Add", kept, added);
        s.output(both("Mul", o, s.like("Tanh", List.of(next))));
        s.output(next);
        readOutside(f);
    }

    private void gru() {
        boolean linear = dice.chance(0.5);
        List<Value> sums = gates(2, before);
        Value z = sigmoid(sums.get(0));
        Value r =
                flaw == Flaw.ACTIVATION
                        ? s.like("Tanh", List.of(sums.get(1)))
                        : sigmoid(sums.get(1));
        Value sum;
        if (linear) {
            Value product = both("Mul", r, product(before, h, h, dice.chance(0.7)));
            sum = both("Add", product, product(x, i, h, true));
            sum = dice.chance(0.3) ? both("Add", sum, s.weight(random(0.5, h))) : sum;
        } else {
            sum = gates(1, both("Mul", r, before)).getFirst();
        }
        Value candidate = s.like("Tanh", List.of(sum));
        boolean exchanged = dice.chance(0.3);
        Value kept = exchanged ? candidate : before;
        Value other = exchanged ? before : candidate;
        String last = flaw == Flaw.DIFFERENCE ? "Sub" : "Add";
        if (dice.chance(0.5)) {
            Value moved = both("Mul", z, s.like("Sub", List.of(kept, other)));
            s.output(
                    flaw == Flaw.DIFFERENCE
                            ? s.like(last, List.of(other, moved))
                            : both(last, other, moved));
        } else {
            Value one = s.scalar(DType.FLOAT32, 1);
            Value rest = s.node("Sub", DType.FLOAT32, z.shape(), List.of(one, z));
            Value a = both("Mul", rest, other);
            Value b = both("Mul", z, kept);
            s.output(flaw == Flaw.DIFFERENCE ? s.like(last, List.of(a, b)) : both(last, a, b));
        }
        readOutside(r);
    }

    private void readOutside(Value gate) {
        if (flaw == Flaw.READ_OUTSIDE) {
            s.output(s.like("Neg", List.of(gate)));
        }
    }

    /// σ, or a hard sigmoid in one of its spellings.
    private Value sigmoid(Value v) {
        return switch (activation) {
            case 0 -> s.like("Sigmoid", List.of(v));
            case 1 -> s.like("HardSigmoid", List.of(v), attr("alpha", 0.2f), attr("beta", 0.5f));
            default -> {
                Value scaled = s.like("Mul", List.of(v, s.scalar(DType.FLOAT32, 0.2)));
                Value moved = s.like("Add", List.of(scaled, s.scalar(DType.FLOAT32, 0.5)));
                yield s.opset < 11
                        ? s.like("Clip", List.of(moved), attr("min", 0f), attr("max", 1f))
                        : s.like(
                                "Clip",
                                List.of(
                                        moved,
                                        s.scalar(DType.FLOAT32, 0),
                                        s.scalar(DType.FLOAT32, 1)));
            }
        };
    }

    // ---- sums

    /// W·x + R·hidden + b for each of the gates.
    private List<Value> gates(int count, Value hidden) {
        return switch (form) {
            case 0 -> parted(together(hidden, count * h), count);
            case 1 -> parted(apart(hidden, count * h), count);
            case 2 -> {
                Value a = product(x, i, count * h, true);
                Value b = product(hidden, h, count * h, dice.chance(0.5));
                List<Value> ofX = parted(a, count);
                List<Value> ofH = parted(b, count);
                List<Value> sums = new ArrayList<>();
                for (int k = 0; k < count; k++) {
                    sums.add(both("Add", ofX.get(k), ofH.get(k)));
                }
                yield sums;
            }
            default -> {
                List<Value> sums = new ArrayList<>();
                for (int k = 0; k < count; k++) {
                    sums.add(dice.chance(0.5) ? together(hidden, h) : apart(hidden, h));
                }
                yield sums;
            }
        };
    }

    private Value together(Value hidden, int columns) {
        boolean hiddenLast = dice.chance(0.7);
        Value joined =
                s.node(
                        "Concat",
                        DType.FLOAT32,
                        Shape.of(n, i + h),
                        hiddenLast ? List.of(x, hidden) : List.of(hidden, x),
                        attr("axis", dice.of(1L, s.opset < 11 ? 1L : -1L)));
        return product(joined, i + h, columns, true);
    }

    private Value apart(Value hidden, int columns) {
        return both(
                "Add", product(x, i, columns, true), product(hidden, h, columns, dice.chance(0.5)));
    }

    private Value product(Value of, int rows, int columns, boolean biased) {
        double range = 1 / Math.sqrt(rows);
        Shape shape = Shape.of(n, columns);
        boolean transposed = dice.chance(0.5);
        Tensor t = transposed ? random(range, columns, rows) : random(range, rows, columns);
        Value w = flaw == Flaw.FED_WEIGHT ? s.input(s.fresh("w"), t, -1, -1) : s.weight(t);
        Value bias = s.weight(random(0.5, columns));
        if (dice.chance(0.5)) {
            List<Value> in = biased ? List.of(of, w, bias) : List.of(of, w, zeros(columns));
            AttributeProto[] a =
                    transposed ? new AttributeProto[] {attr("transB", 1L)} : new AttributeProto[0];
            return s.node("Gemm", DType.FLOAT32, shape, in, a);
        }
        Value matrix = transposed ? s.transpose(w, 1, 0) : w;
        Value product = s.node("MatMul", DType.FLOAT32, shape, List.of(of, matrix));
        return biased ? both("Add", product, bias) : product;
    }

    private Value zeros(int columns) {
        return s.constant(Tensor.ofFloats(Shape.of(columns), new float[columns]));
    }

    private List<Value> parted(Value all, int count) {
        if (count == 1) {
            return List.of(all);
        }
        Shape shape = Shape.of(n, h);
        List<Value> parts = new ArrayList<>();
        if (dice.chance(0.5)) {
            for (int k = 0; k < count; k++) {
                parts.add(s.slice(all, 1, (long) k * h, (long) (k + 1) * h));
            }
        } else {
            for (int k = 0; k < count; k++) {
                parts.add(new Value(s.fresh("part"), DType.FLOAT32, shape));
            }
            if (s.opset < 13 || s.opset < 18 && dice.chance(0.5)) {
                s.add("Split", List.of(all), parts, attr("axis", 1L));
            } else {
                long[] sizes = new long[count];
                java.util.Arrays.fill(sizes, h);
                s.add("Split", List.of(all, s.longs(sizes)), parts, attr("axis", 1L));
            }
        }
        int[] order = dice.permutation(count);
        List<Value> gates = new ArrayList<>();
        for (int k : order) {
            gates.add(parts.get(k));
        }
        return gates;
    }
}
