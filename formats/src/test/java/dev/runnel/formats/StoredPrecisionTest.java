package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Weights stored in fewer bits are what the definition says, in our files and in ONNX Runtime.
class StoredPrecisionTest {
    @TempDir Path folder = Path.of("");

    private static final int I = 5;
    private static final int H = 7;

    private static Tensor random(long seed, long... dims) {
        Shape shape = Shape.of(dims);
        float[] v = new float[(int) shape.elements()];
        Random random = new Random(seed);
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) random.nextGaussian() * 0.3f;
        }
        return Tensor.ofFloats(shape, v);
    }

    /// GRU in both directions, then MatMul and Gemm.
    private static Graph network() {
        Map<String, Tensor> c = new HashMap<>();
        c.put("W", random(1, 2, 3 * H, I));
        c.put("R", random(2, 2, 3 * H, H));
        c.put("M", random(3, H, 4));
        c.put("G", random(4, 3, 4));
        c.put("shape", Tensor.ofLongs(Shape.of(2), 2, H));
        List<Node> nodes =
                List.of(
                        new Node(
                                "gru",
                                "",
                                "GRU",
                                List.of("x", "W", "R"),
                                List.of("", "h"),
                                Map.of(
                                        "hidden_size", new Attribute.OfLong(H),
                                        "linear_before_reset", new Attribute.OfLong(1),
                                        "direction", new Attribute.OfString("bidirectional"))),
                        new Node("r", "", "Reshape", List.of("h", "shape"), List.of("a"), Map.of()),
                        new Node("m", "", "MatMul", List.of("a", "M"), List.of("b"), Map.of()),
                        new Node(
                                "g",
                                "",
                                "Gemm",
                                List.of("b", "G"),
                                List.of("y"),
                                Map.of("transB", new Attribute.OfLong(1))));
        TensorType x = new TensorType(DType.FLOAT32, Shape.of(3, 1, I));
        TensorType y = new TensorType(DType.FLOAT32, Shape.of(2, 3));
        return new Graph(
                "network",
                List.of(ValueInfo.of("x", x)),
                List.of(ValueInfo.of("y", y)),
                c,
                nodes,
                Map.of());
    }

    /// What ONNX Runtime computes of a model: its optimiser, which would replace DequantizeLinear
    /// and MatMul by products of integers, is off.
    private static Map<String, float[]> onnxRuntime(Path model) throws OrtException {
        OrtEnvironment e = OrtEnvironment.getEnvironment();
        float[] x = random(9, 3, 1, I).toFloats();
        Map<String, float[]> outputs = new HashMap<>();
        try (OrtSession.SessionOptions plain = new OrtSession.SessionOptions()) {
            plain.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            try (OrtSession session = e.createSession(model.toString(), plain);
                    OnnxTensor in =
                            OnnxTensor.createTensor(e, FloatBuffer.wrap(x), new long[] {3, 1, I});
                    OrtSession.Result result = session.run(Map.of("x", in))) {
                for (Map.Entry<String, OnnxValue> output : result) {
                    FloatBuffer b = ((OnnxTensor) output.getValue()).getFloatBuffer();
                    float[] v = new float[b.remaining()];
                    b.get(v);
                    outputs.put(output.getKey(), v);
                }
            }
        }
        return outputs;
    }

    @ParameterizedTest
    @EnumSource(StoredPrecision.class)
    void onnxRuntime_computesWithTheSameValues(StoredPrecision precision) throws Exception {
        Path rnl = folder.resolve("stored.rnl");
        Models.write(precision.store(network()), rnl);
        Graph stored = Models.read(rnl);
        Graph wide = StoredPrecision.F32.store(stored);
        Path storedFile = folder.resolve("stored.onnx");
        Path wideFile = folder.resolve("wide.onnx");
        Models.write(precision == StoredPrecision.F32 ? stored : withWeights(stored), storedFile);
        Models.write(wide, wideFile);
        Map<String, float[]> got = onnxRuntime(storedFile);
        // Not to the bit: it multiplies by an initializer otherwise than by what a node yields.
        assertThat(got.get("y")).containsExactly(onnxRuntime(wideFile).get("y"), within(1e-6f));
        got.keySet().remove("y");
        got.forEach(
                (name, values) ->
                        assertThat(values)
                                .as(name)
                                .isEqualTo(wide.initializers().get(name).toFloats()));
        assertThat(got).hasSize(precision == StoredPrecision.F32 ? 0 : 4);
    }

    /// The graph with what its weights stand for among the outputs.
    private static Graph withWeights(Graph g) {
        List<ValueInfo> outputs = new ArrayList<>(g.outputs());
        for (String name : List.of("W", "R", "M", "G")) {
            outputs.add(ValueInfo.of(name, network().initializers().get(name).type()));
        }
        return new Graph(g.name(), g.inputs(), outputs, g.initializers(), g.nodes(), g.metadata());
    }

    @ParameterizedTest
    @EnumSource(StoredPrecision.class)
    void storedAndReadAgain_isTheSameToTheBit(StoredPrecision precision) throws IOException {
        Graph stored = precision.store(network());
        Path rnl = folder.resolve("stored.rnl");
        Models.write(stored, rnl);
        Graphs.assertSameNetwork(Models.read(rnl), stored);
        Graphs.assertSameNetwork(precision.store(stored), stored);
        Graph wide = StoredPrecision.F32.store(stored);
        assertThat(wide.initializers().keySet()).isEqualTo(network().initializers().keySet());
        assertThat(wide.nodes()).isEqualTo(network().nodes());
    }

    private static float[] run(Graph graph, Options options) {
        Tensor x = random(9, 3, 1, I);
        try (Model model = Model.compile(graph, options.stateless());
                Session session = model.open()) {
            return session.run(Map.of("x", x)).get("y").toFloats();
        }
    }

    private static String plan(Graph graph, Options options) {
        try (Model model = Model.compile(graph, options.stateless())) {
            return model.describe();
        }
    }

    /// The rows of W and R are one sum in either layer, so those of both R follow W's.
    @Test
    void weightsThatTwoLayersShare_haveTheScalesOfBoth() {
        Map<String, Tensor> constants = new HashMap<>();
        constants.put("w", filled(0.5f));
        constants.put("r1", filled(0.25f));
        constants.put("r2", filled(1));
        List<Node> nodes = new ArrayList<>();
        List<ValueInfo> outputs = new ArrayList<>();
        for (String r : List.of("r1", "r2")) {
            List<String> in = List.of("x", "w", r);
            nodes.add(
                    new Node(
                            r,
                            "",
                            "LSTM",
                            in,
                            List.of("y" + r),
                            Map.of("hidden_size", new Attribute.OfLong(2))));
            outputs.add(new ValueInfo("y" + r, DType.FLOAT32, null));
        }
        Graph graph =
                new Graph(
                        "shared",
                        List.of(
                                ValueInfo.of(
                                        "x", new TensorType(DType.FLOAT32, Shape.of(1, 1, 2)))),
                        outputs,
                        constants,
                        nodes,
                        Map.of());
        Graph stored = StoredPrecision.INT8.store(graph);
        for (String name : List.of("w", "r1", "r2")) {
            assertThat(stored.initializers().get(name + ".scale").toFloats())
                    .as(name)
                    .containsOnly(1 / 127f);
        }
    }

    private static Tensor filled(float value) {
        float[] values = new float[16];
        java.util.Arrays.fill(values, value);
        return Tensor.ofFloats(Shape.of(1, 8, 2), values);
    }

    @Test
    void shapeBeyondAllMemory_isLeftToTheCompiler() {
        Tensor half =
                new Tensor(new TensorType(DType.FLOAT16, Shape.of(1)), Arena.ofAuto().allocate(2));
        Graph graph =
                new Graph(
                        "large",
                        List.of(),
                        List.of(new ValueInfo("y", DType.FLOAT32, null)),
                        Map.of("h", half, "shape", Tensor.ofLongs(Shape.of(2), 1L << 40, 1L << 40)),
                        List.of(
                                new Node(
                                        "c",
                                        "",
                                        "Cast",
                                        List.of("h"),
                                        List.of("w"),
                                        Map.of("to", new Attribute.OfLong(1))),
                                new Node(
                                        "r",
                                        "",
                                        "Reshape",
                                        List.of("w", "shape"),
                                        List.of("y"),
                                        Map.of())),
                        Map.of());
        assertThat(StoredPrecision.F32.store(graph).nodes()).hasSize(1);
    }

    @Test
    void kernels_followTheFile_withTheVeryNumbers() {
        Options usual = Options.defaults();
        Graph bf16 = StoredPrecision.BF16.store(network());
        assertThat(run(bf16, usual)).isEqualTo(run(network(), usual.weights(Precision.BF16)));
        assertThat(run(bf16, usual)).isEqualTo(run(StoredPrecision.F32.store(bf16), usual));
        assertThat(plan(bf16, usual)).containsPattern("GRU.* BF16").contains("bytes BF16");
        Graph int8 = StoredPrecision.INT8.store(network());
        Graph wide = StoredPrecision.F32.store(int8);
        assertThat(run(int8, usual)).isEqualTo(run(wide, usual));
        Options asked = usual.weights(Precision.INT8);
        assertThat(run(int8, asked)).isEqualTo(run(wide, asked));
        assertThat(plan(int8, usual)).doesNotContain("INT8");
        Graph f16 = StoredPrecision.F16.store(network());
        assertThat(run(f16, usual)).isEqualTo(run(StoredPrecision.F32.store(f16), usual));
        assertThat(plan(f16, usual)).doesNotContain("INT8", "BF16");
    }

    @Test
    void optionsThatAskForAPrecision_goBeforeTheFile() {
        Options f32 = Options.defaults().weights(Precision.F32);
        for (StoredPrecision p : StoredPrecision.values()) {
            Graph stored = p.store(network());
            assertThat(run(stored, f32)).isEqualTo(run(StoredPrecision.F32.store(stored), f32));
            assertThat(plan(stored, f32)).doesNotContain("INT8", "BF16");
        }
        Graph bf16 = StoredPrecision.BF16.store(network());
        assertThat(plan(bf16, f32.weights(Precision.INT8))).contains("INT8");
    }

    @Test
    void bf16_isTheNearest_tiesToEven() {
        float[] got =
                stored(
                        StoredPrecision.BF16,
                        1 + 0x1p-8f,
                        1 + 0x3p-8f,
                        1 + 0x1.01p-8f,
                        -0f,
                        Float.NaN,
                        0x1p-133f);
        assertThat(got).containsExactly(1, 1 + 0x1p-6f, 1 + 0x1p-7f, -0f, Float.NaN, 0x1p-133f);
    }

    @Test
    void f16_isTheNearest_andStaysFloat32BeyondItsRange() {
        assertThat(stored(StoredPrecision.F16, 1 + 0x1p-11f, 1 + 0x3p-11f, 65504f, 0x1p-24f))
                .containsExactly(1, 1 + 0x1p-9f, 65504f, 0x1p-24f);
        assertThat(stored(StoredPrecision.F16, 1, 65520f)).containsExactly(1, 65520f);
    }

    /// What a MatMul's `[1, n]` weights become.
    private static float[] stored(StoredPrecision precision, float... w) {
        Graph graph = matMul(Tensor.ofFloats(Shape.of(1, w.length), w));
        Graph wide = StoredPrecision.F32.store(precision.store(graph));
        return wide.initializers().get("w").toFloats();
    }

    private static Graph matMul(Tensor w) {
        TensorType x = new TensorType(DType.FLOAT32, Shape.of(1, w.shape().dim(0)));
        TensorType y = new TensorType(DType.FLOAT32, Shape.of(1, w.shape().dim(1)));
        Node node = new Node("m", "", "MatMul", List.of("x", "w"), List.of("y"), Map.of());
        return new Graph(
                "m",
                List.of(ValueInfo.of("x", x)),
                List.of(ValueInfo.of("y", y)),
                Map.of("w", w),
                List.of(node),
                Map.of());
    }

    @Test
    void int8_hasAScaleForEachColumnOfMatMul() {
        Tensor w = Tensor.ofFloats(Shape.of(2, 3), 127, 1, 0, 63.4f, -2, 0);
        Graph graph = StoredPrecision.INT8.store(matMul(w));
        assertThat(graph.initializers().get("w.int8").toLongs())
                .containsExactly(127, 64, 0, 63, -127, 0);
        assertThat(graph.initializers().get("w.scale").toFloats()).containsExactly(1, 2f / 127, 0);
        assertThat(graph.nodes().getFirst().toString())
                .isEqualTo("node 'w/DequantizeLinear' (DequantizeLinear)");
    }

    @Test
    void int8_ofInfinitiesAndNan_staysFloat32() {
        for (float odd : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            Graph graph = matMul(Tensor.ofFloats(Shape.of(2, 1), 1, odd));
            Graphs.assertSameNetwork(StoredPrecision.INT8.store(graph), graph);
        }
    }

    @Test
    void int8_sharesTheScaleOfRowsThatAreOneSum() {
        Graph graph = StoredPrecision.INT8.store(network());
        float[] w = graph.initializers().get("W.scale").toFloats();
        float[] r = graph.initializers().get("R.scale").toFloats();
        for (int i = 0; i < w.length; i++) {
            boolean apart = i % (3 * H) >= 2 * H; // what r is multiplied with
            assertThat(w[i] == r[i]).as("row " + i).isEqualTo(!apart);
        }
    }

    @Test
    void weightsOfBranches_areStoredToo() {
        Node m = new Node("m", "", "MatMul", List.of("x", "v"), List.of("z"), Map.of());
        Graph branch =
                new Graph(
                        "",
                        List.of(),
                        List.of(new ValueInfo("z", DType.FLOAT32, null)),
                        Map.of("v", random(5, 3, 2)),
                        List.of(m),
                        Map.of());
        Node node =
                new Node(
                        "if",
                        "",
                        "If",
                        List.of("c"),
                        List.of("y"),
                        Map.of("then_branch", new Attribute.OfGraph(branch)));
        Graph graph = new Graph("g", List.of(), List.of(), Map.of(), List.of(node), Map.of());
        Graph stored = StoredPrecision.BF16.store(graph);
        Graph inner =
                ((Attribute.OfGraph) stored.nodes().getFirst().attributes().get("then_branch"))
                        .value();
        assertThat(inner.initializers()).containsOnlyKeys("v.bf16");
        Graph wide = StoredPrecision.F32.store(stored);
        assertThat(StoredPrecision.BF16.store(wide).nodes()).hasSize(1);
    }

    @Test
    void sizes_areWhatTheyPromise() throws IOException {
        Graph graph = matMul(random(6, 512, 512));
        long[] sizes = new long[4];
        for (StoredPrecision p : StoredPrecision.values()) {
            Path file = folder.resolve(p + ".rnl");
            Models.write(p.store(graph), file);
            sizes[p.ordinal()] = Files.size(file);
        }
        assertThat(sizes[0]).isBetween(1L << 20, (1L << 20) + 1000);
        assertThat(sizes[1]).isEqualTo(sizes[2]).isBetween(1L << 19, (1L << 19) + 1000);
        assertThat(sizes[3]).isBetween(1L << 18, (1L << 18) + 2048 + 1000);
    }
}
