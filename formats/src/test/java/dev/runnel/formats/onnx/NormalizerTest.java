package dev.runnel.formats.onnx;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.floats;
import static dev.runnel.formats.Onnx.longs;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Models;
import dev.runnel.formats.Onnx;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Nodes of old operator sets, and what becomes of them.
class NormalizerTest {
    @TempDir private Path folder = Path.of("");

    private Graph read(ModelProto.Builder model) throws IOException {
        Path file = folder.resolve("m.onnx");
        Files.write(file, model.build().toByteArray());
        return Models.read(file);
    }

    private String normalized(long opset, NodeProto.Builder... nodes) throws IOException {
        return Onnx.text(read(model(opset, nodes)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Squeeze", "Unsqueeze", "ReduceSum"})
    void axes_before13_becomeAnInput(String op) throws IOException {
        assertThat(normalized(11, node(op, "x", "y", longs("axes", 0, 2))))
                .isEqualTo("y = " + op + "(x, [0, 2])");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ReduceMean",
                "ReduceMax",
                "ReduceMin",
                "ReduceProd",
                "ReduceL1",
                "ReduceL2",
                "ReduceLogSum",
                "ReduceLogSumExp",
                "ReduceSumSquare"
            })
    void axes_ofReductionsBefore18_becomeAnInput(String op) throws IOException {
        assertThat(normalized(17, node(op, "x", "y", longs("axes", -1), attribute("keepdims", 0))))
                .isEqualTo("y = " + op + "(x, [-1]) {keepdims=0}");
    }

    @Test
    void axes_absentOrEmpty_staysAbsent() throws IOException {
        assertThat(normalized(11, node("ReduceSum", "x", "y"))).isEqualTo("y = ReduceSum(x)");
        assertThat(normalized(11, node("ReduceSum", "x", "y", longs("axes"))))
                .isEqualTo("y = ReduceSum(x)");
    }

    @Test
    void axes_asInputOfSet13_stay() throws IOException {
        assertThat(normalized(13, node("Squeeze", "x a", "y"))).isEqualTo("y = Squeeze(x, a)");
    }

    @Test
    void slice_before10_takesInputs() throws IOException {
        assertThat(
                        normalized(
                                9,
                                node(
                                        "Slice",
                                        "x",
                                        "y",
                                        longs("starts", 1),
                                        longs("ends", 9),
                                        longs("axes", 2))))
                .isEqualTo("y = Slice(x, [1], [9], [2])");
        assertThat(normalized(9, node("Slice", "x", "y", longs("starts", 1), longs("ends", 9))))
                .isEqualTo("y = Slice(x, [1], [9])");
    }

    @Test
    void clip_before11_takesInputs() throws IOException {
        assertThat(normalized(6, node("Clip", "x", "y", attribute("max", 6f))))
                .isEqualTo("y = Clip(x, , 6.0)");
        assertThat(normalized(6, node("Clip", "x", "y", attribute("min", 0f))))
                .isEqualTo("y = Clip(x, 0.0)");
    }

    @Test
    void pad_before11_takesInputs() throws IOException {
        assertThat(
                        normalized(
                                2,
                                node("Pad", "x", "y", longs("pads", 0, 1), attribute("value", 2f))))
                .isEqualTo("y = Pad(x, [0, 1], 2.0)");
        assertThat(
                        normalized(
                                1,
                                node(
                                        "Pad",
                                        "x",
                                        "y",
                                        longs("paddings", 0, 1),
                                        attribute("mode", "edge"))))
                .isEqualTo("y = Pad(x, [0, 1]) {mode=edge}");
    }

    @Test
    void reshape_before5_takesAnInput() throws IOException {
        assertThat(normalized(4, node("Reshape", "x", "y", longs("shape", 0, -1))))
                .isEqualTo("y = Reshape(x, [0, -1])");
    }

    @Test
    void split_before13_takesAnInput() throws IOException {
        assertThat(
                        normalized(
                                11,
                                node(
                                        "Split",
                                        "x",
                                        "y z",
                                        longs("split", 1, 2),
                                        attribute("axis", 1))))
                .isEqualTo("y, z = Split(x, [1, 2]) {axis=1}");
    }

    @Test
    void topK_before10_hasItsNumberAsAnInput() throws IOException {
        assertThat(normalized(1, node("TopK", "x", "y i", attribute("k", 3), attribute("axis", 1))))
                .isEqualTo("y, i = TopK(x, [3]) {axis=1}");
    }

    @Test
    void split_withoutSizesBefore18_saysItsNumber() throws IOException {
        assertThat(normalized(13, node("Split", "x", "y z")))
                .isEqualTo("y, z = Split(x) {num_outputs=2}");
        assertThat(normalized(18, node("Split", "x", "y z", attribute("num_outputs", 2))))
                .isEqualTo("y, z = Split(x) {num_outputs=2}");
    }

    @Test
    void concat_before4_hasAxis1() throws IOException {
        assertThat(normalized(3, node("Concat", "x x", "y")))
                .isEqualTo("y = Concat(x, x) {axis=1}");
    }

    @Test
    void selu_before6_hasFewerDigits() throws IOException {
        assertThat(normalized(1, node("Selu", "x", "y")))
                .isEqualTo("y = Selu(x) {alpha=1.6732, gamma=1.0507}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Softmax", "LogSoftmax"})
    void softmax_before13_joinsAxes(String op) throws IOException {
        assertThat(normalized(11, node(op, "x", "y", attribute("axis", 2))))
                .isEqualTo(
                        """
                        n/Shape_output = Shape(x)
                        n/Reshape_output = Reshape(x, [0, 0, -1])
                        y_before = %s(n/Reshape_output) {axis=-1}
                        y = Reshape(y_before, n/Shape_output)\
                        """
                                .formatted(op));
    }

    @Test
    void softmax_before13OfANegativeAxis_flattens() throws IOException {
        assertThat(normalized(11, node("Softmax", "x", "y", attribute("axis", -2))))
                .isEqualTo(
                        """
                        n/Shape_output = Shape(x)
                        n/Flatten_output = Flatten(x) {axis=-2}
                        y_before = Softmax(n/Flatten_output) {axis=-1}
                        y = Reshape(y_before, n/Shape_output)\
                        """);
    }

    @Test
    void softmax_before13OfTheLastAxis_needsNoReshape() throws IOException {
        assertThat(normalized(11, node("Softmax", "x", "y", attribute("axis", -1))))
                .isEqualTo("y = Softmax(x) {axis=-1}");
        ModelProto.Builder matrix = model(9, node("Softmax", "x", "y"));
        matrix.getGraphBuilder().setInput(0, value("x", 0, 5));
        assertThat(Onnx.text(read(matrix))).isEqualTo("y = Softmax(x) {axis=-1}");
    }

    @Test
    void softmax_from13_stays() throws IOException {
        assertThat(normalized(13, node("Softmax", "x", "y", attribute("axis", 1))))
                .isEqualTo("y = Softmax(x) {axis=1}");
        assertThat(normalized(13, node("Softmax", "x", "y"))).isEqualTo("y = Softmax(x)");
    }

    @Test
    void softmax_ofAnImpossibleAxis_isMalformed() {
        assertThatThrownBy(
                        () ->
                                normalized(
                                        11, node("Softmax", "x", "y", attribute("axis", 1L << 40))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Softmax): attribute 'axis' is 1099511627776, expected at"
                                + " most 64");
    }

    @Test
    void broadcast_before7WithoutAxis_isToday() throws IOException {
        assertThat(normalized(6, node("Add", "x b", "y", attribute("broadcast", 1))))
                .isEqualTo("y = Add(x, b)");
    }

    @Test
    void broadcast_before7AtAnAxisOfKnownRanks_unsqueezes() throws IOException {
        ModelProto.Builder m =
                model(6, node("Mul", "x b", "y", attribute("broadcast", 1), attribute("axis", 1)));
        m.getGraphBuilder()
                .setInput(0, value("x", 2, 3, 4, 5))
                .addInitializer(tensor("b", 1, 2, 3));
        assertThat(Onnx.text(read(m)))
                .isEqualTo(
                        """
                        n/Unsqueeze_output = Unsqueeze([1.0, 2.0, 3.0], [-2, -1])
                        y = Mul(x, n/Unsqueeze_output)\
                        """);
    }

    @Test
    void broadcast_before7AtAnAxisOfUnknownRanks_computesTheShape() throws IOException {
        assertThat(
                        normalized(
                                6,
                                node(
                                        "Sub",
                                        "x b",
                                        "y",
                                        attribute("broadcast", 1),
                                        attribute("axis", 1))))
                .isEqualTo(
                        """
                        n/Shape_output = Shape(b)
                        n/Shape_2_output = Shape(x)
                        n/Shape_3_output = Shape(n/Shape_2_output)
                        n/Shape_4_output = Shape(n/Shape_output)
                        n/Sub_output = Sub(n/Shape_3_output, n/Shape_4_output)
                        n/Sub_2_output = Sub(n/Sub_output, [1])
                        n/ConstantOfShape_output = ConstantOfShape(n/Sub_2_output) {value=[1]}
                        n/Concat_output = Concat(n/Shape_output, n/ConstantOfShape_output) {axis=0}
                        n/Reshape_output = Reshape(b, n/Concat_output)
                        y = Sub(x, n/Reshape_output)\
                        """);
    }

    @Test
    void prelu_before7_hasItsSlopesAtTheChannels() throws IOException {
        ModelProto.Builder m = model(6, node("PRelu", "x b", "y"));
        m.getGraphBuilder().setInput(0, value("x", 2, 3, 4)).addInitializer(tensor("b", 1, 2, 3));
        assertThat(Onnx.text(read(m)))
                .isEqualTo(
                        """
                        n/Unsqueeze_output = Unsqueeze([1.0, 2.0, 3.0], [-1])
                        y = PRelu(x, n/Unsqueeze_output)\
                        """);
    }

    @Test
    void groupNormalization_before21_hasScalesOfGroups() throws IOException {
        assertThat(
                        normalized(
                                18,
                                node(
                                        "GroupNormalization",
                                        "x s b",
                                        "y",
                                        attribute("num_groups", 3))))
                .isEqualTo(
                        """
                        n/Shape_output = Shape(x)
                        n/Slice_output = Slice(n/Shape_output, [1], [2])
                        n/Div_output = Div(n/Slice_output, [3])
                        n/Concat_output = Concat([3], n/Div_output) {axis=0}
                        n/Unsqueeze_output = Unsqueeze(s, [-1])
                        n/Expand_output = Expand(n/Unsqueeze_output, n/Concat_output)
                        n/Reshape_output = Reshape(n/Expand_output, [-1])
                        n/Unsqueeze_2_output = Unsqueeze(b, [-1])
                        n/Expand_2_output = Expand(n/Unsqueeze_2_output, n/Concat_output)
                        n/Reshape_2_output = Reshape(n/Expand_2_output, [-1])
                        y = GroupNormalization(x, n/Reshape_output, n/Reshape_2_output) {num_groups=3}\
                        """);
    }

    @Test
    void scatter_before11_isScatterElements() throws IOException {
        assertThat(normalized(9, node("Scatter", "x i u", "y", attribute("axis", 1))))
                .isEqualTo("y = ScatterElements(x, i, u) {axis=1}");
    }

    @Test
    void cast_before6_namesItsType() throws IOException {
        assertThat(normalized(5, node("Cast", "x", "y", attribute("to", "INT64"))))
                .isEqualTo("y = Cast(x) {to=7}");
        assertThatThrownBy(() -> normalized(5, node("Cast", "x", "y", attribute("to", "long"))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Cast): attribute 'to' is 'long', expected the name of a"
                                + " type");
    }

    @Test
    void cast_losesWhatConcernsEightBits() throws IOException {
        assertThat(
                        normalized(
                                25,
                                node(
                                        "Cast",
                                        "x",
                                        "y",
                                        attribute("to", 6),
                                        attribute("saturate", 1),
                                        attribute("round_mode", "up"))))
                .isEqualTo("y = Cast(x) {to=6}");
    }

    @Test
    void oldHints_areDropped() throws IOException {
        assertThat(normalized(5, node("Relu", "x", "y", longs("consumed_inputs", 0))))
                .isEqualTo("y = Relu(x)");
        assertThat(normalized(6, node("Gemm", "x w b", "y", attribute("broadcast", 1))))
                .isEqualTo("y = Gemm(x, w, b)");
        assertThat(normalized(1, node("LSTM", "x w r", "y", attribute("output_sequence", 1))))
                .isEqualTo("y = LSTM(x, w, r)");
    }

    @Test
    void batchNormalization_beforeSet14_isForInference() throws IOException {
        assertThat(
                        normalized(
                                6,
                                node(
                                        "BatchNormalization",
                                        "x s b m v",
                                        "y d",
                                        attribute("is_test", 1),
                                        attribute("spatial", 1),
                                        attribute("epsilon", 0.5f))))
                .isEqualTo("y = BatchNormalization(x, s, b, m, v) {epsilon=0.5}");
        assertThat(normalized(9, node("BatchNormalization", "x s b m v", "y")))
                .isEqualTo("y = BatchNormalization(x, s, b, m, v)");
    }

    @Test
    void batchNormalization_forTraining_isRefused() {
        assertThatThrownBy(() -> normalized(9, node("BatchNormalization", "x s b m v", "y d")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (BatchNormalization): output 'd' is of the training"
                                + " mode");
        assertThatThrownBy(
                        () ->
                                normalized(
                                        7,
                                        node(
                                                "BatchNormalization",
                                                "x s b m v",
                                                "y",
                                                attribute("spatial", 0))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (BatchNormalization): spatial is 0: statistics per"
                                + " element are not supported");
        assertThatThrownBy(
                        () ->
                                normalized(
                                        6,
                                        node(
                                                "BatchNormalization",
                                                "x s b m v",
                                                "y",
                                                attribute("is_test", 0))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (BatchNormalization): is_test is 0, the training mode");
    }

    @Test
    void dropout_isNothing() throws IOException {
        assertThat(normalized(6, node("Dropout", "x", "y mask", attribute("is_test", 1))))
                .isEqualTo("y = Identity(x)");
        assertThat(normalized(7, node("Dropout", "x", "y mask", attribute("ratio", 0.1f))))
                .isEqualTo("y = Identity(x)");
        assertThat(normalized(13, node("Dropout", "x r", "y"))).isEqualTo("y = Identity(x)");
    }

    @Test
    void dropout_forTraining_isRefused() {
        assertThatThrownBy(() -> normalized(13, node("Dropout", "", "y")))
                .hasMessage("m.onnx: node 'n' (Dropout): has no input");
        assertThatThrownBy(() -> normalized(13, node("Dropout", "x r t", "y")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("m.onnx: node 'n' (Dropout): training_mode is not known to be false");
        assertThatThrownBy(() -> normalized(10, node("Dropout", "x", "d y")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Dropout): output 'y' (mask) is read; it is of the"
                                + " training mode");
    }

    @Test
    void constants_becomeInitializers() throws IOException {
        TensorProto.Builder t = tensor("", 7, 8);
        Graph g =
                read(
                        model(
                                13,
                                node("Constant", "", "a", attribute("value", t)),
                                node("Constant", "", "b", attribute("value_float", 1.5f)),
                                node("Constant", "", "c", attribute("value_int", 3)),
                                node("Constant", "", "d", floats("value_floats", 1, 2)),
                                node("Constant", "", "e", longs("value_ints", 4, 5)),
                                node("Foo", "a b c d e", "y")));
        assertThat(Onnx.text(g)).isEqualTo("y = Foo([7.0, 8.0], 1.5, 3, [1.0, 2.0], [4, 5])");
    }

    @Test
    void constants_ofStrings_areRefused() {
        assertThatThrownBy(
                        () ->
                                normalized(
                                        13,
                                        node(
                                                "Constant",
                                                "",
                                                "y",
                                                attribute("value_string", "hello"))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Constant): attribute 'value_string': strings are not"
                                + " supported");
    }

    @Test
    void attribute_ofTheWrongType_isMalformed() {
        assertThatThrownBy(() -> normalized(11, node("Squeeze", "x", "y", attribute("axes", 1))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Squeeze): attribute 'axes' is not a list of integers");
    }

    @Test
    void operatorSet_newerThanKnown_isRefused() {
        assertThatThrownBy(() -> normalized(28, node("Relu", "x", "y")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("m.onnx: operator set 28 is newer than 27, the newest known");
    }
}
