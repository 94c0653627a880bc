package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtException;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.formats.Models;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.formats.random.RandomCell.Flaw;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// Cells taken apart at random, alone and as the body of a Scan, against ONNX Runtime: what is a
/// cell is fused, what is almost one is not, and both compute what they should.
///
/// `-Drunnel.random.models=N` draws more, `-Drunnel.random.seed=S` others.
class RandomCellTest {
    private static final long SEED = Long.getLong("runnel.random.seed", 40_000);
    private static final int MODELS = Integer.getInteger("runnel.random.models", 400);
    private static final Path FOLDER = Path.of("target", "random");

    private static Stream<DynamicTest> seeds(String name, Check check) throws IOException {
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        Files.createDirectories(FOLDER);
        return LongStream.range(SEED, SEED + MODELS)
                .mapToObj(
                        seed ->
                                DynamicTest.dynamicTest(
                                        name + " " + seed, () -> check.run(new Dice(seed))));
    }

    private interface Check {
        void run(Dice dice) throws IOException, OrtException;
    }

    @TestFactory
    Stream<DynamicTest> cell_takenApart_isFusedAndEqual() throws IOException {
        return seeds(
                "cell",
                dice -> {
                    RandomCell cell = new RandomCell(dice, dice.of("GRU", "LSTM"), Flaw.NONE);
                    List<String> fusions = check(cell.s.ours(), feeds(cell), cell.s.story(), 1);
                    assertThat(fusions).as(cell.s.story()).hasSize(1);
                    assertThat(fusions.getFirst()).startsWith(cell.op + " ");
                    try (Model model = Model.compile(Models.read("c", bytes(cell.s.ours())))) {
                        assertThat(model.states())
                                .as(cell.s.story())
                                .extracting(p -> p.name())
                                .containsExactlyElementsOf(
                                        cell.op.equals("LSTM") ? List.of("h", "c") : List.of("h"));
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> cell_almost_isLeftAsItIsAndEqual() throws IOException {
        return seeds(
                "almost",
                dice -> {
                    Flaw flaw =
                            dice.of(
                                    Flaw.ACTIVATION,
                                    Flaw.READ_OUTSIDE,
                                    Flaw.FED_WEIGHT,
                                    Flaw.DIFFERENCE);
                    RandomCell cell = new RandomCell(dice, dice.of("GRU", "LSTM"), flaw);
                    assertThat(check(cell.s.ours(), feeds(cell), cell.s.story(), 1))
                            .as(cell.s.story())
                            .isEmpty();
                });
    }

    @TestFactory
    Stream<DynamicTest> cell_inAScan_isFusedOverTheSequence() throws IOException {
        return seeds(
                "scan",
                dice -> {
                    String op = dice.of("RNN", "GRU", "LSTM");
                    Flaw flaw = op.equals("RNN") || dice.chance(0.7) ? Flaw.NONE : Flaw.DIFFERENCE;
                    RandomCell cell = new RandomCell(dice, op, flaw);
                    int steps = dice.in(1, 6);
                    int axis = dice.in(0, 1);
                    Map<String, Tensor> inputs = feeds(cell);
                    Shape shape =
                            axis == 0
                                    ? Shape.of(steps, cell.n, cell.i)
                                    : Shape.of(cell.n, steps, cell.i);
                    float[] x = dice.floats(shape.elements(), -1.5, 1.5);
                    inputs.put("x", Tensor.ofFloats(shape, x));
                    ModelProto model =
                            scan(cell.s.ours(), inputs, axis, dice.in(0, 1), dice.chance(0.3));
                    List<String> fusions = check(model, inputs, cell.s.story(), steps);
                    if (flaw == Flaw.NONE) {
                        assertThat(fusions).as(cell.s.story()).hasSize(2);
                        assertThat(fusions.getLast())
                                .startsWith(op)
                                .endsWith("over the sequence, from Scan 'scan'");
                    } else {
                        assertThat(fusions).as(cell.s.story()).isEmpty();
                    }
                });
    }

    private static Map<String, Tensor> feeds(RandomCell cell) {
        Map<String, Tensor> inputs = new TreeMap<>();
        cell.s.feeds.forEach((name, feed) -> inputs.put(name, feed.value()));
        return inputs;
    }

    private static MemorySegment bytes(ModelProto model) {
        return MemorySegment.ofArray(model.toByteArray());
    }

    /// @return what was fused
    private static List<String> check(
            ModelProto proto, Map<String, Tensor> inputs, String story, int steps)
            throws IOException, OrtException {
        Path file = FOLDER.resolve("cell-" + Integer.toHexString(proto.hashCode()) + ".onnx");
        Files.write(file, proto.toByteArray());
        Map<String, Tensor> want = OnnxRuntime.run(proto, inputs);
        try (Model model =
                        Model.compile(
                                Models.read("cell.onnx", bytes(proto)),
                                Options.defaults().stateless());
                Session session = model.open()) {
            assertThat(Agreement.near(session.run(inputs), want, 1e-5, 1e-4))
                    .as("%s, %d steps: %s", file, steps, story)
                    .isNull();
            return model.fusions();
        }
    }

    /// The cell as the body of a Scan along an axis of x; h and c are what it carries.
    private static ModelProto scan(
            ModelProto cell, Map<String, Tensor> inputs, int axis, int outAxis, boolean reverse) {
        GraphProto g = cell.getGraph();
        GraphProto.Builder body = g.toBuilder().clearInput().clearOutput();
        GraphProto.Builder outer = GraphProto.newBuilder().setName("scanned");
        NodeProto.Builder scan = NodeProto.newBuilder().setName("scan").setOpType("Scan");
        List<String> states = inputs.containsKey("c") ? List.of("h", "c") : List.of("h");
        for (String name : states) {
            body.addInput(value(name + "_in"));
            outer.addInput(value(name, inputs.get(name)));
            scan.addInput(name);
        }
        body.addInput(value("x_in"));
        outer.addInput(value("x", inputs.get("x")));
        scan.addInput("x");
        List<String> results = g.getOutputList().stream().map(ValueInfoProto::getName).toList();
        for (int i = 0; i < states.size(); i++) {
            body.addOutput(value(results.get(i)));
            outer.addOutput(value("last_" + states.get(i)));
            scan.addOutput("last_" + states.get(i));
        }
        body.addNode(
                NodeProto.newBuilder()
                        .setOpType("Identity")
                        .addInput(results.getFirst())
                        .addOutput("collected"));
        body.addOutput(value("collected"));
        outer.addOutput(value("y"));
        scan.addOutput("y");
        rename(body);
        scan.addAttribute(Sketch.attr("num_scan_inputs", 1L));
        scan.addAttribute(Sketch.attr("scan_input_axes", new long[] {axis}));
        scan.addAttribute(Sketch.attr("scan_output_axes", new long[] {outAxis}));
        long way = reverse ? 1 : 0;
        scan.addAttribute(Sketch.attr("scan_input_directions", new long[] {way}));
        scan.addAttribute(Sketch.attr("scan_output_directions", new long[] {way}));
        scan.addAttribute(
                AttributeProto.newBuilder()
                        .setName("body")
                        .setType(AttributeProto.AttributeType.GRAPH)
                        .setG(body));
        return cell.toBuilder().setGraph(outer.addNode(scan)).build();
    }

    /// Gives the body's inputs the names that the Scan's do not have.
    private static void rename(GraphProto.Builder body) {
        for (NodeProto.Builder node : body.getNodeBuilderList()) {
            for (int i = 0; i < node.getInputCount(); i++) {
                if (List.of("x", "h", "c").contains(node.getInput(i))) {
                    node.setInput(i, node.getInput(i) + "_in");
                }
            }
        }
    }

    private static ValueInfoProto value(String name) {
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(
                        TypeProto.newBuilder()
                                .setTensorType(TypeProto.Tensor.newBuilder().setElemType(1)))
                .build();
    }

    private static ValueInfoProto value(String name, Tensor t) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (long d : t.shape().dims()) {
            shape.addDimBuilder().setDimValue(d);
        }
        ValueInfoProto.Builder value = value(name).toBuilder();
        value.getTypeBuilder().getTensorTypeBuilder().setShape(shape);
        return value.build();
    }
}
