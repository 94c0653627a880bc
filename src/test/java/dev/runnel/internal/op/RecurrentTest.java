package dev.runnel.internal.op;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// RNN, GRU and LSTM, with projection too, with attributes drawn at random, against
/// [RecurrentReference].
@Tag("widths")
class RecurrentTest {
    private static final int[] SIZES = {
        1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 24, 31, 32, 33, 64, 100, 129
    };
    private static final List<String> ALL =
            List.of(
                    "Relu",
                    "Tanh",
                    "Sigmoid",
                    "Affine",
                    "LeakyRelu",
                    "ThresholdedRelu",
                    "ScaledTanh",
                    "HardSigmoid",
                    "Elu",
                    "Softsign",
                    "Softplus");
    private static final List<String> WITH_ALPHA =
            List.of("Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu");
    private static final List<String> WITH_BETA = List.of("Affine", "ScaledTanh", "HardSigmoid");

    private final Random random = new Random();
    private int[] hiddenSizes = SIZES;
    private int fewestSteps = 1;
    private int mostSteps = 5;
    private int mostEntries = 5;
    private int rows = 3;

    /// A node of random attributes, and the same for the reference.
    private OneNode draw(RecurrentReference ref, boolean usual, boolean fed) {
        OneNode node = OneNode.of(ref.op);
        ref.steps = random.nextInt(fewestSteps, mostSteps + 1);
        ref.batch = random.nextInt(1, mostEntries + 1);
        ref.inputSize = SIZES[random.nextInt(SIZES.length)];
        ref.hiddenSize = hiddenSizes[random.nextInt(hiddenSizes.length)];
        ref.direction = List.of("forward", "reverse", "bidirectional").get(random.nextInt(3));
        ref.batchFirst = random.nextBoolean();
        node.with("direction", ref.direction).with("layout", ref.batchFirst ? 1 : 0);
        if (random.nextBoolean()) {
            node.with("hidden_size", ref.hiddenSize);
        }
        if (ref.op.equals("GRU") && random.nextBoolean()) {
            ref.linearBeforeReset = true;
            node.with("linear_before_reset", 1);
        }
        drawActivations(ref, node, usual);
        if (!usual && random.nextBoolean()) {
            ref.clip = random.nextFloat(0.1f, 2);
            node.with("clip", (float) ref.clip);
        }
        if (!usual && ref.op.endsWith("LSTM") && random.nextBoolean()) {
            ref.inputForget = true;
            node.with("input_forget", 1);
        }
        drawInputs(ref, node, usual, fed);
        return node;
    }

    private void drawActivations(RecurrentReference ref, OneNode node, boolean usual) {
        int each = ref.op.equals("RNN") ? 1 : ref.op.equals("GRU") ? 2 : 3;
        int n = each * ref.directions();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            boolean gate = i % each == 0 && each > 1;
            names.add(usual ? gate ? "Sigmoid" : "Tanh" : ALL.get(random.nextInt(ALL.size())));
        }
        ref.alphas = new double[n];
        ref.betas = new double[n];
        Arrays.fill(ref.alphas, Double.NaN);
        Arrays.fill(ref.betas, Double.NaN);
        ref.activations = names;
        if (!usual) {
            node.with(
                    "activations",
                    names.stream()
                            .map(
                                    s ->
                                            random.nextBoolean()
                                                    ? s
                                                    : s.toUpperCase(java.util.Locale.ROOT))
                            .toList());
            node.with("activation_alpha", drawParameters(names, WITH_ALPHA, ref.alphas));
            node.with("activation_beta", drawParameters(names, WITH_BETA, ref.betas));
        }
    }

    /// A prefix of the parameters that these functions take; the rest keep their defaults.
    private float[] drawParameters(List<String> names, List<String> takers, double[] of) {
        List<Integer> taking = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            if (takers.contains(names.get(i))) {
                taking.add(i);
            }
        }
        float[] values = new float[random.nextInt(taking.size() + 1)];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(0.1f, 0.9f);
            of[taking.get(i)] = values[i];
        }
        return values;
    }

    private void drawInputs(RecurrentReference ref, OneNode node, boolean usual, boolean fed) {
        int d = ref.directions();
        int h = ref.hiddenSize;
        int g = ref.gates();
        ref.x =
                random(
                        1,
                        ref.batchFirst
                                ? new long[] {ref.batch, ref.steps, ref.inputSize}
                                : new long[] {ref.steps, ref.batch, ref.inputSize});
        ref.w = random(1 / Math.sqrt(ref.inputSize), d, g * h, ref.inputSize);
        boolean projected = ref.op.equals("dev.runnel.LSTM");
        int outputs = projected ? random.nextInt(1, h + 1) : h;
        ref.r = random(1 / Math.sqrt(h), d, g * h, outputs);
        ref.b = random.nextInt(4) == 0 ? null : random(0.5, d, 2 * g * h);
        ref.lengths = random.nextBoolean() ? null : lengths(ref);
        ref.h0 = random.nextBoolean() ? null : random(1, state(ref, outputs));
        node.fed(ref.x);
        for (Tensor t : Arrays.asList(ref.w, ref.r, ref.b)) {
            add(node, t, fed);
        }
        add(node, ref.lengths, true);
        add(node, ref.h0, true);
        if (ref.op.endsWith("LSTM")) {
            ref.c0 = random.nextBoolean() ? null : random(1, state(ref, h));
            ref.p = usual || random.nextBoolean() ? null : random(0.5, d, 3 * h);
            add(node, ref.c0, true);
            add(node, ref.p, fed);
        }
        if (projected) {
            ref.projection = random(1 / Math.sqrt(h), d, outputs, h);
            add(node, ref.projection, fed);
        }
        node.outputs(ref.op.endsWith("LSTM") ? 3 : 2);
    }

    private static long[] state(RecurrentReference ref, int size) {
        return ref.batchFirst
                ? new long[] {ref.batch, ref.directions(), size}
                : new long[] {ref.directions(), ref.batch, size};
    }

    private Tensor lengths(RecurrentReference ref) {
        double[] v = new double[ref.batch];
        for (int i = 0; i < v.length; i++) {
            v[i] = random.nextInt(ref.steps + 1);
        }
        return OneNode.tensor(DType.INT32, Shape.of(ref.batch), v);
    }

    private Tensor random(double scale, long... dims) {
        Shape shape = Shape.of(dims);
        float[] v = new float[(int) shape.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) (random.nextFloat(-1, 1) * scale);
        }
        return Tensor.ofFloats(shape, v);
    }

    private static void add(OneNode node, @Nullable Tensor t, boolean fed) {
        if (t == null) {
            node.absent();
        } else if (fed) {
            node.fed(t);
        } else {
            node.constant(t);
        }
    }

    /// What weights of this precision may change in a few steps of a cell of a few units.
    private static double tolerance(Precision precision) {
        return switch (precision) {
            case F32 -> 1e-5;
            case BF16 -> 0.02;
            case INT8 -> 0.04;
        };
    }

    private static void assertClose(String what, Tensor got, double[] want, Precision precision) {
        assertThat(got.elements()).as(what).isEqualTo(want.length);
        for (int i = 0; i < want.length; i++) {
            double bound = tolerance(precision) + 1e-4 * Math.abs(want[i]);
            assertThat(Math.abs(got.getDouble(i) - want[i]))
                    .as("%s[%s] is %s, expected %s", what, i, got.getDouble(i), want[i])
                    .isLessThanOrEqualTo(bound);
        }
    }

    private void check(String op, long seed, boolean usual, boolean fed) {
        check(op, seed, usual, fed, Precision.F32);
    }

    private void check(String op, long seed, boolean usual, boolean fed, Precision precision) {
        random.setSeed(seed);
        RecurrentReference ref = new RecurrentReference();
        ref.op = op;
        OneNode node = draw(ref, usual, fed).weights(precision).rows(rows);
        ref.run();
        List<Tensor> scalar = node.run(Kernels.scalar());
        String what = op + " seed " + seed + " " + precision;
        assertClose(what + " Y", scalar.get(0), ref.y, precision);
        assertClose(what + " Y_h", scalar.get(1), ref.yh, precision);
        if (op.endsWith("LSTM")) {
            assertClose(what + " Y_c", scalar.get(2), ref.yc, precision);
        }
        for (int bits : new int[] {128, 256, 512}) {
            List<Tensor> vector = node.run(Kernels.vector(bits));
            for (int i = 0; i < scalar.size(); i++) {
                assertThat(vector.get(i).data().mismatch(scalar.get(i).data()))
                        .as("%s output %s at %s bits against scalar", what, i, bits)
                        .isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"RNN", "GRU", "LSTM", "dev.runnel.LSTM"})
    void usualCell_withRandomShapes_agreesWithFormulasInEveryKernelSet(String op) {
        for (int seed = 0; seed < 60; seed++) {
            check(op, seed, true, false);
        }
    }

    /// More inputs than the packer reads at a time.
    @ParameterizedTest
    @CsvSource({
        "RNN, F32",
        "GRU, F32",
        "LSTM, F32",
        "dev.runnel.LSTM, F32",
        "GRU, BF16",
        "GRU, INT8",
        "LSTM, INT8",
        "dev.runnel.LSTM, BF16",
        "dev.runnel.LSTM, INT8"
    })
    void largeCell_withRandomShapes_agreesWithFormulasInEveryKernelSet(
            String op, Precision precision) {
        hiddenSizes = new int[] {1100};
        for (int seed = 0; seed < 3; seed++) {
            check(op, seed, true, false, precision);
        }
    }

    /// More steps than share a product with W.
    @ParameterizedTest
    @CsvSource({"RNN, F32", "GRU, F32", "LSTM, F32", "dev.runnel.LSTM, F32", "LSTM, INT8"})
    void longSequence_withRandomShapes_agreesWithFormulasInEveryKernelSet(
            String op, Precision precision) {
        hiddenSizes = new int[] {1, 3, 16, 33};
        mostSteps = 400;
        for (int seed = 4000; seed < 4030; seed++) {
            check(op, seed, true, false, precision);
        }
    }

    /// So few lanes that as many of their steps as can be share one product with W.
    @ParameterizedTest
    @CsvSource({"RNN, F32", "GRU, F32", "LSTM, F32", "dev.runnel.LSTM, F32", "LSTM, INT8"})
    void longSequenceOfOneLane_withRandomShapes_agreesWithFormulasInEveryKernelSet(
            String op, Precision precision) {
        hiddenSizes = new int[] {1, 3, 16, 33};
        mostEntries = 1;
        rows = 1;
        for (int steps : new int[] {65, 127, 128, 129, 256, 300}) {
            fewestSteps = steps;
            mostSteps = steps;
            check(op, 5000 + steps, true, false, precision);
            check(op, 6000 + steps, true, false, precision);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"RNN", "GRU", "LSTM", "dev.runnel.LSTM"})
    void generalCell_withRandomAttributes_agreesWithFormulasInEveryKernelSet(String op) {
        for (int seed = 1000; seed < 1060; seed++) {
            check(op, seed, false, false);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"RNN", "GRU", "LSTM", "dev.runnel.LSTM"})
    void fedWeights_withRandomAttributes_agreeWithFormulasInEveryKernelSet(String op) {
        for (int seed = 2000; seed < 2030; seed++) {
            check(op, seed, seed % 2 == 0, true);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "RNN, BF16",
        "GRU, BF16",
        "LSTM, BF16",
        "dev.runnel.LSTM, BF16",
        "RNN, INT8",
        "GRU, INT8",
        "LSTM, INT8",
        "dev.runnel.LSTM, INT8"
    })
    void narrowWeights_withRandomShapes_areNearTheFormulasAndTheSameInEveryKernelSet(
            String op, Precision precision) {
        for (int seed = 3000; seed < 3060; seed++) {
            check(op, seed, true, false, precision);
        }
    }
}
