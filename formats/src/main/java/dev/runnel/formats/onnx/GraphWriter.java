package dev.runnel.formats.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.AttributeProto.AttributeType;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.Collection;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// Makes `GraphProto`s of graphs. What a graph holds in no order is written in that of its names.
final class GraphWriter {
    private final SortedSet<String> domains = new TreeSet<>(java.util.List.of(""));

    /// The domains of the operators met so far, the standard one among them.
    Collection<String> domains() {
        return domains;
    }

    /// The model's own graph.
    GraphProto graph(Graph graph) {
        return graph(graph, "graph", true);
    }

    private GraphProto graph(Graph graph, String name, boolean typed) {
        GraphProto.Builder g = GraphProto.newBuilder().setName(name);
        graph.inputs().forEach(v -> g.addInput(value(v, typed)));
        graph.outputs().forEach(v -> g.addOutput(value(v, typed)));
        new TreeMap<>(graph.initializers())
                .forEach((key, tensor) -> g.addInitializer(tensor(tensor).setName(key)));
        NodeOrder.of(graph).forEach(n -> g.addNode(node(n)));
        return g.build();
    }

    /// @param typed whether the type must be there; that of a subgraph's values follows from the
    ///   node's, and is not known where the reader had to assume float32
    private static ValueInfoProto value(ValueInfo info, boolean typed) {
        ValueInfoProto.Builder v = ValueInfoProto.newBuilder().setName(info.name());
        if (!typed && info.dims() == null && info.dtype() == DType.FLOAT32) {
            return v.build();
        }
        TypeProto.Tensor.Builder type = v.getTypeBuilder().getTensorTypeBuilder();
        type.setElemType(info.dtype().onnxCode());
        if (info.dims() != null) {
            TensorShapeProto.Builder shape = type.getShapeBuilder();
            info.dims().forEach(d -> shape.addDim(dimension(d)));
        }
        return v.build();
    }

    private static TensorShapeProto.Dimension dimension(ValueInfo.Dim dim) {
        TensorShapeProto.Dimension.Builder d = TensorShapeProto.Dimension.newBuilder();
        if (dim.isFixed()) {
            d.setDimValue(dim.size());
        } else if (!dim.symbol().isEmpty()) {
            d.setDimParam(dim.symbol());
        }
        return d.build();
    }

    private NodeProto node(Node node) {
        domains.add(node.domain());
        NodeProto.Builder n =
                NodeProto.newBuilder()
                        .setName(node.name())
                        .setDomain(node.domain())
                        .setOpType(node.op())
                        .addAllInput(node.inputs())
                        .addAllOutput(node.outputs());
        new TreeMap<>(node.attributes()).forEach((name, a) -> n.addAttribute(attribute(name, a)));
        return n.build();
    }

    private AttributeProto attribute(String name, Attribute attribute) {
        AttributeProto.Builder a = AttributeProto.newBuilder().setName(name);
        switch (attribute) {
            case Attribute.OfLong(var v) -> a.setType(AttributeType.INT).setI(v);
            case Attribute.OfFloat(var v) -> a.setType(AttributeType.FLOAT).setF(v);
            case Attribute.OfString(var v) ->
                    a.setType(AttributeType.STRING).setS(ByteString.copyFromUtf8(v));
            case Attribute.OfLongs(var v) -> a.setType(AttributeType.INTS).addAllInts(v);
            case Attribute.OfFloats(var v) -> a.setType(AttributeType.FLOATS).addAllFloats(v);
            case Attribute.OfStrings(var v) ->
                    a.setType(AttributeType.STRINGS)
                            .addAllStrings(v.stream().map(ByteString::copyFromUtf8).toList());
            case Attribute.OfTensor(Tensor v) -> a.setType(AttributeType.TENSOR).setT(tensor(v));
            case Attribute.OfGraph(Graph v) ->
                    a.setType(AttributeType.GRAPH).setG(graph(v, name, false));
        }
        return a.build();
    }

    private static TensorProto.Builder tensor(Tensor tensor) {
        TensorProto.Builder t = TensorProto.newBuilder().setDataType(tensor.dtype().onnxCode());
        for (long d : tensor.shape().dims()) {
            t.addDims(d);
        }
        if (tensor.data().byteSize() > 0) {
            t.setRawData(UnsafeByteOperations.unsafeWrap(tensor.data().asByteBuffer()));
        }
        return t;
    }

    /// The bytes of all tensors of `graph`.
    static long tensorBytes(Graph graph) {
        long bytes = 0;
        for (Tensor t : graph.initializers().values()) {
            bytes += t.data().byteSize();
        }
        for (Node node : graph.nodes()) {
            for (Attribute a : node.attributes().values()) {
                bytes +=
                        switch (a) {
                            case Attribute.OfGraph(Graph g) -> tensorBytes(g);
                            case Attribute.OfTensor(Tensor t) -> t.data().byteSize();
                            default -> 0;
                        };
            }
        }
        return bytes;
    }
}
