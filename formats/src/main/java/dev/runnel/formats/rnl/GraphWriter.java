package dev.runnel.formats.rnl;

import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.Map;
import java.util.TreeMap;

/// Makes the messages of graphs. What a graph holds in no order is written in that of its names.
final class GraphWriter {
    private final TensorTable tensors;

    GraphWriter(TensorTable tensors) {
        this.tensors = tensors;
    }

    /// @param prefix what the names of its tensors in the table begin with
    Rnl.Graph graph(Graph graph, String prefix) {
        Rnl.Graph.Builder g = Rnl.Graph.newBuilder();
        graph.inputs().forEach(v -> g.addInputs(value(v)));
        graph.outputs().forEach(v -> g.addOutputs(value(v)));
        new TreeMap<>(graph.initializers())
                .forEach(
                        (name, tensor) ->
                                g.addInitializers(
                                        Rnl.Initializer.newBuilder()
                                                .setName(name)
                                                .setTensor(tensors.index(tensor, prefix + name))));
        graph.nodes().forEach(n -> g.addNodes(node(n, prefix)));
        Map<String, String> metadata = new TreeMap<>(graph.metadata());
        metadata.remove(RnlReader.FORMAT); // what the reader says of every file
        metadata.forEach(
                (key, value) -> g.addMetadata(Rnl.Entry.newBuilder().setKey(key).setValue(value)));
        return g.build();
    }

    private static Rnl.Value value(ValueInfo info) {
        Rnl.Value.Builder v =
                Rnl.Value.newBuilder().setName(info.name()).setElementType(info.dtype().onnxCode());
        if (info.dims() != null) {
            Rnl.Shape.Builder shape = v.getShapeBuilder();
            info.dims().forEach(d -> shape.addDims(dimension(d)));
        }
        return v.build();
    }

    private static Rnl.Dimension dimension(ValueInfo.Dim dim) {
        Rnl.Dimension.Builder d = Rnl.Dimension.newBuilder();
        if (dim.isFixed()) {
            d.setSize(dim.size());
        } else if (!dim.symbol().isEmpty()) {
            d.setSymbol(dim.symbol());
        }
        return d.build();
    }

    private Rnl.Node node(Node node, String prefix) {
        Rnl.Node.Builder n =
                Rnl.Node.newBuilder()
                        .setName(node.name())
                        .setDomain(node.domain())
                        .setOp(node.op())
                        .addAllInputs(node.inputs())
                        .addAllOutputs(node.outputs());
        new TreeMap<>(node.attributes())
                .forEach(
                        (name, a) ->
                                n.addAttributes(
                                        attribute(name, a, prefix + node.name() + "/" + name)));
        return n.build();
    }

    private Rnl.Attribute attribute(String name, Attribute attribute, String path) {
        Rnl.Attribute.Builder a = Rnl.Attribute.newBuilder().setName(name);
        switch (attribute) {
            case Attribute.OfLong(var v) -> a.setInteger(v);
            case Attribute.OfFloat(var v) -> a.setNumber(v);
            case Attribute.OfString(var v) -> a.setText(v);
            case Attribute.OfLongs(var v) -> a.getIntegersBuilder().addAllValues(v);
            case Attribute.OfFloats(var v) -> a.getNumbersBuilder().addAllValues(v);
            case Attribute.OfStrings(var v) -> a.getTextsBuilder().addAllValues(v);
            case Attribute.OfTensor(Tensor v) -> a.setTensor(tensors.index(v, path));
            case Attribute.OfGraph(Graph v) -> a.setGraph(graph(v, path + "/"));
        }
        return a.build();
    }
}
