package dev.runnel.tools;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// ONNX files small enough to work out by hand.
final class TinyModels {
    private static final int FLOAT = 1;

    private TinyModels() {}

    /// `y = x + w`, where x is `[batch, 2]` and w is `[10, 20]`.
    static Path shift(Path folder) throws IOException {
        return write(
                folder,
                GraphProto.newBuilder()
                        .setName("shift")
                        .addInput(value("x", "batch", 2))
                        .addOutput(value("y", "batch", 2))
                        .addInitializer(floats("w", List.of(2L), 10, 20))
                        .addNode(node("Add", List.of("x", "w"), "y")));
    }

    /// `y = x + o`, where x is `[1, 2]` and o a scalar.
    static Path offset(Path folder) throws IOException {
        return write(
                folder,
                GraphProto.newBuilder()
                        .setName("offset")
                        .addInput(value("x", 1, 2))
                        .addInput(value("o"))
                        .addOutput(value("y", 1, 2))
                        .addNode(node("Add", List.of("x", "o"), "y")));
    }

    /// A stream's sum: `y = x + s`, `s1 = s + x`, all `[1, 2]`.
    static Path sum(Path folder) throws IOException {
        return write(
                folder,
                GraphProto.newBuilder()
                        .setName("sum")
                        .addInput(value("x", 1, 2))
                        .addInput(value("s", 1, 2))
                        .addOutput(value("y", 1, 2))
                        .addOutput(value("s1", 1, 2))
                        .addNode(node("Add", List.of("x", "s"), "y"))
                        .addNode(node("Add", List.of("s", "x"), "s1")));
    }

    /// `y = x · w`, where x is `[1, 2]`, and w has a number on its diagonal that bfloat16 rounds,
    /// to 1, and one that it does not.
    static Path product(Path folder) throws IOException {
        return write(
                folder,
                GraphProto.newBuilder()
                        .setName("product")
                        .addInput(value("x", 1, 2))
                        .addOutput(value("y", 1, 2))
                        .addInitializer(floats("w", List.of(2L, 2L), 1.001f, 0, 0, 2))
                        .addNode(node("MatMul", List.of("x", "w"), "y")));
    }

    /// A node that nobody knows.
    static Path unknown(Path folder) throws IOException {
        return write(
                folder,
                GraphProto.newBuilder()
                        .setName("unknown")
                        .addInput(value("x", "batch", 2))
                        .addOutput(value("y", "batch", 2))
                        .addNode(node("Add", List.of("x", "x"), "z"))
                        .addNode(node("Frobnicate", List.of("z"), "y")));
    }

    static TensorProto floats(String name, List<Long> dims, float... values) {
        ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            raw.putFloat(v);
        }
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(FLOAT)
                .addAllDims(dims)
                .setRawData(ByteString.copyFrom(raw.array()))
                .build();
    }

    /// Writes `folder/test_data_set_SET/FILE.pb`.
    static void data(Path folder, int set, String file, TensorProto tensor) throws IOException {
        Path path = folder.resolve("test_data_set_" + set).resolve(file + ".pb");
        Files.createDirectories(path.getParent());
        Files.write(path, tensor.toByteArray());
    }

    private static Path write(Path folder, GraphProto.Builder graph) throws IOException {
        Files.createDirectories(folder);
        ModelProto model =
                ModelProto.newBuilder()
                        .setIrVersion(8)
                        .setProducerName("by hand")
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                        .setGraph(graph)
                        .build();
        return Files.write(folder.resolve("model.onnx"), model.toByteArray());
    }

    private static NodeProto node(String op, List<String> inputs, String output) {
        return NodeProto.newBuilder()
                .setName(op + "_" + output)
                .setOpType(op)
                .addAllInput(inputs)
                .addOutput(output)
                .build();
    }

    private static ValueInfoProto value(String name, Object... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (Object dim : dims) {
            TensorShapeProto.Dimension.Builder d = TensorShapeProto.Dimension.newBuilder();
            shape.addDim(
                    dim instanceof Integer size
                            ? d.setDimValue(size)
                            : d.setDimParam(dim.toString()));
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
}
