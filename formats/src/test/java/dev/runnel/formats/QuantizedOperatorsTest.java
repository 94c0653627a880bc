package dev.runnel.formats;

import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;

/// What quantised operators become when they are read, and what is refused.
class QuantizedOperatorsTest {
    private static final String LSTM = "DynamicQuantizeLSTM";

    private static Graph read(ModelProto.Builder m) {
        return Models.read("m.onnx", MemorySegment.ofArray(m.build().toByteArray()));
    }

    private static NodeProto.Builder microsoft(String op, String inputs, String outputs) {
        return node(op, inputs, outputs).setDomain("com.microsoft");
    }

    private static ModelProto.Builder lstm(TensorProto.Builder scale) {
        ModelProto.Builder m =
                model(14, microsoft(LSTM, "x w w - - h - - s z s z", "y").setName("l"));
        m.getGraphBuilder().addInitializer(scale);
        return m;
    }

    @Test
    void lstm_isThatOfDequantisedWeights() {
        ModelProto.Builder m = lstm(tensor("s", 0.5f));
        assertThat(Onnx.text(read(m)))
                .isEqualTo(
                        """
                        l/DequantizeLinear_output = DequantizeLinear(w, [0.5], z) {axis=0}
                        l/Transpose_output = Transpose(l/DequantizeLinear_output) {perm=[0, 2, 1]}
                        l/DequantizeLinear_2_output = DequantizeLinear(w, [0.5], z) {axis=0}
                        l/Transpose_2_output = Transpose(l/DequantizeLinear_2_output) {perm=[0, 2, 1]}
                        y = LSTM(x, l/Transpose_output, l/Transpose_2_output, , , h)\
                        """);
    }

    @Test
    void lstm_withScalesOfColumnsNeedsConstantWeights() {
        TensorProto.Builder scale = tensor("s", 1, 2, 3, 4).clearDims().addDims(1).addDims(4);
        assertThatThrownBy(() -> read(lstm(scale)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.onnx: node 'l' (com.microsoft.DynamicQuantizeLSTM): input 1 is no"
                                + " constant of three axes, as its scales need");
    }

    @Test
    void operators_withTooFewPartsAreRefused() {
        assertThatThrownBy(() -> read(model(14, microsoft(LSTM, "x w r", "y"))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("input 8 has no known rank, expected shape [D] or [D, 4·H]");
        assertThatThrownBy(() -> read(model(14, microsoft(LSTM, "x", ""))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("has no output");
        assertThatThrownBy(() -> read(model(14, node("QLinearMatMul", "x w", "y"))))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("has 2 inputs, expected 8");
    }

    @Test
    void matMul_hasItsBiasAddedBehind() {
        Graph g =
                read(model(14, microsoft("DynamicQuantizeMatMul", "x w s - b", "y").setName("m")));
        assertThat(Onnx.text(g))
                .isEqualTo(
                        """
                        m/DequantizeLinear_output = DequantizeLinear(w, s) {axis=-1}
                        y_before = MatMul(x, m/DequantizeLinear_output)
                        y = Add(y_before, b)\
                        """);
    }
}
