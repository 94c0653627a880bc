package dev.runnel.internal.op;

import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Locale;

/// RNN, GRU and LSTM straight from the formulas of the ONNX standard, in double precision, one
/// number at a time; with [#projection], Sak et al.'s (2014). Shares nothing with the operator.
final class RecurrentReference {
    String op = "LSTM";
    String direction = "forward";
    boolean batchFirst;
    boolean linearBeforeReset;
    boolean inputForget;
    double clip = Double.POSITIVE_INFINITY;

    /// Names with their alphas and betas, all directions; NaN where a default is meant.
    List<String> activations = List.of();

    double[] alphas = {};
    double[] betas = {};

    int steps;
    int batch;
    int inputSize;
    int hiddenSize;
    @Nullable Tensor x;
    @Nullable Tensor w;
    @Nullable Tensor r;
    @Nullable Tensor b;
    @Nullable Tensor lengths;
    @Nullable Tensor h0;
    @Nullable Tensor c0;
    @Nullable Tensor p;
    @Nullable Tensor projection;

    double[] y = {};
    double[] yh = {};
    double[] yc = {};

    int gates() {
        return switch (op) {
            case "RNN" -> 1;
            case "GRU" -> 3;
            default -> 4;
        };
    }

    int directions() {
        return direction.equals("bidirectional") ? 2 : 1;
    }

    /// Of h.
    int outputSize() {
        return projection == null ? hiddenSize : projection.shape().size(1);
    }

    void run() {
        int d = directions();
        y = new double[steps * d * batch * outputSize()];
        yh = new double[d * batch * outputSize()];
        yc = new double[d * batch * hiddenSize];
        for (int k = 0; k < d; k++) {
            for (int n = 0; n < batch; n++) {
                lane(k, n, direction.equals("reverse") || k == 1);
            }
        }
    }

    private int stateIndex(int d, int n, int size, int u) {
        return (batchFirst ? n * directions() + d : d * batch + n) * size + u;
    }

    private void lane(int d, int n, boolean reverse) {
        int length = lengths == null ? steps : (int) lengths.getLong(n);
        int outputs = outputSize();
        double[] h = new double[outputs];
        double[] c = new double[hiddenSize];
        for (int u = 0; u < outputs; u++) {
            h[u] = at(h0, stateIndex(d, n, outputs, u));
        }
        for (int u = 0; u < hiddenSize; u++) {
            c[u] = at(c0, stateIndex(d, n, hiddenSize, u));
        }
        for (int s = 0; s < length; s++) {
            int t = reverse ? length - 1 - s : s;
            switch (op) {
                case "RNN" -> h = rnn(d, t, n, h);
                case "GRU" -> h = gru(d, t, n, h);
                default -> h = lstm(d, t, n, h, c);
            }
            for (int u = 0; u < outputs; u++) {
                int row =
                        batchFirst
                                ? (n * steps + t) * directions() + d
                                : (t * directions() + d) * batch + n;
                y[row * outputs + u] = h[u];
            }
        }
        for (int u = 0; u < outputs; u++) {
            yh[stateIndex(d, n, outputs, u)] = length == 0 ? 0 : h[u];
        }
        for (int u = 0; u < hiddenSize; u++) {
            yc[stateIndex(d, n, hiddenSize, u)] = length == 0 ? 0 : c[u];
        }
    }

    private static double at(@Nullable Tensor t, long i) {
        return t == null ? 0 : t.getDouble(i);
    }

    /// Xt·Wᵀ + Wb of one unit.
    private double ofX(int d, int gate, int u, int t, int n) {
        int row = (d * gates() + gate) * hiddenSize + u;
        double sum = at(b, (2L * d * gates() + gate) * hiddenSize + u);
        for (int i = 0; i < inputSize; i++) {
            int xRow = batchFirst ? n * steps + t : t * batch + n;
            sum += at(x, (long) xRow * inputSize + i) * at(w, (long) row * inputSize + i);
        }
        return sum;
    }

    /// Ht−1·Rᵀ of one unit.
    private double ofH(int d, int gate, int u, double[] h) {
        int row = (d * gates() + gate) * hiddenSize + u;
        double sum = 0;
        for (int i = 0; i < h.length; i++) {
            sum += h[i] * at(r, (long) row * h.length + i);
        }
        return sum;
    }

    private double rb(int d, int gate, int u) {
        return at(b, ((2L * d + 1) * gates() + gate) * hiddenSize + u);
    }

    private double sum(int d, int gate, int u, int t, int n, double[] h) {
        return ofX(d, gate, u, t, n) + ofH(d, gate, u, h) + rb(d, gate, u);
    }

    private double[] rnn(int d, int t, int n, double[] h) {
        double[] next = new double[hiddenSize];
        for (int u = 0; u < hiddenSize; u++) {
            next[u] = activate(d, 0, sum(d, 0, u, t, n, h));
        }
        return next;
    }

    private double[] gru(int d, int t, int n, double[] h) {
        double[] z = new double[hiddenSize];
        double[] reset = new double[hiddenSize];
        double[] resetH = new double[hiddenSize];
        for (int u = 0; u < hiddenSize; u++) {
            z[u] = activate(d, 0, sum(d, 0, u, t, n, h));
            reset[u] = activate(d, 0, sum(d, 1, u, t, n, h));
            resetH[u] = reset[u] * h[u];
        }
        double[] next = new double[hiddenSize];
        for (int u = 0; u < hiddenSize; u++) {
            double candidate =
                    linearBeforeReset
                            ? ofX(d, 2, u, t, n) + reset[u] * (ofH(d, 2, u, h) + rb(d, 2, u))
                            : ofX(d, 2, u, t, n) + ofH(d, 2, u, resetH) + rb(d, 2, u);
            next[u] = (1 - z[u]) * activate(d, 1, candidate) + z[u] * h[u];
        }
        return next;
    }

    private double peep(int d, int gate, int u) {
        return at(p, (3L * d + gate) * hiddenSize + u);
    }

    private double[] lstm(int d, int t, int n, double[] h, double[] c) {
        double[] next = new double[hiddenSize];
        for (int u = 0; u < hiddenSize; u++) {
            double i = activate(d, 0, sum(d, 0, u, t, n, h) + peep(d, 0, u) * c[u]);
            double f =
                    inputForget
                            ? 1 - i
                            : activate(d, 0, sum(d, 2, u, t, n, h) + peep(d, 2, u) * c[u]);
            double cell = f * c[u] + i * activate(d, 1, sum(d, 3, u, t, n, h));
            double o = activate(d, 0, sum(d, 1, u, t, n, h) + peep(d, 1, u) * cell);
            next[u] = o * unclipped(d, 2, cell);
            c[u] = cell;
        }
        return projection == null ? next : projected(d, next, projection);
    }

    private double[] projected(int d, double[] m, Tensor by) {
        double[] h = new double[outputSize()];
        for (int u = 0; u < h.length; u++) {
            for (int i = 0; i < hiddenSize; i++) {
                h[u] += m[i] * by.getDouble(((long) d * h.length + u) * hiddenSize + i);
            }
        }
        return h;
    }

    /// Activates a gate's sum, clipped.
    private double activate(int d, int which, double v) {
        return unclipped(d, which, Math.max(-clip, Math.min(clip, v)));
    }

    private double unclipped(int d, int which, double z) {
        int i = d * (activations.size() / directions()) + which;
        return activate(activations.get(i).toLowerCase(Locale.ROOT), alphas[i], betas[i], z);
    }

    private static double activate(String name, double alpha, double beta, double v) {
        return switch (name) {
            case "relu" -> Math.max(0, v);
            case "tanh" -> Math.tanh(v);
            case "sigmoid" -> 1 / (1 + Math.exp(-v));
            case "affine" -> or(alpha, 1) * v + or(beta, 0);
            case "leakyrelu" -> v >= 0 ? v : or(alpha, 0.01) * v;
            case "thresholdedrelu" -> v > or(alpha, 1) ? v : 0;
            case "scaledtanh" -> or(alpha, 1) * Math.tanh(or(beta, 1) * v);
            case "hardsigmoid" -> Math.min(Math.max(or(alpha, 0.2) * v + or(beta, 0.5), 0), 1);
            case "elu" -> v >= 0 ? v : or(alpha, 1) * (Math.exp(v) - 1);
            case "softsign" -> v / (1 + Math.abs(v));
            case "softplus" -> Math.log1p(Math.exp(v));
            default -> throw new AssertionError(name);
        };
    }

    private static double or(double value, double otherwise) {
        return Double.isNaN(value) ? otherwise : value;
    }
}
