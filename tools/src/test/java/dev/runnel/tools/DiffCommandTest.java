package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.Models;
import dev.runnel.formats.TensorFile;
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

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class DiffCommandTest {
    private static final TensorType ROW = new TensorType(DType.FLOAT32, Shape.of(1, 2));

    @TempDir private Path temp;

    private static Graph graph(Map<String, Tensor> tensors, List<Node> nodes) {
        return new Graph(
                "g",
                List.of(ValueInfo.of("x", ROW)),
                List.of(ValueInfo.of("y", ROW)),
                tensors,
                nodes,
                Map.of());
    }

    private static Node node(String name, String op, Map<String, Attribute> attributes) {
        return new Node(name, "", op, List.of("x", "w"), List.of(name + "_out"), attributes);
    }

    private static String diff(ModelFile a, ModelFile b) {
        return Difference.between("A", a, "B", b).text();
    }

    private static String diff(Graph a, Graph b) {
        return diff(new ModelFile.OfGraph(a), new ModelFile.OfGraph(b));
    }

    private static String diff(Map<String, Tensor> a, Map<String, Tensor> b) {
        return diff(
                new ModelFile.OfWeights(new Checkpoint("a", a, Map.of())),
                new ModelFile.OfWeights(new Checkpoint("b", b, Map.of())));
    }

    private static Map<String, Tensor> map(Object... namesAndTensors) {
        Map<String, Tensor> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndTensors.length; i += 2) {
            map.put((String) namesAndTensors[i], (Tensor) namesAndTensors[i + 1]);
        }
        return map;
    }

    private static Tensor floats(float... values) {
        return Tensor.ofFloats(Shape.of(values.length), values);
    }

    @Test
    void sameContent_isEqual() throws IOException {
        Path a = TinyModels.shift(temp.resolve("a"));
        Path b = TinyModels.shift(temp.resolve("b"));
        assertThat(Captured.of("diff", a, b))
                .isEqualTo(
                        new Captured(
                                0,
                                """
                                a  %s  1 nodes, 1 tensors, 2 parameters
                                b  %s  1 nodes, 1 tensors, 2 parameters
                                1 tensor is the same
                                """
                                        .formatted(a, b),
                                ""));
    }

    /// As inspect and convert count them, those in attributes included.
    @Test
    void parameters_areThoseOfTheGraph() throws IOException {
        Graph graph =
                new Graph(
                        "fill",
                        List.of(new ValueInfo("n", DType.INT64, List.of(ValueInfo.Dim.of(1)))),
                        List.of(new ValueInfo("y", DType.FLOAT32, null)),
                        Map.of(),
                        List.of(
                                new Node(
                                        "fill",
                                        "",
                                        "ConstantOfShape",
                                        List.of("n"),
                                        List.of("y"),
                                        Map.of("value", new Attribute.OfTensor(floats(3))))),
                        Map.of());
        Path file = temp.resolve("fill.onnx");
        Models.write(graph, file);
        assertThat(Captured.of("inspect", file, "--file-only").out()).contains("parameters\n  1\n");
        assertThat(Captured.of("diff", file, file).out()).contains(" 0 tensors, 1 parameters\n");
    }

    @Test
    void differences_exitWithOne_troubleWithTwo() throws IOException {
        Path a = TinyModels.shift(temp.resolve("a"));
        Path b = TinyModels.product(temp.resolve("b"));
        Captured c = Captured.of("diff", a, b);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.out())
                .endsWith(
                        """
                        inputs
                          ~ x  float32[batch, 2] → float32[1, 2]
                        outputs
                          ~ y  float32[batch, 2] → float32[1, 2]
                        operators
                          ~ Add  1 → 0
                          ~ MatMul  0 → 1
                        nodes
                          ~ Add_y  Add: operator Add → MatMul
                        tensors
                          ~ w  float32[2] → float32[2, 2]
                        0 tensors are the same
                        """);
        assertThat(Captured.of("diff", a, temp.resolve("none")))
                .isEqualTo(
                        new Captured(
                                2,
                                "",
                                "runnel diff: " + temp.resolve("none") + ": no such file\n"));
        Path garbage = Files.write(temp.resolve("garbage"), new byte[] {1, 2, 3});
        assertThat(Captured.of("diff", garbage, a).exit()).isEqualTo(2);
        assertThat(Captured.of("diff", a).exit()).isEqualTo(2);
    }

    @Test
    void values_haveTheirLargestDifference() {
        assertThat(diff(map("w", floats(1, -4, 2)), map("w", floats(1, -4, 2.5f))))
                .contains("\n  ~ w  float32[3]  max |Δ| 0.50  relative 0.13\n0 tensors are");
        assertThat(diff(map("w", floats(1, Float.NaN)), map("w", floats(1, Float.NaN))))
                .contains("1 tensor is the same");
        assertThat(diff(map("w", floats(1, Float.NaN)), map("w", floats(1, 2))))
                .contains("~ w  float32[2]  max |Δ| Infinity");
        assertThat(diff(map("w", floats(0)), map("w", floats(-0f))))
                .contains("1 tensor is the same");
    }

    @Test
    void typeAlone_isADifference() {
        Tensor doubles = Tensor.ofDoubles(Shape.of(2), 1, 2);
        assertThat(diff(map("w", floats(1, 2)), map("w", doubles)))
                .contains("~ w  float32[2] → float64[2]  max |Δ| 0.0  relative 0.0");
    }

    @Test
    void tensorsOfOtherNames_areFoundByContent() {
        Tensor w = Tensor.ofFloats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor wt = Tensor.ofFloats(Shape.of(3, 2), 1, 4, 2, 5, 3, 6);
        Tensor boxed = Tensor.ofFloats(Shape.of(1, 4), 9, 8, 7, 6);
        Tensor zeros = floats(0, 0, 0, 0);
        String text =
                diff(
                        map(
                                "a",
                                w,
                                "b",
                                floats(9, 8, 7, 6),
                                "z1",
                                zeros,
                                "z2",
                                zeros,
                                "s",
                                floats(1)),
                        map("A", wt, "B", boxed, "Z", zeros, "S", floats(1)));
        assertThat(text)
                .contains(
                        """
                        tensors
                          - z1  float32[4]
                          - z2  float32[4]
                          - s  float32[1]
                          + Z  float32[4]
                          + S  float32[1]
                          = b → B  float32[4] → float32[1, 4]
                          = a → A  float32[2, 3] → float32[3, 2]
                        """);
    }

    @Test
    void attributes_areCompared() {
        Map<String, Tensor> w = map("w", floats(1, 2));
        Node a =
                node(
                        "n",
                        "LSTM",
                        Map.of(
                                "hidden_size",
                                new Attribute.OfLong(8),
                                "direction",
                                new Attribute.OfString("forward")));
        Node b =
                node(
                        "n",
                        "LSTM",
                        Map.of(
                                "hidden_size",
                                new Attribute.OfLong(16),
                                "clip",
                                new Attribute.OfFloat(3)));
        assertThat(diff(graph(w, List.of(a)), graph(w, List.of(b))))
                .contains(
                        "  ~ n  LSTM: clip absent → 3.0, direction 'forward' → absent, hidden_size"
                                + " 8 → 16\n");
    }

    @Test
    void nodesOfOtherNames_areFoundByWhatTheyYield() {
        Node a = new Node("made_up_1", "", "Add", List.of("x", "w"), List.of("y"), Map.of());
        Node b = new Node("made_up_2", "", "Add", List.of("x", "w"), List.of("y"), Map.of());
        Map<String, Tensor> w = map("w", floats(1, 2));
        assertThat(diff(graph(w, List.of(a)), graph(w, List.of(b))))
                .endsWith("2 parameters\n1 tensor is the same\n");
    }

    @Test
    void subgraphs_areLookedInto() {
        Node inner1 = new Node("inner", "", "Add", List.of("x", "v"), List.of("z"), Map.of());
        Node inner2 = new Node("inner", "", "Mul", List.of("x", "v"), List.of("z"), Map.of());
        String text =
                diff(
                        graph(Map.of(), List.of(choice(inner1, floats(1, 2)))),
                        graph(Map.of(), List.of(choice(inner2, floats(1, 3)))));
        assertThat(text)
                .contains(
                        "  ~ if.then_branch/inner  Add: operator Add → Mul\n",
                        "  ~ if.then_branch/v  float32[2]  max |Δ| 1.0  relative 0.50\n");
    }

    private static Node choice(Node inner, Tensor v) {
        Graph branch =
                new Graph(
                        "then",
                        List.of(),
                        List.of(ValueInfo.of("z", ROW)),
                        Map.of("v", v),
                        List.of(inner),
                        Map.of());
        return new Node(
                "if",
                "",
                "If",
                List.of("c"),
                List.of("y"),
                Map.of("then_branch", new Attribute.OfGraph(branch)));
    }

    @Test
    void weightsAndGraph_areComparedByWeights() throws IOException {
        Path model = TinyModels.shift(temp);
        Path array = temp.resolve("w.npy");
        TensorFile.writeNpy(array, floats(10, 20));
        Captured c = Captured.of("diff", model, array);
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .contains("w.npy  weights without a graph, 1 tensors, 2 parameters\n")
                .endsWith("1 tensor is the same\nonly weights were compared: b has no graph\n");
    }

    @Test
    void json_hasTheSameFacts() throws IOException {
        Path a = temp.resolve("w.npy");
        TensorFile.writeNpy(a, floats(1, 2));
        Path b = Files.createDirectory(temp.resolve("b")).resolve("w.npy");
        TensorFile.writeNpy(b, floats(1, 4));
        Captured c = Captured.of("diff", a, b, "--json");
        assertThat(c.exit()).isEqualTo(1);
        JsonNode json = new ObjectMapper().readTree(c.out());
        assertThat(json.fieldNames())
                .toIterable()
                .containsExactly(
                        "equal",
                        "a",
                        "b",
                        "inputs",
                        "outputs",
                        "operators",
                        "nodes",
                        "tensors",
                        "equal_tensors");
        assertThat(json.get("equal").asBoolean()).isFalse();
        assertThat(json.at("/tensors/0").toString())
                .isEqualTo(
                        "{\"change\":\"changed\",\"a\":\"w\",\"b\":\"w\",\"type_a\":\"float32[2]\","
                                + "\"type_b\":\"float32[2]\",\"max_abs\":2.0,\"relative\":1.0}");
        assertThat(json.at("/a/parameters").asInt()).isEqualTo(2);
    }
}
