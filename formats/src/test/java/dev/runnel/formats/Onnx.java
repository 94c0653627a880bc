package dev.runnel.formats;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.AttributeProto.AttributeType;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/// Small ONNX messages to be read, and graphs as text to be compared.
public final class Onnx {
    private Onnx() {}

    /// A model of these nodes; `x` is its input, of unknown rank, and `y` its output.
    public static ModelProto.Builder model(long opset, NodeProto.Builder... nodes) {
        GraphProto.Builder graph =
                GraphProto.newBuilder().addInput(value("x")).addOutput(value("y"));
        for (NodeProto.Builder n : nodes) {
            graph.addNode(n);
        }
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .setGraph(graph)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset));
    }

    /// A node named `n`; names of tensors are separated by blanks, `-` is an absent one.
    public static NodeProto.Builder node(
            String op, String inputs, String outputs, AttributeProto.Builder... attributes) {
        NodeProto.Builder n = NodeProto.newBuilder().setName("n").setOpType(op);
        n.addAllInput(names(inputs)).addAllOutput(names(outputs));
        for (AttributeProto.Builder a : attributes) {
            n.addAttribute(a);
        }
        return n;
    }

    private static List<String> names(String text) {
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(" ")).map(n -> n.equals("-") ? "" : n).toList();
    }

    /// A float32 value; without dimensions, of unknown rank; 0 is a dimension chosen by the caller.
    public static ValueInfoProto.Builder value(String name, long... dims) {
        TypeProto.Tensor.Builder type = TypeProto.Tensor.newBuilder().setElemType(1);
        if (dims.length > 0) {
            TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
            for (long d : dims) {
                shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(d));
            }
            type.setShape(shape);
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(type));
    }

    public static AttributeProto.Builder attribute(String name, long value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value);
    }

    public static AttributeProto.Builder attribute(String name, float value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.FLOAT).setF(value);
    }

    public static AttributeProto.Builder attribute(String name, String value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value));
    }

    public static AttributeProto.Builder attribute(String name, TensorProto.Builder value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.TENSOR).setT(value);
    }

    public static AttributeProto.Builder attribute(String name, GraphProto.Builder value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.GRAPH).setG(value);
    }

    public static AttributeProto.Builder longs(String name, long... values) {
        AttributeProto.Builder a =
                AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS);
        LongStream.of(values).forEach(a::addInts);
        return a;
    }

    public static AttributeProto.Builder floats(String name, float... values) {
        AttributeProto.Builder a =
                AttributeProto.newBuilder().setName(name).setType(AttributeType.FLOATS);
        for (float v : values) {
            a.addFloats(v);
        }
        return a;
    }

    /// A float32 vector in `raw_data`.
    public static TensorProto.Builder tensor(String name, float... values) {
        ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(values);
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(1)
                .addDims(values.length)
                .setRawData(ByteString.copyFrom(raw));
    }

    /// The nodes of `g`, one a line, as `y = Op(x, [1, 2]) {axis=1}`, with the values of constants.
    public static String text(Graph g) {
        return g.nodes().stream().map(n -> text(n, g)).collect(Collectors.joining("\n"));
    }

    private static String text(Node n, Graph g) {
        return String.join(", ", n.outputs())
                + " = "
                + n.op()
                + n.inputs().stream()
                        .map(
                                i ->
                                        g.initializers().containsKey(i)
                                                ? text(g.initializers().get(i))
                                                : i)
                        .collect(Collectors.joining(", ", "(", ")"))
                + (n.attributes().isEmpty()
                        ? ""
                        : new TreeMap<>(n.attributes())
                                .entrySet().stream()
                                        .map(e -> e.getKey() + "=" + text(e.getValue()))
                                        .collect(Collectors.joining(", ", " {", "}")));
    }

    private static String text(Attribute a) {
        return switch (a) {
            case Attribute.OfLong(long v) -> Long.toString(v);
            case Attribute.OfFloat(float v) -> Float.toString(v);
            case Attribute.OfString(String v) -> v;
            case Attribute.OfLongs(List<Long> v) -> v.toString();
            case Attribute.OfFloats(List<Float> v) -> v.toString();
            case Attribute.OfStrings(List<String> v) -> v.toString();
            case Attribute.OfTensor(Tensor v) -> text(v);
            case Attribute.OfGraph(Graph v) -> "{" + text(v) + "}";
        };
    }

    private static String text(@org.jspecify.annotations.Nullable Tensor t) {
        if (t == null) {
            return "null";
        }
        String values =
                t.dtype().isFloat() ? Arrays.toString(t.toFloats()) : Arrays.toString(t.toLongs());
        return t.shape().rank() == 0 ? values.substring(1, values.length() - 1) : values;
    }
}
