package dev.runnel.benchmarks;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;

import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// An LSTM's ONNX file with weights of 8 bits, as ONNX Runtime's quantiser writes it with
/// `per_channel`: operator `DynamicQuantizeLSTM` (`com.microsoft`, 1), which has `W[1, I, 4·H]` and
/// `R[1, H, 4·H]`, and in each call quantises x and h to u8 between their least and greatest
/// element.
///
/// Weights are symmetric with a scale for each gate row, and use all of −127 … 127, not the half
/// that the quantiser's `reduce_range` leaves: that is for CPUs without VNNI, on which the sum of
/// two products saturates.
final class QuantizedLstm {
    private static final String DOMAIN = "com.microsoft";
    private static final int FLOAT = 1;
    private static final int INT8 = 3;

    private QuantizedLstm() {}

    /// The file of [Workload#toOnnx] with the same inputs and outputs.
    static byte[] toOnnx(Workload w) {
        ModelProto.Builder model;
        try {
            model = ModelProto.parseFrom(w.toOnnx()).toBuilder();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
        GraphProto.Builder graph = model.getGraphBuilder();
        NodeProto.Builder node =
                graph.getNodeBuilder(0)
                        .setOpType("DynamicQuantizeLSTM")
                        .setDomain(DOMAIN)
                        .addInput(""); // no peepholes
        graph.removeInitializer(1).removeInitializer(0); // B stays
        quantize("W", w.w(), w.size(), graph, node);
        quantize("R", w.r(), w.size(), graph, node);
        return model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(DOMAIN).setVersion(1))
                .build()
                .toByteArray();
    }

    /// Adds weights `[rows, columns]` as `[1, columns, rows]`, their scales and zero points.
    private static void quantize(
            String name,
            float[] weights,
            int columns,
            GraphProto.Builder graph,
            NodeProto.Builder node) {
        int rows = weights.length / columns;
        ByteBuffer transposed = ByteBuffer.allocate(weights.length);
        ByteBuffer scales = ByteBuffer.allocate(4 * rows).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            float most = 0;
            for (int k = 0; k < columns; k++) {
                most = Math.max(most, Math.abs(weights[row * columns + k]));
            }
            for (int k = 0; k < columns; k++) {
                int q = Math.round(weights[row * columns + k] * 127 / most);
                transposed.put(k * rows + row, (byte) q);
            }
            scales.putFloat(4 * row, most / 127);
        }
        graph.addInitializer(tensor(name, INT8, transposed, 1, columns, rows))
                .addInitializer(tensor(name + "_scale", FLOAT, scales, 1, rows))
                .addInitializer(
                        tensor(name + "_zero_point", INT8, ByteBuffer.allocate(rows), 1, rows));
        node.addInput(name + "_scale").addInput(name + "_zero_point");
    }

    private static TensorProto.Builder tensor(
            String name, int type, ByteBuffer data, long... dims) {
        TensorProto.Builder tensor =
                TensorProto.newBuilder()
                        .setName(name)
                        .setDataType(type)
                        .setRawData(ByteString.copyFrom(data));
        for (long d : dims) {
            tensor.addDims(d);
        }
        return tensor;
    }
}
