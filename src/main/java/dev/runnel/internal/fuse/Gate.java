package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// An activation of an [Affine], as a gate is.
///
/// @param function its name and parameters
/// @param sum what it is applied to
record Gate(Function function, Affine sum) {
    static final Function SIGMOID = new Function("Sigmoid", Float.NaN, Float.NaN);
    static final Function TANH = new Function("Tanh", Float.NaN, Float.NaN);

    /// A function that recurrent nodes have, by its name there; NaN for a parameter it does not
    /// take.
    record Function(String name, float alpha, float beta) {}

    /// A function applied to a tensor.
    record Applied(Function function, String to) {}

    int columns() {
        return sum.columns();
    }

    /// The gate that is 1 minus this one; null if the function is of no such kind.
    @Nullable Gate mirrored() {
        if (function.equals(SIGMOID)) {
            return new Gate(function, sum.times(-1));
        }
        if (!function.name.equals("HardSigmoid") || function.alpha == 0) {
            return null;
        }
        double[] shift = new double[columns()];
        Arrays.fill(shift, (1 - 2.0 * function.beta) / function.alpha);
        return new Gate(function, sum.times(-1).plus(shift));
    }

    /// The gate that ends in this tensor; null if none does.
    static @Nullable Gate of(Site site, String tensor) {
        Applied applied = applied(site.net(), site.constants(), tensor);
        Affine sum = applied == null ? null : site.affines().find(applied.to);
        return applied == null || sum == null ? null : new Gate(applied.function, sum);
    }

    /// The function a tensor is the result of; null if it is of none that cells know.
    static @Nullable Applied applied(Net net, Constants constants, String tensor) {
        Node node = net.producer(tensor);
        if (node == null || !node.domain().isEmpty() || node.inputs().isEmpty()) {
            return null;
        }
        String x = node.inputs().getFirst();
        return switch (node.op()) {
            case "Sigmoid" -> new Applied(SIGMOID, x);
            case "Tanh" -> new Applied(TANH, x);
            case "Relu", "Softsign", "Softplus" ->
                    new Applied(new Function(node.op(), Float.NaN, Float.NaN), x);
            case "HardSigmoid" ->
                    new Applied(new Function(node.op(), alpha(node, 0.2f), beta(node, 0.5f)), x);
            case "Elu" -> new Applied(new Function(node.op(), alpha(node, 1), Float.NaN), x);
            case "LeakyRelu" ->
                    new Applied(new Function(node.op(), alpha(node, 0.01f), Float.NaN), x);
            case "Clip" -> clip(net, constants, node);
            case "Min", "Max" -> nested(net, constants, node);
            default -> null;
        };
    }

    private static float alpha(Node node, float otherwise) {
        return (float) Affines.number(node, "alpha", otherwise);
    }

    private static float beta(Node node, float otherwise) {
        return (float) Affines.number(node, "beta", otherwise);
    }

    /// What is cut off at 0 and 1: a hard sigmoid, whose slope and offset belong to the sum.
    private static Applied unit(String x) {
        return new Applied(new Function("HardSigmoid", 1, 0), x);
    }

    private static @Nullable Applied clip(Net net, Constants constants, Node node) {
        List<String> in = node.inputs();
        boolean unit =
                in.size() == 3
                        && constants.scalar(net, in.get(1)) == 0
                        && constants.scalar(net, in.get(2)) == 1;
        return unit ? unit(in.getFirst()) : null;
    }

    /// max(0, min(1, x)), in any order.
    private static @Nullable Applied nested(Net net, Constants constants, Node outer) {
        boolean max = outer.op().equals("Max");
        String between = other(net, constants, outer, max ? 0 : 1);
        Node inner = between == null ? null : net.producer(between, max ? "Min" : "Max");
        String x = inner == null ? null : other(net, constants, inner, max ? 1 : 0);
        return x == null ? null : unit(x);
    }

    private static @Nullable String other(Net net, Constants constants, Node node, double bound) {
        if (node.inputs().size() != 2) {
            return null;
        }
        String a = node.inputs().get(0);
        String b = node.inputs().get(1);
        return constants.scalar(net, a) == bound ? b : constants.scalar(net, b) == bound ? a : null;
    }
}
