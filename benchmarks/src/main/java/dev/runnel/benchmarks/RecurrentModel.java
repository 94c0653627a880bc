package dev.runnel.benchmarks;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/// An ONNX model of one recurrent node with I = H and explicit states, as every runtime takes it:
/// inputs `x[1, N, I]`, `h[1, N, H]` (LSTM: `c`), outputs `y`, `hn` (`cn`).
record RecurrentModel(String op, int size, int batch) {
    private static final int FLOAT = 1;

    /// From `LSTM-128`.
    static RecurrentModel of(String name, int batch) {
        int dash = name.indexOf('-');
        return new RecurrentModel(
                name.substring(0, dash), Integer.parseInt(name.substring(dash + 1)), batch);
    }

    boolean hasCell() {
        return op.equals("LSTM");
    }

    private int gates() {
        return op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
    }

    /// The file's bytes; the weights are the same for the same node.
    byte[] toBytes() {
        int rows = gates() * size;
        Random random = new Random(size);
        NodeProto.Builder node =
                NodeProto.newBuilder()
                        .setName("node")
                        .setOpType(op)
                        .addInput("x")
                        .addInput("W")
                        .addInput("R")
                        .addInput("B")
                        .addInput("")
                        .addInput("h")
                        .addOutput("y")
                        .addOutput("hn")
                        .addAttribute(attribute("hidden_size").setI(size));
        if (op.equals("GRU")) {
            node.addAttribute(attribute("linear_before_reset").setI(1));
        }
        GraphProto.Builder graph =
                GraphProto.newBuilder()
                        .setName(op + "-" + size)
                        .addInput(value("x", 1, batch, size))
                        .addInput(value("h", 1, batch, size))
                        .addOutput(value("y", 1, 1, batch, size))
                        .addOutput(value("hn", 1, batch, size))
                        .addInitializer(weights("W", random, 1, rows, size))
                        .addInitializer(weights("R", random, 1, rows, size))
                        .addInitializer(weights("B", random, 1, 2 * rows));
        if (hasCell()) {
            node.addInput("c").addOutput("cn");
            graph.addInput(value("c", 1, batch, size)).addOutput(value("cn", 1, batch, size));
        }
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(14))
                .setGraph(graph.addNode(node))
                .build()
                .toByteArray();
    }

    private static AttributeProto.Builder attribute(String name) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INT);
    }

    private static ValueInfoProto value(String name, int... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int d : dims) {
            shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(d));
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(
                        TypeProto.newBuilder()
                                .setTensorType(
                                        TypeProto.Tensor.newBuilder()
                                                .setElemType(FLOAT)
                                                .setShape(shape)))
                .build();
    }

    private TensorProto weights(String name, Random random, int... dims) {
        int n = 1;
        TensorProto.Builder tensor = TensorProto.newBuilder().setName(name).setDataType(FLOAT);
        for (int d : dims) {
            n *= d;
            tensor.addDims(d);
        }
        ByteBuffer bytes = ByteBuffer.allocate(4 * n).order(ByteOrder.LITTLE_ENDIAN);
        float scale = (float) (1 / Math.sqrt(size));
        while (bytes.hasRemaining()) {
            bytes.putFloat((random.nextFloat() * 2 - 1) * scale);
        }
        return tensor.setRawData(ByteString.copyFrom(bytes.flip())).build();
    }
}
