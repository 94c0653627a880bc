package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Random;

/// What is refused when compiling, word for word, and what is worked out.
class CompileTest {
    private static void assertRefused(
            Graph graph, Class<? extends RuntimeException> type, String message) {
        assertThatThrownBy(() -> Model.compile(graph)).isInstanceOf(type).hasMessage(message);
    }

    private static GraphBuilder identity() {
        return new GraphBuilder("m.onnx")
                .input("x", DType.FLOAT32, 2)
                .output("y", DType.FLOAT32, 2)
                .node("Identity", "x", "y");
    }

    @Test
    void cycle_isRefused() {
        assertRefused(
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, 2)
                        .output("a", DType.FLOAT32, 2)
                        .node("Add", "x b", "a")
                        .node("Neg", "a", "b")
                        .build(),
                MalformedModelException.class,
                "m.onnx: node 'Add_a' (Add) depends on its own output: the graph has a cycle");
    }

    @Test
    void missingTensor_isRefused() {
        assertRefused(
                identity().node("Add", "x nowhere", "z").build(),
                MalformedModelException.class,
                "m.onnx: node 'Add_z' (Add): input 'nowhere' is produced by no node and is no input"
                        + " or initializer");
    }

    @Test
    void missingOutput_isRefused() {
        assertRefused(
                identity().output("z", DType.FLOAT32, 2).build(),
                MalformedModelException.class,
                "m.onnx: output 'z' is produced by no node");
    }

    @Test
    void tensorProducedTwice_isRefused() {
        assertRefused(
                identity().node("Neg", "x", "y").build(),
                MalformedModelException.class,
                "m.onnx: tensor 'y' is produced twice, by node 'Identity_y' (Identity) and by node"
                        + " 'Neg_y' (Neg)");
    }

    @Test
    void inputProducedByANode_isRefused() {
        assertRefused(
                identity().node("Neg", "y", "x").build(),
                MalformedModelException.class,
                "m.onnx: tensor 'x' is produced by node 'Neg_x' (Neg), but is also an input");
    }

    @Test
    void inputDeclaredTwice_isRefused() {
        assertRefused(
                identity().input("x", DType.FLOAT32, 2).build(),
                MalformedModelException.class,
                "m.onnx: input 'x' is declared twice or is also an initializer");
    }

    @Test
    void unknownOperator_isRefused() {
        assertRefused(
                identity().node("Attention", "x", "z").build(),
                UnsupportedModelException.class,
                "m.onnx: node 'Attention_z' (Attention): operator not supported; docs/formats.md"
                        + " lists those that are");
    }

    @Test
    void unknownAttribute_isRefused() {
        assertRefused(
                identity().node("Neg", "x", "z", Map.of("speed", new Attribute.OfLong(3))).build(),
                UnsupportedModelException.class,
                "m.onnx: node 'Neg_z' (Neg): attribute 'speed' is not known to this operator;"
                        + " docs/formats.md lists what is");
    }

    @Test
    void recurrentWeightsOfWrongShape_areRefused() {
        Random random = new Random(1);
        assertRefused(
                new GraphBuilder("vad.onnx")
                        .input("x", DType.FLOAT32, "T", 1, 4)
                        .output("y", DType.FLOAT32, "T", 1, 1, 8)
                        .weights("w", random, 1, 32, 4)
                        .weights("r", random, 1, 32, 7)
                        .node("LSTM", "x w r", "y", Map.of("hidden_size", new Attribute.OfLong(8)))
                        .build(),
                MalformedModelException.class,
                "vad.onnx: node 'LSTM_y' (LSTM): R has shape [1, 32, 7], expected [1, 32, 8] = [D,"
                        + " 4·H, H] for hidden_size=8");
    }

    @Test
    void constantOfAsMuchAsTheFileNeverHad_isRefused() {
        assertRefused(
                new GraphBuilder("m.onnx")
                        .output("y", DType.FLOAT32, "n")
                        .constant("shape", Tensor.ofLongs(Shape.of(1), 1L << 40))
                        .node("ConstantOfShape", "shape", "y")
                        .build(),
                UnsupportedModelException.class,
                "m.onnx: node 'ConstantOfShape_y' (ConstantOfShape): yields float32[1099511627776],"
                        + " 4398046511104 bytes; the limit is 1073741824 (Options.memoryLimit)");
    }

    @Test
    void bidirectional_runsButDoesNotStep() {
        Random random = new Random(1);
        Graph graph =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, "T", 1, 4)
                        .output("y", DType.FLOAT32, "T", 2, 1, 8)
                        .weights("w", random, 2, 32, 4)
                        .weights("r", random, 2, 32, 8)
                        .node(
                                "LSTM",
                                "x w r",
                                "y",
                                Map.of(
                                        "hidden_size", new Attribute.OfLong(8),
                                        "direction", new Attribute.OfString("bidirectional")))
                        .build();
        try (Model model = Model.compile(graph, Options.defaults().stateful());
                Session session = model.open()) {
            String obstacle =
                    "cannot step: node 'LSTM_y' (LSTM) is bidirectional and needs the whole"
                            + " sequence; call run(x, y)";
            assertThat(model.stepObstacle()).contains(obstacle);
            assertThatThrownBy(session::step)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(obstacle);
            Tensor x = Tensor.ofFloats(Shape.of(6, 1, 4), new float[24]);
            assertThat(session.run(Map.of("x", x)).get("y").shape())
                    .isEqualTo(Shape.of(6, 2, 1, 8));
        }
    }

    @Test
    void reduceOverTime_runsButDoesNotStep() {
        Graph graph =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, "T", 1, 4)
                        .output("y", DType.FLOAT32, "T", 1, 1, 4)
                        .weights("w", new Random(1), 1, 16, 4)
                        .weights("r", new Random(2), 1, 16, 4)
                        .constant("zero", Tensor.ofLongs(Shape.of(1), 0))
                        .node("ReduceMean", "x zero", "mean")
                        .node("Sub", "x mean", "centred")
                        .node("LSTM", "centred w r", "y")
                        .build();
        try (Model model = Model.compile(graph, Options.defaults().stateful())) {
            assertThat(model.stepObstacle().orElseThrow())
                    .startsWith("cannot step: node 'ReduceMean_mean' (ReduceMean) ");
        }
    }

    @Test
    void valueThatDecidesAShape_isPlannedFor() {
        Graph graph =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, 6)
                        .input("shape", DType.INT64, 2)
                        .output("y", DType.FLOAT32, "a", "b")
                        .node("Reshape", "x shape", "y")
                        .build();
        try (Model model = Model.compile(graph);
                Session session = model.open()) {
            assertThat(model.stepObstacle().orElseThrow())
                    .isEqualTo(
                            "cannot step: the plan of node 'Reshape_y' (Reshape) depends on the"
                                + " value of input 'shape'; fix it with Options.bind, or call run");
            Tensor x = Tensor.ofFloats(Shape.of(6), 1, 2, 3, 4, 5, 6);
            for (long[] s : new long[][] {{2, 3}, {3, -1}, {2, 3}}) {
                Tensor y =
                        session.run(Map.of("x", x, "shape", Tensor.ofLongs(Shape.of(2), s)))
                                .get("y");
                assertThat(y.shape().dim(0)).isEqualTo(s[0]);
                assertThat(y.toFloats()).isEqualTo(x.toFloats());
            }
        }
    }

    private static Graph choice() {
        Graph then =
                new GraphBuilder("then")
                        .output("a", DType.FLOAT32, 2)
                        .node("Neg", "x", "a")
                        .build();
        Graph otherwise =
                new GraphBuilder("else")
                        .output("a", DType.FLOAT32, 2)
                        .node("Add", "x x", "a")
                        .build();
        return new GraphBuilder("m.onnx")
                .input("x", DType.FLOAT32, 2)
                .input("yes", DType.BOOL)
                .output("y", DType.FLOAT32, 2)
                .node(
                        "If",
                        "yes",
                        "y",
                        Map.of(
                                "then_branch", new Attribute.OfGraph(then),
                                "else_branch", new Attribute.OfGraph(otherwise)))
                .build();
    }

    @Test
    void branch_isChosenForEachRow() {
        try (Model model = Model.compile(choice());
                Session session = model.open(3)) {
            for (int r = 0; r < 3; r++) {
                session.input("x", r).set(java.lang.foreign.ValueLayout.JAVA_FLOAT, 0, r + 1);
                session.input("yes", r)
                        .set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0, (byte) (r % 2));
            }
            session.step();
            assertThat(session.output("y").toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT))
                    .containsExactly(2, 0, -2, -0f, 6, 0);
        }
    }

    @Test
    void branchOfABoundInput_isFolded() {
        try (Model model = Model.compile(choice(), Options.defaults().bind("yes", 1));
                Session session = model.open()) {
            assertThat(model.inputs()).extracting(Port::name).containsExactly("x");
            assertThat(model.describe()).contains("Neg").doesNotContain("If").doesNotContain("Add");
            Tensor x = Tensor.ofFloats(Shape.of(2), 1, 2);
            assertThat(session.run(Map.of("x", x)).get("y").toFloats()).containsExactly(-1, -2);
        }
    }

    @Test
    void wrongInputsAtRunTime_areRefusedClearly() {
        try (Model model = Model.compile(identity().build());
                Session session = model.open()) {
            assertThatThrownBy(() -> session.run(Map.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("input 'x' is missing, expected float32[2]");
            assertThatThrownBy(
                            () -> session.run(Map.of("x", Tensor.ofFloats(Shape.of(3), 1, 2, 3))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("input 'x' is float32[3], expected float32[2]");
            assertThatThrownBy(() -> session.run(Map.of("x", Tensor.ofLongs(Shape.of(2), 1, 2))))
                    .hasMessage("input 'x' is int64[2], expected float32[2]");
            Tensor x = Tensor.ofFloats(Shape.of(2), 1, 2);
            assertThatThrownBy(() -> session.run(Map.of("x", x, "z", x)))
                    .hasMessage("there is no input 'z' to feed; inputs are [x]");
            assertThatThrownBy(() -> session.input("z"))
                    .hasMessage("there is no input 'z' to feed; inputs are [x]");
            assertThatThrownBy(() -> session.output("z"))
                    .hasMessage("there is no output 'z' to read; outputs are [y]");
            assertThatThrownBy(() -> model.open(0)).hasMessage("rows is 0, expected at least 1");
            assertThatThrownBy(() -> model.open(Integer.MAX_VALUE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("(Options.memoryLimit)");
        }
    }

    @Test
    void optionsThatNameWhatIsNotThere_areRefused() {
        Graph g = identity().build();
        assertThatThrownBy(() -> Model.compile(g, Options.defaults().bind("sr", 16000)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("m.onnx has no input 'sr'; its inputs are [x]");
        assertThatThrownBy(() -> Model.compile(g, Options.defaults().state("z", "x")))
                .hasMessage("m.onnx has no output 'z'; its outputs are [y]");
        assertThatThrownBy(() -> Model.compile(g, Options.defaults().shape("x", 7)))
                .hasMessage("input 'x' is float32[7], expected float32[2]");
        assertThatThrownBy(
                        () ->
                                Model.compile(
                                        g,
                                        Options.defaults()
                                                .bind("x", Tensor.ofFloats(Shape.of(3), 1, 2, 3))))
                .hasMessage(
                        "cannot bind input 'x' of m.onnx: the value is float32[3], expected"
                                + " float32[2]");
        Graph open =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, "T", 4)
                        .output("y", DType.FLOAT32, "T", 4)
                        .node("Identity", "x", "y")
                        .build();
        assertThatThrownBy(() -> Model.compile(open, Options.defaults().dimension("batch", 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "Options.dimension names dimension 'batch', which no input of m.onnx has;"
                                + " theirs are [T]");
        assertThatThrownBy(() -> Options.defaults().dimension("T", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("dimension 'T' is 0, expected at least 1");
    }

    @Test
    void stateOfAnotherType_isTheCallersFault() {
        assertThatThrownBy(
                        () ->
                                Model.compile(
                                        GraphBuilder.lstm(5, 19),
                                        Options.defaults().state("y", "x")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "output 'y' cannot be the state of input 'x': it is float32[T, 1, 1, 19],"
                                + " the input float32[T, 1, 5]");
        Graph undeclared =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, 2)
                        .output("y", DType.FLOAT32, "N")
                        .node("Concat", "x x", "y", Map.of("axis", new Attribute.OfLong(0)))
                        .build();
        assertThatThrownBy(() -> Model.compile(undeclared, Options.defaults().state("y", "x")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "m.onnx: state 'x' goes in as float32[2] and comes out as float32[4]; a"
                                + " state keeps its type: name others in Options.state(output,"
                                + " input)");
    }

    @Test
    void dimension_givesOpenInputsTheirSize() {
        Graph open =
                new GraphBuilder("m.onnx")
                        .input("x", DType.FLOAT32, "T", 4)
                        .output("y", DType.FLOAT32, "T", 4)
                        .node("Identity", "x", "y")
                        .build();
        try (Model model = Model.compile(open, Options.defaults().dimension("T", 3))) {
            assertThat(model.inputs().getFirst().type().shape()).isEqualTo(Shape.of(3, 4));
        }
    }
}
