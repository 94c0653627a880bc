package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.random.OnnxRuntime;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// An LSTM with projection as ONNX: in ONNX Runtime, and read again.
class ProjectedExportTest {
    private static final int T = 5;
    private static final int N = 2;
    private static final int H = 7;
    private static final int P = 3;

    @TempDir Path folder = Path.of("");

    private static Tensor random(long seed, long... dims) {
        float[] v = new float[(int) Shape.of(dims).elements()];
        Random random = new Random(seed);
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) random.nextGaussian() * 0.5f;
        }
        return Tensor.ofFloats(Shape.of(dims), v);
    }

    private static ValueInfo value(String name, long... dims) {
        return ValueInfo.of(name, new TensorType(DType.FLOAT32, Shape.of(dims)));
    }

    /// @param inputSize H, too: then x might be taken for h
    private static Graph graph(
            String direction, boolean batchFirst, boolean initial, boolean bias, int inputSize) {
        int d = direction.equals("bidirectional") ? 2 : 1;
        Map<String, Tensor> c = new HashMap<>();
        c.put("W", random(1, d, 4 * H, inputSize));
        c.put("R", random(2, d, 4 * H, P));
        c.put("B", random(3, d, 8 * H));
        c.put("proj", random(4, d, P, H));
        List<ValueInfo> inputs = new ArrayList<>();
        List<ValueInfo> outputs = new ArrayList<>();
        if (batchFirst) {
            inputs.add(value("x", N, T, inputSize));
            inputs.addAll(List.of(value("h", N, d, P), value("c", N, d, H)));
            outputs.add(value("y", N, T, d, P));
            outputs.addAll(List.of(value("hn", N, d, P), value("cn", N, d, H)));
        } else {
            inputs.add(value("x", T, N, inputSize));
            inputs.addAll(List.of(value("h", d, N, P), value("c", d, N, H)));
            outputs.add(value("y", T, d, N, P));
            outputs.addAll(List.of(value("hn", d, N, P), value("cn", d, N, H)));
        }
        List<String> reads = new ArrayList<>(List.of("x", "W", "R", bias ? "B" : "", ""));
        reads.addAll(initial ? List.of("h", "c") : List.of("", ""));
        reads.addAll(List.of("", "proj"));
        if (!bias) {
            c.remove("B");
        }
        Map<String, Attribute> attributes = new HashMap<>();
        attributes.put("direction", new Attribute.OfString(direction));
        attributes.put("hidden_size", new Attribute.OfLong(H));
        attributes.put("layout", new Attribute.OfLong(batchFirst ? 1 : 0));
        List<String> yields = List.of("y", "hn", "cn");
        return new Graph(
                "p",
                initial ? inputs : inputs.subList(0, 1),
                outputs,
                c,
                List.of(new Node("lstm", "dev.runnel", "LSTM", reads, yields, attributes)),
                Map.of());
    }

    private static Map<String, Tensor> fed(Graph graph) {
        Map<String, Tensor> fed = new HashMap<>();
        for (ValueInfo v : graph.inputs()) {
            fed.put(
                    v.name(),
                    random(
                            fed.size() + 9,
                            v.dims().stream().mapToLong(ValueInfo.Dim::size).toArray()));
        }
        return fed;
    }

    private static Map<String, Tensor> run(Model model, Graph graph) {
        try (Session session = model.open()) {
            return session.run(fed(graph));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "forward, false, true, true, 4",
        "forward, true, false, true, 7",
        "reverse, false, true, false, 7",
        "reverse, true, true, true, 3",
        "bidirectional, false, false, true, 4",
        "bidirectional, true, true, false, 7",
        "forward, false, false, false, 1",
    })
    void projected_runsInOnnxRuntime_andIsRecognisedAgain(
            String direction, boolean batchFirst, boolean initial, boolean bias, int inputSize)
            throws Exception {
        Graph graph = graph(direction, batchFirst, initial, bias, inputSize);
        Path onnx = folder.resolve("p.onnx");
        Models.write(graph, onnx);
        Options options = Options.defaults().stateless();
        Map<String, Tensor> want;
        try (Model model = Model.compile(graph, options)) {
            want = run(model, graph);
        }
        Map<String, Tensor> ort =
                OnnxRuntime.run(ModelProto.parseFrom(Files.readAllBytes(onnx)), fed(graph));
        want.forEach(
                (name, t) ->
                        assertThat(ort.get(name).toFloats())
                                .as(name)
                                .containsExactly(t.toFloats(), within(1e-6f)));
        try (Model model = Model.compile(Models.read(onnx), options)) {
            Map<String, Tensor> again = run(model, graph);
            want.forEach(
                    (name, t) ->
                            assertThat(again.get(name).toFloats())
                                    .as(name)
                                    .isEqualTo(t.toFloats()));
            int directions = direction.equals("bidirectional") ? 2 : 1;
            assertThat(model.fusions()).hasSize(2 * directions);
            assertThat(model.fusions().getFirst()).startsWith("dev.runnel.LSTM '");
            assertThat(model.describe()).contains("H=7 P=3").doesNotContain("Scan");
        }
    }

    @Test
    void projected_throughOnnx_stepsAsBefore() throws IOException {
        Graph one = graph("forward", false, false, true, 4);
        Graph open =
                new Graph(
                        "p",
                        List.of(
                                new ValueInfo(
                                        "x",
                                        DType.FLOAT32,
                                        List.of(
                                                ValueInfo.Dim.of("T"),
                                                ValueInfo.Dim.of(1),
                                                ValueInfo.Dim.of(4)))),
                        List.of(new ValueInfo("y", DType.FLOAT32, null)),
                        one.initializers(),
                        one.nodes(),
                        Map.of());
        Path onnx = folder.resolve("p.onnx");
        Models.write(open, onnx);
        Options options = Options.defaults().stateful();
        try (Model before = Model.compile(open, options);
                Model after = Model.compile(Models.read(onnx), options)) {
            assertThat(after.stepObstacle()).isEmpty();
            assertThat(after.stateBytes()).isEqualTo(before.stateBytes());
            assertThat(steps(after)).isEqualTo(steps(before));
        }
    }

    private static List<Float> steps(Model model) {
        List<Float> y = new ArrayList<>();
        try (Session session = model.open();
                State state = model.newState()) {
            for (int t = 0; t < 4; t++) {
                for (int i = 0; i < 4; i++) {
                    session.input("x").setAtIndex(ValueLayout.JAVA_FLOAT, i, t - i);
                }
                session.step(state);
                y.add(session.output("y").get(ValueLayout.JAVA_FLOAT, 0));
            }
        }
        return y;
    }

    @Test
    void otherOperatorsOfOurs_areRefused() {
        Node node = new Node("n", "dev.runnel", "Odd", List.of("x"), List.of("y"), Map.of());
        Graph g = graph("forward", false, false, false, 4);
        Graph odd = new Graph("p", g.inputs(), g.outputs(), Map.of(), List.of(node), Map.of());
        assertThatThrownBy(() -> Models.write(odd, folder.resolve("odd.onnx")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "p: node 'n' (dev.runnel.Odd): ONNX has no such operator, and nobody else"
                                + " would run the file; write .rnl");
    }

    @Test
    void whatTheCellHasNot_isRefusedByName() {
        Graph graph = graph("forward", false, true, true, 4);
        Node node = graph.nodes().getFirst();
        refused(graph, node, "clip", new Attribute.OfFloat(3), "clip");
        refused(graph, node, "input_forget", new Attribute.OfLong(1), "input_forget");
        refused(
                graph,
                node,
                "activations",
                new Attribute.OfStrings(List.of("Sigmoid", "Relu", "Tanh")),
                "other activations than Sigmoid, Tanh, Tanh");
        List<String> lengths = new ArrayList<>(node.inputs());
        lengths.set(4, "lengths");
        Node with =
                new Node(
                        node.name(),
                        node.domain(),
                        node.op(),
                        lengths,
                        node.outputs(),
                        node.attributes());
        refused(graph, with, "layout", new Attribute.OfLong(0), "sequence_lens");
    }

    private void refused(Graph graph, Node node, String name, Attribute value, String what) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        attributes.put(name, value);
        Node odd =
                new Node(
                        node.name(),
                        node.domain(),
                        node.op(),
                        node.inputs(),
                        node.outputs(),
                        attributes);
        Graph g =
                new Graph(
                        "p",
                        graph.inputs(),
                        graph.outputs(),
                        graph.initializers(),
                        List.of(odd),
                        Map.of());
        Path onnx = folder.resolve("odd.onnx");
        assertThatThrownBy(() -> Models.write(g, onnx))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "p: node 'lstm' (dev.runnel.LSTM): ONNX has no LSTM with projection; it is"
                                + " written as a Scan, which Runnel does not do for one with "
                                + what
                                + "; write .rnl");
        assertThat(onnx).doesNotExist();
    }
}
