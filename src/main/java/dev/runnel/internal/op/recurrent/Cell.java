package dev.runnel.internal.op.recurrent;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.internal.kernel.Activation;
import dev.runnel.internal.kernel.Activation.Kind;
import dev.runnel.internal.op.Call;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A recurrent node, checked: its sizes and everything its attributes say.
///
/// @param dtype of all operands but sequence_lens
/// @param steps T
/// @param batch N
/// @param inputSize I
/// @param hiddenSize H
/// @param outputSize the size of h: H, or P with a projection
/// @param projected whether LSTM's h is multiplied by a matrix of \[P, H\] before it goes out and
///   back
/// @param batchFirst whether X is \[N, T, I\] and not \[T, N, I\]
/// @param reverse for each direction whether it runs from the end to the beginning
/// @param activations for each direction those of f, g, h; as many as the kind takes
/// @param clip ∞ for none
/// @param coupled LSTM's input_forget
/// @param linearBeforeReset of GRU
record Cell(
        Type type,
        DType dtype,
        int steps,
        int batch,
        int inputSize,
        int hiddenSize,
        int outputSize,
        boolean projected,
        boolean batchFirst,
        List<Boolean> reverse,
        List<List<Activation>> activations,
        float clip,
        boolean coupled,
        boolean linearBeforeReset) {

    /// The three operators.
    enum Type {
        RNN(1, Kind.TANH),
        GRU(3, Kind.SIGMOID, Kind.TANH),
        LSTM(4, Kind.SIGMOID, Kind.TANH, Kind.TANH);

        final int gates;
        final List<Kind> usual;

        Type(int gates, Kind... usual) {
            this.gates = gates;
            this.usual = List.of(usual);
        }
    }

    static final int X = 0;
    static final int W = 1;
    static final int R = 2;
    static final int B = 3;
    static final int LENGTHS = 4;
    static final int H0 = 5;
    static final int C0 = 6;
    static final int P = 7;
    static final int PROJECTION = 8;

    int directions() {
        return reverse.size();
    }

    /// Whether the kernels' own passes serve direction `d`: usual activations, nothing special.
    boolean isUsual(int d, boolean peepholes) {
        return hasUsualActivations(d) && clip == Float.POSITIVE_INFINITY && !coupled && !peepholes;
    }

    private boolean hasUsualActivations(int d) {
        for (int i = 0; i < type.usual.size(); i++) {
            if (activations.get(d).get(i).kind() != type.usual.get(i)) {
                return false;
            }
        }
        return true;
    }

    /// Reads and checks the node.
    ///
    /// @param projected whether it has a ninth input, the projection
    static Cell of(Type type, boolean projected, Call call) {
        call.requireInputs(projected ? 9 : 3, projected ? 9 : type == Type.LSTM ? 8 : 6);
        call.requireType(X, DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16);
        boolean batchFirst = call.flag("layout", false);
        List<Boolean> reverse = directions(call);
        Shape x = rank3(call, X, "X", batchFirst ? "[N, T, I]" : "[T, N, I]");
        Shape r = rank3(call, R, "R", "[D, " + gates(type) + (projected ? "H, P]" : "H, H]"));
        Shape projection = projected ? rank3(call, PROJECTION, "projection", "[D, P, H]") : r;
        long hidden = call.longAttribute("hidden_size", projection.dim(2));
        if (hidden < 1 || hidden > 1 << 24) {
            throw call.malformed("hidden_size is " + hidden + ", expected 1 or more");
        }
        if (x.dim(2) < 1) {
            throw call.malformed("X has shape " + x + ", expected I of 1 or more");
        }
        if (projected && (r.dim(2) < 1 || r.dim(2) > hidden)) {
            throw call.malformed("R has shape " + r + ", expected P in 1 … " + hidden + " = H");
        }
        float clip = call.floatAttribute("clip", Float.POSITIVE_INFINITY);
        if (!(clip > 0)) {
            throw call.malformed("clip is " + clip + ", expected more than 0");
        }
        Cell cell =
                new Cell(
                        type,
                        call.dtype(X),
                        size(call, x, batchFirst ? 1 : 0),
                        size(call, x, batchFirst ? 0 : 1),
                        size(call, x, 2),
                        (int) hidden,
                        (int) (projected ? r.dim(2) : hidden),
                        projected,
                        batchFirst,
                        reverse,
                        activations(type, call, reverse.size()),
                        clip,
                        type == Type.LSTM && call.flag("input_forget", false),
                        type == Type.GRU && call.flag("linear_before_reset", false));
        cell.checkShapes(call);
        return cell;
    }

    private static int size(Call call, Shape x, int axis) {
        if (x.dim(axis) > Integer.MAX_VALUE / 64) {
            throw call.unsupported("X has shape " + x + ", too large");
        }
        return (int) x.dim(axis);
    }

    private static List<Boolean> directions(Call call) {
        String direction = call.stringAttribute("direction", "forward");
        return switch (direction.toLowerCase(Locale.ROOT)) {
            case "forward" -> List.of(false);
            case "reverse" -> List.of(true);
            case "bidirectional" -> List.of(false, true);
            default ->
                    throw call.malformed(
                            "direction is '"
                                    + direction
                                    + "', expected forward, reverse or bidirectional");
        };
    }

    private static List<List<Activation>> activations(Type type, Call call, int directions) {
        int each = type.usual.size();
        List<String> names = call.stringsAttribute("activations");
        List<Float> alphas = call.floatsAttribute("activation_alpha");
        List<Float> betas = call.floatsAttribute("activation_beta");
        List<Kind> kinds = new ArrayList<>();
        for (int i = 0; i < each * directions; i++) {
            kinds.add(type.usual.get(i % each));
        }
        if (names != null) {
            if (names.size() != kinds.size()) {
                throw call.malformed(
                        "activations has "
                                + names.size()
                                + " names, expected "
                                + kinds.size()
                                + " = D·"
                                + each
                                + " for D="
                                + directions);
            }
            for (int i = 0; i < names.size(); i++) {
                kinds.set(i, kind(call, names.get(i)));
            }
        }
        requireAtMost(call, "activation_alpha", alphas, kinds.size());
        requireAtMost(call, "activation_beta", betas, kinds.size());
        // Each function that takes a parameter takes the next of the list while there is one.
        List<List<Activation>> all = new ArrayList<>();
        int alpha = 0;
        int beta = 0;
        for (int d = 0; d < directions; d++) {
            List<Activation> own = new ArrayList<>();
            for (Kind k : kinds.subList(d * each, (d + 1) * each)) {
                own.add(
                        new Activation(
                                k,
                                parameter(k.alpha, alphas, alpha),
                                parameter(k.beta, betas, beta)));
                alpha += Float.isNaN(k.alpha) ? 0 : 1;
                beta += Float.isNaN(k.beta) ? 0 : 1;
            }
            all.add(List.copyOf(own));
        }
        return List.copyOf(all);
    }

    private static Kind kind(Call call, String name) {
        Kind kind = Kind.find(name);
        if (kind == null) {
            throw call.malformed(
                    "activation '"
                            + name
                            + "' is none of Relu, Tanh, Sigmoid, Affine, LeakyRelu,"
                            + " ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign, Softplus");
        }
        return kind;
    }

    private static void requireAtMost(Call call, String name, @Nullable List<Float> values, int n) {
        if (values != null && values.size() > n) {
            throw call.malformed(
                    name
                            + " has "
                            + values.size()
                            + " values, expected at most one for each of "
                            + n
                            + " activations");
        }
    }

    private static float parameter(float otherwise, @Nullable List<Float> values, int i) {
        return Float.isNaN(otherwise) || values == null || i >= values.size()
                ? otherwise
                : values.get(i);
    }

    private static Shape rank3(Call call, int input, String name, String formula) {
        Shape s = call.shape(input);
        if (s.rank() != 3) {
            throw call.malformed(name + " has shape " + s + ", expected rank 3: " + formula);
        }
        return s;
    }

    private static String gates(Type type) {
        return type.gates == 1 ? "" : type.gates + "·";
    }

    private void checkShapes(Call call) {
        long d = directions();
        long h = hiddenSize;
        long gates = type.gates * h;
        long p = outputSize;
        String g = gates(type);
        String out = projected ? "P]" : "H]";
        check(call, R, "R", "[D, " + g + "H, " + out, d, gates, p);
        check(call, W, "W", "[D, " + g + "H, I]", d, gates, inputSize);
        check(call, B, "B", "[D, " + 2 * type.gates + "·H]", d, 2 * gates);
        String state = batchFirst ? "[N, D, " : "[D, N, ";
        check(call, H0, "initial_h", state + out, state(p));
        check(call, C0, "initial_c", state + "H]", state(h));
        check(call, P, "P", "[D, 3·H]", d, 3 * h);
        if (projected) {
            check(call, PROJECTION, "projection", "[D, P, H]", d, p, h);
        }
        if (call.has(LENGTHS)) {
            call.requireType(LENGTHS, DType.INT32);
            shape(call, LENGTHS, "sequence_lens", "[N]", batch);
        }
    }

    private long[] state(long size) {
        return batchFirst
                ? new long[] {batch, directions(), size}
                : new long[] {directions(), batch, size};
    }

    private void check(Call call, int input, String name, String formula, long... want) {
        if (call.has(input)) {
            call.requireSameType(X, input);
            shape(call, input, name, formula, want);
        }
    }

    private void shape(Call call, int input, String name, String formula, long... want) {
        if (!call.shape(input).equals(Shape.of(want))) {
            throw call.malformed(
                    name
                            + " has shape "
                            + call.shape(input)
                            + ", expected "
                            + Shape.of(want)
                            + " = "
                            + formula
                            + (formula.contains("H") ? " for hidden_size=" + hiddenSize : ""));
        }
    }
}
