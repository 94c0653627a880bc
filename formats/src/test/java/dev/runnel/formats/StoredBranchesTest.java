package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.random.OnnxRuntime;
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

import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Weights within branches and loops, of graphs around them, and moved on the way to their layer.
class StoredBranchesTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    private static final int I = 5;
    private static final int H = 4;

    @TempDir Path folder = Path.of("");

    private static Tensor random(long seed, long... dims) {
        float[] v = new float[(int) Shape.of(dims).elements()];
        Random random = new Random(seed);
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) random.nextGaussian() * 0.3f;
        }
        return Tensor.ofFloats(Shape.of(dims), v);
    }

    private static Node node(String op, List<String> inputs, String output, Object... attributes) {
        Map<String, Attribute> a = new HashMap<>();
        for (int i = 0; i < attributes.length; i += 2) {
            a.put(
                    (String) attributes[i],
                    switch (attributes[i + 1]) {
                        case Integer v -> new Attribute.OfLong(v);
                        case Graph g -> new Attribute.OfGraph(g);
                        default -> throw new IllegalArgumentException();
                    });
        }
        return new Node(output + "/" + op, "", op, inputs, List.of(output), a);
    }

    private static Graph branch(String output, Map<String, Tensor> constants, List<Node> nodes) {
        ValueInfo y = new ValueInfo(output, DType.FLOAT32, null);
        return new Graph("", List.of(), List.of(y), constants, nodes, Map.of());
    }

    /// Brings PyTorch's gates i, f, g, o into the standard's order i, o, f, g.
    private static List<Node> reordered(String name) {
        List<Node> nodes = new ArrayList<>();
        for (int gate = 0; gate < 4; gate++) {
            List<String> in = List.of(name, "at" + gate, "at" + (gate + 1), "first");
            nodes.add(node("Slice", in, name + "." + gate));
        }
        List<String> parts = List.of(name + ".0", name + ".3", name + ".1", name + ".2");
        nodes.add(node("Concat", parts, name + ".all", "axis", 0));
        nodes.add(node("Unsqueeze", List.of(name + ".all", "first"), name + ".W"));
        return nodes;
    }

    /// An LSTM whose W is the branch's and whose R is of the graph around; else a dense layer whose
    /// matrix is turned.
    private static Graph choice() {
        List<Node> then = new ArrayList<>(reordered("ih"));
        then.addAll(reordered("hh"));
        List<String> reads = List.of("x", "ih.W", "hh.W");
        Map<String, Attribute> size = Map.of("hidden_size", new Attribute.OfLong(H));
        then.add(new Node("lstm", "", "LSTM", reads, List.of("", "h"), size));
        List<Node> otherwise =
                List.of(
                        node("ReduceMean", List.of("x", "first"), "mean"),
                        node("Transpose", List.of("d"), "d.T"),
                        node("MatMul", List.of("mean", "d.T"), "m"));
        Map<String, Tensor> constants = new HashMap<>();
        constants.put("hh", random(1, 4 * H, H));
        constants.put("first", Tensor.ofLongs(Shape.of(1), 0));
        for (int gate = 0; gate <= 4; gate++) {
            constants.put("at" + gate, Tensor.ofLongs(Shape.of(1), (long) gate * H));
        }
        Node choice =
                node(
                        "If",
                        List.of("c"),
                        "y",
                        "then_branch",
                        branch("h", Map.of("ih", random(2, 4 * H, I)), then),
                        "else_branch",
                        branch("m", Map.of("d", random(3, H, I)), otherwise));
        return new Graph(
                "choice",
                List.of(
                        ValueInfo.of("x", new TensorType(DType.FLOAT32, Shape.of(3, 1, I))),
                        ValueInfo.of("c", new TensorType(DType.BOOL, Shape.SCALAR))),
                List.of(ValueInfo.of("y", new TensorType(DType.FLOAT32, Shape.of(1, 1, H)))),
                constants,
                List.of(choice),
                Map.of());
    }

    private static Graph subgraph(Graph g, String attribute) {
        return g.nodes().getLast().attributes().get(attribute) instanceof Attribute.OfGraph(Graph s)
                ? s
                : fail(attribute);
    }

    private static float[] run(Graph graph, Map<String, Tensor> inputs) {
        Options options = Options.defaults().stateless().weights(Precision.F32);
        try (Model model = Model.compile(graph, options);
                Session session = model.open()) {
            return session.run(inputs).get("y").toFloats();
        }
    }

    private static Map<String, Tensor> fed(boolean c) {
        Tensor condition =
                new Tensor(
                        new TensorType(DType.BOOL, Shape.SCALAR),
                        MemorySegment.ofArray(new byte[] {(byte) (c ? 1 : 0)}));
        return Map.of("x", random(9, 3, 1, I), "c", condition);
    }

    @ParameterizedTest
    @EnumSource(StoredPrecision.class)
    void branches_storedInFewerBits_areWhatTheyStandFor(StoredPrecision precision)
            throws Exception {
        Graph stored = precision.store(choice());
        Graph wide = StoredPrecision.F32.store(stored);
        Graph then = subgraph(wide, "then_branch");
        assertThat(then.initializers()).containsOnlyKeys("ih");
        assertThat(then.nodes()).isEqualTo(subgraph(choice(), "then_branch").nodes());
        assertThat(wide.initializers()).containsOnlyKeys(choice().initializers().keySet());
        Path onnx = folder.resolve("stored.onnx");
        Models.write(stored, onnx);
        for (boolean c : new boolean[] {true, false}) {
            float[] y = run(stored, fed(c));
            assertThat(y).isEqualTo(run(wide, fed(c)));
            if (precision != StoredPrecision.F32) {
                assertThat(y).isNotEqualTo(run(choice(), fed(c)));
            }
            assertThat(y).containsExactly(run(choice(), fed(c)), within(3e-2f));
            ModelProto model = ModelProto.parseFrom(Files.readAllBytes(onnx));
            assertThat(y)
                    .containsExactly(
                            OnnxRuntime.run(model, fed(c)).get("y").toFloats(), within(1e-6f));
        }
    }

    @Test
    void int8_hasAScaleForEachSum_whereverItsWeightsWereMovedFrom() {
        Graph stored = StoredPrecision.INT8.store(choice());
        float[] ih = subgraph(stored, "then_branch").initializers().get("ih.scale").toFloats();
        float[] hh = stored.initializers().get("hh.scale").toFloats();
        assertThat(ih).hasSize(4 * H).isEqualTo(hh);
        for (int row = 0; row < 4 * H; row++) {
            assertThat(ih[row]).isEqualTo(Math.max(greatest("ih", row), greatest("hh", row)) / 127);
        }
        assertThat(subgraph(stored, "else_branch").initializers().get("d.scale").shape())
                .isEqualTo(Shape.of(H));
    }

    private static float greatest(String weight, int row) {
        Tensor t = weight.equals("hh") ? random(1, 4 * H, H) : random(2, 4 * H, I);
        int n = t.shape().size(1);
        float max = 0;
        for (int k = 0; k < n; k++) {
            max = Math.max(max, Math.abs((float) t.getDouble((long) row * n + k)));
        }
        return max;
    }

    /// h ← tanh(x · wx + h · wh), from step to step.
    private static Graph scan(int size) {
        List<Node> body =
                List.of(
                        node("MatMul", List.of("x1", "wx"), "a"),
                        node("MatMul", List.of("h0", "wh"), "b"),
                        node("Add", List.of("a", "b"), "s"),
                        node("Tanh", List.of("s"), "h1"),
                        node("Identity", List.of("h1"), "ys"));
        TensorType row = new TensorType(DType.FLOAT32, Shape.of(1, size));
        Graph g =
                new Graph(
                        "body",
                        List.of(ValueInfo.of("h0", row), ValueInfo.of("x1", row)),
                        List.of(ValueInfo.of("h1", row), ValueInfo.of("ys", row)),
                        Map.of("wx", random(4, size, size), "wh", random(5, size, size)),
                        body,
                        Map.of());
        Map<String, Attribute> attributes =
                Map.of(
                        "body",
                        new Attribute.OfGraph(g),
                        "num_scan_inputs",
                        new Attribute.OfLong(1));
        Node scan = new Node("s", "", "Scan", List.of("h", "x"), List.of("", "y"), attributes);
        TensorType x = new TensorType(DType.FLOAT32, Shape.of(3, 1, size));
        return new Graph(
                "scan",
                List.of(ValueInfo.of("h", row), ValueInfo.of("x", x)),
                List.of(ValueInfo.of("y", x)),
                Map.of(),
                List.of(scan),
                Map.of());
    }

    @ParameterizedTest
    @EnumSource(StoredPrecision.class)
    void bodiesOfLoops_areStoredToo_andTheirCellsStillRecognised(StoredPrecision precision) {
        int size = 520; // greater than what is evaluated whatever it is
        Graph stored = precision.store(scan(size));
        Map<String, Tensor> inputs = Map.of("h", random(6, 1, size), "x", random(7, 3, 1, size));
        assertThat(run(stored, inputs)).isEqualTo(run(StoredPrecision.F32.store(stored), inputs));
        if (precision != StoredPrecision.F32) {
            assertThat(subgraph(stored, "body").initializers()).doesNotContainKeys("wx", "wh");
        }
        try (Model model = Model.compile(stored)) {
            assertThat(model.fusions()).hasSize(2);
        }
    }

    @Test
    void parameters_areCountedWhateverTheyAreStoredAs() {
        for (StoredPrecision precision : StoredPrecision.values()) {
            assertThat(precision.store(choice()).parameters()).isEqualTo(choice().parameters());
        }
        assertThat(choice().parameters()).isEqualTo(4 * H * (I + H) + H * I);
    }

    @Test
    void sileroV6_whoseWeightsAreInBranches_shrinks() throws Exception {
        Path model = SHARED.resolve("models/silero_vad_v6/model.onnx");
        assumeTrue(Files.isRegularFile(model), "no test data: " + model + " is missing");
        Graph graph = Models.read(model);
        long lstms = 2 * 4 * 128 * 256; // weights of the two
        for (StoredPrecision precision : List.of(StoredPrecision.BF16, StoredPrecision.INT8)) {
            Path rnl = folder.resolve("small.rnl");
            Models.write(precision.store(graph), rnl);
            long saved = lstms * (precision == StoredPrecision.INT8 ? 3 : 2);
            assertThat(Files.size(model) - Files.size(rnl)).isBetween(saved - 50_000, saved);
        }
    }
}
