package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Rounding;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// [Model#roundings] against what the kernels show of the packed weights, and against weights
/// rounded one by one.
class RoundingTest {
    private static final int I = 5;
    private static final int H = 37;

    private static Tensor random(long seed, double size, long... dims) {
        float[] v = new float[(int) Shape.of(dims).elements()];
        Random random = new Random(seed);
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) (random.nextGaussian() * size);
        }
        return Tensor.ofFloats(Shape.of(dims), v);
    }

    private static Graph graph(Node node, Shape x, Map<String, Tensor> constants) {
        TensorType in = new TensorType(DType.FLOAT32, x);
        return new Graph(
                "g",
                List.of(ValueInfo.of("x", in)),
                List.of(new ValueInfo("y", DType.FLOAT32, null)),
                constants,
                List.of(node),
                Map.of());
    }

    /// Row k of the matrix that a model multiplies with.
    private static float[] row(Model model, int k, int rows) {
        float[] x = new float[rows];
        x[k] = 1;
        try (Session session = model.open()) {
            return session.run(Map.of("x", Tensor.ofFloats(Shape.of(1, rows), x)))
                    .get("y")
                    .toFloats();
        }
    }

    @ParameterizedTest
    @CsvSource({"MatMul, INT8", "MatMul, BF16", "Gemm, INT8", "Gemm, BF16"})
    void dense_isWhatKernelsMultiplyWith(String op, Precision precision) {
        int k = 70;
        int n = 45;
        Tensor w = random(1, 0.3, k, n);
        float alpha = op.equals("Gemm") ? 3 : 1;
        Map<String, Attribute> attributes =
                op.equals("Gemm") ? Map.of("alpha", new Attribute.OfFloat(alpha)) : Map.of();
        Node node = new Node("n", "", op, List.of("x", "w"), List.of("y"), attributes);
        Graph g = graph(node, Shape.of(1, k), Map.of("w", w));
        try (Model model = Model.compile(g, Options.defaults().weights(precision))) {
            double max = 0;
            double sum = 0;
            for (int i = 0; i < k; i++) {
                float[] got = row(model, i, k);
                for (int j = 0; j < n; j++) {
                    double error = Math.abs(got[j] / alpha - w.getDouble((long) i * n + j));
                    max = Math.max(max, error);
                    sum += error;
                }
            }
            Rounding rounding = model.roundings().getFirst();
            assertThat(model.roundings()).hasSize(1);
            assertThat(rounding.node()).isEqualTo("n");
            assertThat(rounding.tensor()).isEqualTo("w");
            assertThat(rounding.precision()).isEqualTo(precision);
            assertThat(rounding.max()).isPositive().isCloseTo(max, within(1e-7));
            assertThat(rounding.mean()).isPositive().isCloseTo(sum / k / n, within(1e-8));
        }
        try (Model model = Model.compile(g)) {
            assertThat(model.roundings()).isEmpty();
        }
    }

    private static Graph recurrent(String op, boolean linear) {
        int gates = op.endsWith("LSTM") ? 4 : op.equals("GRU") ? 3 : 1;
        boolean projected = op.startsWith("dev");
        int out = projected ? 11 : H;
        Map<String, Tensor> constants = new HashMap<>();
        constants.put("W", random(1, 0.3, 2, gates * H, I));
        constants.put("R", random(2, 0.7, 2, gates * H, out));
        List<String> inputs = new ArrayList<>(List.of("x", "W", "R"));
        if (projected) {
            inputs.addAll(List.of("", "", "", "", "", "P"));
            constants.put("P", random(3, 0.5, 2, out, H));
        }
        Map<String, Attribute> attributes = new HashMap<>();
        attributes.put("direction", new Attribute.OfString("bidirectional"));
        attributes.put("hidden_size", new Attribute.OfLong(H));
        if (linear) {
            attributes.put("linear_before_reset", new Attribute.OfLong(1));
        }
        String domain = projected ? "dev.runnel" : "";
        Node node =
                new Node("n", domain, projected ? "LSTM" : op, inputs, List.of("y"), attributes);
        return graph(node, Shape.of(3, 1, I), constants);
    }

    private static float bf16(float w) {
        int bits = Float.floatToRawIntBits(w);
        return Float.intBitsToFloat(bits + 0x7FFF + (bits >>> 16 & 1) & 0xFFFF0000);
    }

    @ParameterizedTest
    @CsvSource({"RNN, false", "GRU, false", "GRU, true", "LSTM, false", "dev.runnel.LSTM, false"})
    void recurrent_tellsTensorsApart(String op, boolean linear) {
        Graph g = recurrent(op, linear);
        try (Model model = Model.compile(g, Options.defaults().weights(Precision.BF16))) {
            assertThat(model.roundings().stream().map(Rounding::tensor))
                    .containsExactlyElementsOf(
                            op.startsWith("dev") ? List.of("W", "R", "P") : List.of("W", "R"));
            for (Rounding r : model.roundings()) {
                double max = 0;
                double sum = 0;
                Tensor t = g.initializers().get(r.tensor());
                for (float w : t.toFloats()) {
                    double error = Math.abs((double) bf16(w) - w);
                    max = Math.max(max, error);
                    sum += error;
                }
                assertThat(r.max()).as(r.tensor()).isEqualTo(max);
                assertThat(r.mean()).isCloseTo(sum / t.elements(), within(1e-12));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"RNN, false", "GRU, false", "GRU, true", "LSTM, false", "dev.runnel.LSTM, false"})
    void recurrent_int8_isWithinHalfAStep(String op, boolean linear) {
        Graph g = recurrent(op, linear);
        try (Model model = Model.compile(g, Options.defaults().weights(Precision.INT8))) {
            for (Rounding r : model.roundings()) {
                double greatest = 0;
                for (Tensor t : g.initializers().values()) {
                    for (float w : t.toFloats()) {
                        greatest = Math.max(greatest, Math.abs(w));
                    }
                }
                double halfAStep = greatest / 127 / 2;
                assertThat(r.max()).isBetween(0.2 * halfAStep, 1.0001 * halfAStep);
                assertThat(r.mean()).isBetween(0.2 * r.max(), 0.6 * r.max());
            }
        }
    }

    @Test
    void nanAmongThem_isNotHidden() {
        Tensor w = Tensor.ofFloats(Shape.of(2, 1), Float.NaN, 1);
        Node node = new Node("n", "", "MatMul", List.of("x", "w"), List.of("y"), Map.of());
        Graph g = graph(node, Shape.of(1, 2), Map.of("w", w));
        try (Model model = Model.compile(g, Options.defaults().weights(Precision.INT8))) {
            assertThat(model.roundings().getFirst().max()).isNaN();
        }
    }
}
