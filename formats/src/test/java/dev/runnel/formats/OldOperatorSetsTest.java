package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.floats;
import static dev.runnel.formats.Onnx.longs;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/// Nodes of old operator sets yield what ONNX Runtime, which has them all from set 7 on, makes of
/// them. `x` is float32[2, 3, 4] throughout.
class OldOperatorSetsTest {
    private static final long[] DIMS = {2, 3, 4};

    @TempDir private Path folder = Path.of("");

    private void sameAsOnnxRuntime(long opset, NodeProto.Builder... nodes)
            throws IOException, OrtException {
        sameAsOnnxRuntime(model(opset, nodes));
    }

    private void sameAsOnnxRuntime(ModelProto.Builder m) throws IOException, OrtException {
        m.getGraphBuilder().setName("g").setInput(0, value("x", DIMS));
        Path file = Files.write(folder.resolve("m.onnx"), m.build().toByteArray());
        float[] x = new float[24];
        Random random = new Random(7);
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        Tensor y;
        try (Model model = Model.compile(Models.read(file));
                Session session = model.open()) {
            Map<String, Tensor> outputs =
                    session.run(Map.of("x", Tensor.ofFloats(Shape.of(DIMS), x)));
            y = Objects.requireNonNull(outputs.get("y"));
            OrtEnvironment ort = OrtEnvironment.getEnvironment();
            try (OrtSession other = ort.createSession(file.toString());
                    OnnxTensor in = OnnxTensor.createTensor(ort, FloatBuffer.wrap(x), DIMS);
                    OrtSession.Result result = other.run(Map.of("x", in))) {
                OnnxTensor want = (OnnxTensor) result.get("y").orElseThrow();
                assertThat(y.shape().dims()).isEqualTo(want.getInfo().getShape());
                assertThat(y.toFloats())
                        .containsExactly(want.getFloatBuffer().array(), within(1e-5f));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "Softmax, 9, 0",
        "Softmax, 9, 1",
        "Softmax, 9, 2",
        "Softmax, 11, -2",
        "LogSoftmax, 7, 1"
    })
    void softmax(String op, long opset, long axis) throws Exception {
        sameAsOnnxRuntime(opset, node(op, "x", "y", attribute("axis", axis)));
        // where the rank of its input is not declared
        sameAsOnnxRuntime(
                opset,
                node("Neg", "x", "t").setName("neg"),
                node(op, "t", "u", attribute("axis", axis)),
                node("Neg", "u", "y").setName("neg2"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ReduceSum",
                "ReduceMean",
                "ReduceMax",
                "ReduceMin",
                "ReduceProd",
                "ReduceL1",
                "ReduceL2",
                "ReduceSumSquare",
                "ReduceLogSumExp"
            })
    void reductions(String op) throws Exception {
        sameAsOnnxRuntime(7, node(op, "x", "y"));
        sameAsOnnxRuntime(11, node(op, "x", "y", longs("axes", -1, 0), attribute("keepdims", 0)));
    }

    @Test
    void unsqueezeAndSqueeze() throws Exception {
        sameAsOnnxRuntime(
                7,
                node("Unsqueeze", "x", "u", longs("axes", 0, 4)).setName("u"),
                node("Squeeze", "u", "y", longs("axes", 4)).setName("s"));
    }

    @Test
    void slice() throws Exception {
        sameAsOnnxRuntime(
                9,
                node(
                        "Slice",
                        "x",
                        "y",
                        longs("starts", -2, 1),
                        longs("ends", 99, 3),
                        longs("axes", 1, 2)));
        sameAsOnnxRuntime(7, node("Slice", "x", "y", longs("starts", 1, 0), longs("ends", 2, -1)));
    }

    @Test
    void clip() throws Exception {
        sameAsOnnxRuntime(
                7, node("Clip", "x", "y", attribute("min", -0.5f), attribute("max", 0.5f)));
        sameAsOnnxRuntime(10, node("Clip", "x", "y", attribute("max", 0f)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"constant", "edge", "reflect"})
    void pad(String mode) throws Exception {
        sameAsOnnxRuntime(
                10,
                node(
                        "Pad",
                        "x",
                        "y",
                        longs("pads", 0, 1, 2, 0, 0, 1),
                        attribute("mode", mode),
                        attribute("value", 2f)));
    }

    @Test
    void split() throws Exception {
        sameAsOnnxRuntime(
                11, node("Split", "x", "a y", longs("split", 1, 3), attribute("axis", 2)));
        sameAsOnnxRuntime(7, node("Split", "x", "a y"));
        sameAsOnnxRuntime(13, node("Split", "x", "a y", attribute("axis", -1)));
    }

    @Test
    void dropout() throws Exception {
        sameAsOnnxRuntime(7, node("Dropout", "x", "y", attribute("ratio", 0.3f)));
        sameAsOnnxRuntime(10, node("Dropout", "x", "y mask"));
        ModelProto.Builder m = model(13, node("Dropout", "x - t", "y"));
        m.getGraphBuilder()
                .addInitializer(
                        TensorProto.newBuilder().setName("t").setDataType(9).addInt32Data(0));
        sameAsOnnxRuntime(m);
    }

    @ParameterizedTest
    @ValueSource(longs = {7, 9, 14})
    void batchNormalization(long opset) throws Exception {
        ModelProto.Builder m =
                model(
                        opset,
                        node("BatchNormalization", "x s b m v", "y", attribute("epsilon", 0.1f)));
        m.getGraphBuilder()
                .addInitializer(tensor("s", 1, 2, 3))
                .addInitializer(tensor("b", 4, 5, 6))
                .addInitializer(tensor("m", 0.1f, 0.2f, 0.3f))
                .addInitializer(tensor("v", 1, 2, 3));
        sameAsOnnxRuntime(m);
    }

    @Test
    void groupNormalization() throws Exception {
        ModelProto.Builder m =
                model(18, node("GroupNormalization", "x s b", "y", attribute("num_groups", 1)));
        m.getGraphBuilder().addInitializer(tensor("s", 2)).addInitializer(tensor("b", 1));
        sameAsOnnxRuntime(m);
    }

    @Test
    void prelu() throws Exception {
        ModelProto.Builder m = model(7, node("PRelu", "x s", "y"));
        m.getGraphBuilder().addInitializer(tensor("s", 1, 2, 3).clearDims().addDims(3).addDims(1));
        sameAsOnnxRuntime(m);
    }

    @Test
    void scatter() throws Exception {
        ModelProto.Builder m = model(9, node("Scatter", "x i u", "y", attribute("axis", 2)));
        m.getGraphBuilder()
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("i")
                                .setDataType(7)
                                .addDims(1)
                                .addDims(1)
                                .addDims(2)
                                .addInt64Data(3)
                                .addInt64Data(0))
                .addInitializer(tensor("u", 5, 6).clearDims().addDims(1).addDims(1).addDims(2));
        sameAsOnnxRuntime(m);
    }

    @Test
    void constants() throws Exception {
        sameAsOnnxRuntime(
                12,
                node("Constant", "", "a", floats("value_floats", 1, 2, 3, 4)).setName("a"),
                node("Constant", "", "b", attribute("value_float", 0.5f)).setName("b"),
                node("Add", "x a", "t").setName("t"),
                node("Mul", "t b", "y"));
    }

    @Test
    void functions() throws Exception {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName("f")
                        .addInput("a")
                        .addOutput("b")
                        .addAttribute("k")
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(18))
                        .addNode(
                                node(
                                                "LeakyRelu",
                                                "a",
                                                "t",
                                                attribute("alpha", 0f).clearF().setRefAttrName("k"))
                                        .setName(""))
                        .addNode(node("Add", "t t", "b").setName(""));
        NodeProto.Builder once =
                node("f", "x", "t", attribute("k", 0.5f)).setDomain("my").setName("once");
        NodeProto.Builder twice =
                node("f", "t", "y", attribute("k", 0.25f)).setDomain("my").setName("twice");
        sameAsOnnxRuntime(
                model(18, once, twice)
                        .addFunctions(f)
                        .addOpsetImport(
                                OperatorSetIdProto.newBuilder().setDomain("my").setVersion(1)));
    }
}
