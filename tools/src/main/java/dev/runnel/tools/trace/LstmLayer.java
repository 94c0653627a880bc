package dev.runnel.tools.trace;

import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import java.util.Set;

/// An LSTM node whose step is computed once more, in float64, by the formulas of its definition: a
/// plan gives h and C only, and the gates are to be seen.
///
/// Its weights are in ONNX's order of gates, i o f c: W[1, 4·H, I], R[1, 4·H, H], B[1, 8·H].
final class LstmLayer {
    private static final Set<String> UNDERSTOOD = Set.of("hidden_size", "direction", "layout");

    private final Node node;
    private final int units;
    private final int inputs;
    private final float[] w;
    private final float[] r;
    private final float[] b;

    /// @throws UnsupportedModelException if the node is none that can be traced
    LstmLayer(Graph graph, Node node) {
        this.node = node;
        for (String attribute : node.attributes().keySet()) {
            if (!UNDERSTOOD.contains(attribute)) {
                throw refused("has the attribute '" + attribute + "'");
            }
        }
        if (node.attributes().get("direction") instanceof Attribute.OfString(String direction)
                && !direction.equals("forward")) {
            throw refused("runs " + direction);
        }
        if (node.attributes().get("layout") instanceof Attribute.OfLong(long layout)
                && layout != 0) {
            throw refused("has its batch first");
        }
        if (node.inputs().size() < 7
                || node.inputs().get(5).isEmpty()
                || node.inputs().get(6).isEmpty()) {
            throw refused("has no h and c that enter it");
        }
        if (!input(4).isEmpty() || !input(7).isEmpty()) {
            throw refused("has sequence lengths or peepholes");
        }
        Tensor recurrent = constant(graph, input(2));
        units = recurrent.shape().size(2);
        r = recurrent.toFloats();
        Tensor weights = constant(graph, input(1));
        inputs = weights.shape().size(2);
        w = weights.toFloats();
        b = input(3).isEmpty() ? new float[8 * units] : constant(graph, input(3)).toFloats();
    }

    private String input(int n) {
        return n < node.inputs().size() ? node.inputs().get(n) : "";
    }

    /// An initializer, perhaps one that is stored in fewer bits and cast.
    private Tensor constant(Graph graph, String name) {
        Tensor tensor = graph.initializers().get(name);
        if (tensor != null) {
            return tensor;
        }
        for (Node n : graph.nodes()) {
            if (n.op().equals("Cast") && n.outputs().contains(name)) {
                return constant(graph, n.inputs().getFirst());
            }
        }
        throw refused("has a weight '" + name + "' that is no constant");
    }

    private UnsupportedModelException refused(String why) {
        return new UnsupportedModelException(
                node + " " + why + "; only a plain LSTM with constant weights can be traced");
    }

    String name() {
        return node.name();
    }

    /// H.
    int units() {
        return units;
    }

    /// The tensor that it reads: x[1, 1, I].
    String x() {
        return input(0);
    }

    /// The tensor of the state that is its h[1, 1, H].
    String h() {
        return input(5);
    }

    /// The tensor of the state that is its C[1, 1, H].
    String c() {
        return input(6);
    }

    /// A step from x[I], h[H], c[H].
    Gates step(float[] x, float[] h, float[] c) {
        double[] i = sums(0, x, h);
        double[] o = sums(1, x, h);
        double[] f = sums(2, x, h);
        double[] candidate = sums(3, x, h);
        double[] cell = new double[units];
        double[] hidden = new double[units];
        for (int u = 0; u < units; u++) {
            i[u] = sigmoid(i[u]);
            o[u] = sigmoid(o[u]);
            f[u] = sigmoid(f[u]);
            candidate[u] = Math.tanh(candidate[u]);
            cell[u] = f[u] * c[u] + i[u] * candidate[u];
            hidden[u] = o[u] * Math.tanh(cell[u]);
        }
        return new Gates(f, i, candidate, o, cell, hidden);
    }

    /// W·x + R·h + b of the n-th gate.
    private double[] sums(int n, float[] x, float[] h) {
        double[] sums = new double[units];
        for (int u = 0; u < units; u++) {
            int row = n * units + u;
            double sum = (double) b[row] + b[4 * units + row];
            for (int k = 0; k < inputs; k++) {
                sum += (double) w[row * inputs + k] * x[k];
            }
            for (int k = 0; k < units; k++) {
                sum += (double) r[row * units + k] * h[k];
            }
            sums[u] = sum;
        }
        return sums;
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }
}
