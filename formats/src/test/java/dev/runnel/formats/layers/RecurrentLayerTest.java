package dev.runnel.formats.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.formats.layers.CellWeights.Kind;
import dev.runnel.formats.layers.RecurrentLayer.Results;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo.Dim;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;

/// The orders of gates against the frameworks' formulas, written down in their own orders.
class RecurrentLayerTest {
    private static final int T = 5;
    private static final int I = 3;
    private static final int H = 4;
    private final Random random = new Random(7);

    /// One time step in a framework's own formulas: from the sums over x and over h to h.
    @FunctionalInterface
    private interface Step {
        void run(double[] ofX, double[] ofH, double[] h, double[] c);
    }

    private float[] draw(int n) {
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = random.nextFloat(-1, 1);
        }
        return v;
    }

    private static Weight weight(String name, float[] values, long... dims) {
        return new Weight("test", name, Tensor.ofFloats(Shape.of(dims), values));
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    @Test
    void lstm_ofPyTorch_followsItsFormula() {
        Step step =
                (x, h, hs, c) -> {
                    for (int u = 0; u < H; u++) { // i, f, g, o
                        double i = sigmoid(x[u] + h[u]);
                        double f = sigmoid(x[H + u] + h[H + u]);
                        double g = Math.tanh(x[2 * H + u] + h[2 * H + u]);
                        double o = sigmoid(x[3 * H + u] + h[3 * H + u]);
                        c[u] = f * c[u] + i * g;
                        hs[u] = o * Math.tanh(c[u]);
                    }
                };
        checkPyTorch(Kind.LSTM, step);
    }

    @Test
    void gru_ofPyTorch_followsItsFormula() {
        Step step =
                (x, h, hs, c) -> {
                    for (int u = 0; u < H; u++) { // r, z, n
                        double r = sigmoid(x[u] + h[u]);
                        double z = sigmoid(x[H + u] + h[H + u]);
                        double n = Math.tanh(x[2 * H + u] + r * h[2 * H + u]);
                        hs[u] = (1 - z) * n + z * hs[u];
                    }
                };
        checkPyTorch(Kind.GRU, step);
    }

    private void checkPyTorch(Kind kind, Step step) {
        int rows = kind.gates * H;
        float[] w = draw(rows * I);
        float[] r = draw(rows * H);
        float[] bw = draw(rows);
        float[] br = draw(rows);
        CellWeights cell =
                CellWeights.pytorch(
                        kind,
                        weight("w", w, rows, I),
                        weight("r", r, rows, H),
                        weight("bw", bw, rows),
                        weight("br", br, rows),
                        null);
        check(cell, List.of(), false, (a, k) -> w[a * I + k], (a, k) -> r[a * H + k], bw, br, step);
    }

    @Test
    void lstm_ofKeras_followsItsFormula() {
        Step step =
                (x, h, hs, c) -> {
                    for (int u = 0; u < H; u++) { // i, f, c, o; hard_sigmoid
                        double i = hard(x[u] + h[u]);
                        double f = hard(x[H + u] + h[H + u]);
                        double g = Math.tanh(x[2 * H + u] + h[2 * H + u]);
                        double o = hard(x[3 * H + u] + h[3 * H + u]);
                        c[u] = f * c[u] + i * g;
                        hs[u] = o * Math.tanh(c[u]);
                    }
                };
        checkKeras(Kind.LSTM, false, List.of("hard_sigmoid", "tanh", "tanh"), step);
    }

    private static double hard(double x) {
        return Math.clamp(0.2 * x + 0.5, 0, 1);
    }

    @Test
    void rnn_ofKeras_followsItsFormula() {
        Step step =
                (x, h, hs, c) -> {
                    for (int u = 0; u < H; u++) {
                        hs[u] = Math.max(0, x[u] + h[u]);
                    }
                };
        checkKeras(Kind.RNN, false, List.of("relu"), step);
    }

    @Test
    void gru_ofKerasResetAfter_followsItsFormula() {
        Step step =
                (x, h, hs, c) -> {
                    for (int u = 0; u < H; u++) { // z, r, h
                        double z = sigmoid(x[u] + h[u]);
                        double r = sigmoid(x[H + u] + h[H + u]);
                        double n = x[2 * H + u] + r * h[2 * H + u]; // linear
                        hs[u] = z * hs[u] + (1 - z) * n;
                    }
                };
        checkKeras(Kind.GRU, true, List.of("sigmoid", "linear"), step);
    }

    @Test
    void gru_ofKerasResetBefore_followsItsFormula() {
        int rows = 3 * H;
        float[] k = draw(I * rows);
        float[] r = draw(H * rows);
        float[] b = draw(rows);
        DoubleUnaryOperator tanh = Math::tanh;
        Step step =
                (x, h, hs, c) -> {
                    double[] was = hs.clone();
                    for (int u = 0; u < H; u++) {
                        double z = sigmoid(x[u] + h[u]);
                        double sum = x[2 * H + u];
                        for (int j = 0; j < H; j++) {
                            sum += sigmoid(x[H + j] + h[H + j]) * was[j] * r[j * rows + 2 * H + u];
                        }
                        hs[u] = z * was[u] + (1 - z) * tanh.applyAsDouble(sum);
                    }
                };
        CellWeights cell =
                CellWeights.keras(
                        Kind.GRU,
                        weight("kernel", k, I, rows),
                        weight("recurrent_kernel", r, H, rows),
                        weight("bias", b, rows));
        assertThat(cell.linearBeforeReset()).isFalse();
        check(
                cell,
                List.of(),
                true,
                (a, i) -> k[i * rows + a],
                (a, i) -> r[i * rows + a],
                b,
                new float[rows],
                step);
    }

    private void checkKeras(Kind kind, boolean two, List<String> activations, Step step) {
        int rows = kind.gates * H;
        float[] k = draw(I * rows);
        float[] r = draw(H * rows);
        float[] b = draw(two ? 2 * rows : rows);
        CellWeights cell =
                CellWeights.keras(
                        kind,
                        weight("kernel", k, I, rows),
                        weight("recurrent_kernel", r, H, rows),
                        two ? weight("bias", b, 2, rows) : weight("bias", b, rows));
        float[] ofH = new float[rows];
        System.arraycopy(b, two ? rows : 0, ofH, 0, two ? rows : 0);
        check(
                cell,
                activations,
                true,
                (a, i) -> k[i * rows + a],
                (a, i) -> r[i * rows + a],
                b,
                ofH,
                step);
    }

    /// Element \[gate row, input\].
    @FunctionalInterface
    private interface Rows {
        float at(int row, int k);
    }

    private void check(
            CellWeights cell,
            List<String> activations,
            boolean batchFirst,
            Rows w,
            Rows r,
            float[] bw,
            float[] br,
            Step step) {
        RecurrentLayer layer =
                new RecurrentLayer(
                        List.of(cell),
                        false,
                        activations.stream().map(Activation::of).toList(),
                        batchFirst);
        float[] x = draw(T * I);
        Map<String, Tensor> out = run(layer, x, batchFirst);
        double[] h = new double[H];
        double[] c = new double[H];
        int rows = cell.kind().gates * H;
        for (int t = 0; t < T; t++) {
            double[] ofX = new double[rows];
            double[] ofH = new double[rows];
            for (int a = 0; a < rows; a++) {
                ofX[a] = bw[a];
                ofH[a] = br[a];
                for (int k = 0; k < I; k++) {
                    ofX[a] += (double) w.at(a, k) * x[t * I + k];
                }
                for (int k = 0; k < H; k++) {
                    ofH[a] += (double) r.at(a, k) * h[k];
                }
            }
            step.run(ofX, ofH, h, c);
            for (int u = 0; u < H; u++) {
                assertThat(out.get("y").getDouble((long) t * H + u)).isCloseTo(h[u], within(1e-5));
            }
        }
        for (int u = 0; u < H; u++) {
            assertThat(out.get("last").getDouble(u)).isCloseTo(h[u], within(1e-5));
        }
    }

    private static Map<String, Tensor> run(RecurrentLayer layer, float[] x, boolean batchFirst) {
        GraphBuilder g = new GraphBuilder("test");
        Dim steps = Dim.of("T");
        Dim rows = Dim.of(1);
        List<Dim> dims =
                batchFirst ? List.of(rows, steps, Dim.of(I)) : List.of(steps, rows, Dim.of(I));
        Value in = g.input("x", DType.FLOAT32, dims);
        Results results = layer.add(g, "layer", in, List.of());
        Map<String, Value> outputs = new LinkedHashMap<>();
        outputs.put("y", results.sequence());
        outputs.put("last", results.last());
        Graph graph = g.build(outputs);
        Shape shape = batchFirst ? Shape.of(1, T, I) : Shape.of(T, 1, I);
        try (Model model = Model.compile(graph, Options.defaults());
                Session session = model.open()) {
            return session.run(Map.of("x", Tensor.ofFloats(shape, x)));
        }
    }

    /// What Keras' `_convert_rnn_weights` does to weights of LSTM and GRU for CuDNN's layers, word
    /// for word.
    @Test
    void cudnnLayers_ofKeras_equalTheUsualOnes() {
        for (Kind kind : List.of(Kind.LSTM, Kind.GRU)) {
            int rows = kind.gates * H;
            float[] k = draw(I * rows);
            float[] r = draw(H * rows);
            float[] b = draw(2 * rows);
            float[] cuK = new float[k.length];
            float[] cuR = new float[r.length];
            for (int gate = 0; gate < kind.gates; gate++) {
                // kernel.T.reshape(kernel.shape, order='C')
                List<Float> transposed = new ArrayList<>();
                for (int u = 0; u < H; u++) {
                    for (int i = 0; i < I; i++) {
                        transposed.add(k[i * rows + gate * H + u]);
                    }
                }
                for (int i = 0; i < I; i++) {
                    for (int u = 0; u < H; u++) {
                        cuK[i * rows + gate * H + u] = transposed.get(i * H + u);
                    }
                }
                for (int i = 0; i < H; i++) { // k.T
                    for (int u = 0; u < H; u++) {
                        cuR[i * rows + gate * H + u] = r[u * rows + gate * H + i];
                    }
                }
            }
            boolean lstm = kind == Kind.LSTM;
            float[] sums = new float[rows];
            for (int i = 0; i < rows; i++) {
                sums[i] = b[i] + b[rows + i];
            }
            CellWeights usual =
                    CellWeights.keras(
                            kind,
                            weight("kernel", k, I, rows),
                            weight("recurrent_kernel", r, H, rows),
                            lstm ? weight("bias", sums, rows) : weight("bias", b, 2, rows));
            CellWeights cudnn =
                    CellWeights.keras(
                            kind,
                            weight("kernel", cuK, I, rows),
                            weight("recurrent_kernel", cuR, H, rows),
                            weight("bias", b, 2 * rows));
            float[] x = draw(T * I);
            Map<String, Tensor> want =
                    run(new RecurrentLayer(List.of(usual), false, List.of(), false), x, false);
            Map<String, Tensor> got =
                    run(new RecurrentLayer(List.of(cudnn), false, List.of(), false), x, false);
            assertThat(got.get("y").toFloats()).isEqualTo(want.get("y").toFloats());
        }
    }

    @Test
    void weights_thatDoNotFit_areNamed() {
        Weight hh = weight("rnn.weight_hh_l0", draw(16 * 4), 16, 4);
        Weight ih = weight("rnn.weight_ih_l0", draw(12 * 3), 12, 3);
        assertThatThrownBy(() -> CellWeights.pytorch(Kind.LSTM, ih, hh, null, null, null))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: tensor 'rnn.weight_ih_l0' float32[12, 3] has not the shape [16, ?] ="
                                + " [4·H, I] with H = 4");
    }
}
