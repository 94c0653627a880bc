package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.longs;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorProto;

import java.util.List;

/// Small ONNX models that between them have most of what the format has.
final class OnnxSeeds {
    private OnnxSeeds() {}

    static List<byte[]> all() {
        return List.of(recurrent(), branching(), old(), functions());
    }

    private static byte[] recurrent() {
        ModelProto.Builder m =
                model(
                        14,
                        node(
                                "LSTM",
                                "x w r",
                                "y h",
                                attribute("hidden_size", 1),
                                attribute("direction", "forward")),
                        node("Reshape", "y s", "z"));
        m.getGraphBuilder()
                .addInitializer(
                        tensor("w", 1, 2, 3, 4).clearDims().addDims(1).addDims(4).addDims(1))
                .addInitializer(
                        tensor("r", 1, 2, 3, 4).clearDims().addDims(1).addDims(4).addDims(1))
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("s")
                                .setDataType(7)
                                .addDims(1)
                                .addInt64Data(-1))
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("e")
                                .setDataType(1)
                                .addDims(1)
                                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                                .addExternalData(
                                        StringStringEntryProto.newBuilder()
                                                .setKey("location")
                                                .setValue("m.onnx"))
                                .addExternalData(
                                        StringStringEntryProto.newBuilder()
                                                .setKey("length")
                                                .setValue("4")))
                .setInput(0, value("x", 3, 1, 1));
        return m.build().toByteArray();
    }

    private static byte[] branching() {
        GraphProto.Builder branch =
                GraphProto.newBuilder()
                        .addNode(node("Constant", "", "t", attribute("value", tensor("", 1, 2))))
                        .addOutput(value("t", 2));
        return model(
                        16,
                        node(
                                "If",
                                "x",
                                "y",
                                attribute("then_branch", branch),
                                attribute("else_branch", branch)),
                        node("Cast", "y", "z", attribute("to", 7)))
                .build()
                .toByteArray();
    }

    private static byte[] old() {
        ModelProto.Builder m =
                model(
                        6,
                        node("Add", "x b", "a", attribute("broadcast", 1), attribute("axis", 1)),
                        node("Softmax", "a", "s", attribute("axis", 2)),
                        node("Squeeze", "s", "t", longs("axes", 0)),
                        node("Slice", "t", "u", longs("starts", 0), longs("ends", 1)),
                        node("Clip", "u", "v", attribute("min", 0f)),
                        node("Pad", "v", "p", longs("pads", 0, 1), attribute("value", 1f)),
                        node("Dropout", "p", "d", attribute("is_test", 1)),
                        node("BatchNormalization", "d b b b b", "q", attribute("is_test", 1)),
                        node("Split", "q", "y z"));
        m.getGraphBuilder().addInitializer(tensor("b", 1, 2));
        return m.build().toByteArray();
    }

    private static byte[] functions() {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName("f")
                        .addInput("a")
                        .addOutput("b")
                        .addAttribute("k")
                        .addNode(node("Elu", "a", "t", attribute("alpha", 0f).setRefAttrName("k")))
                        .addNode(node("Concat", "t t", "b", attribute("axis", 0)));
        return model(18, node("f", "x", "y", attribute("k", 1f)).setDomain("my"))
                .addFunctions(f)
                .build()
                .toByteArray();
    }
}
