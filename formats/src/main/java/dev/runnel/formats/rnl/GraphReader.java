package dev.runnel.formats.rnl;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Makes [Graph]s of the messages of a header.
final class GraphReader {
    private final MappedFile file;
    private final List<Tensor> tensors;

    /// @param tensors the file's table
    GraphReader(MappedFile file, List<Tensor> tensors) {
        this.file = file;
        this.tensors = tensors;
    }

    /// The model's own graph.
    ///
    /// @param format what the metadata say of the file
    Graph model(Rnl.Graph g, String format) {
        Map<String, String> metadata = metadata(g);
        metadata.put(RnlReader.FORMAT, format);
        return graph(file.name(), g, metadata);
    }

    private Map<String, String> metadata(Rnl.Graph g) {
        Map<String, String> metadata = new HashMap<>();
        for (Rnl.Entry e : g.getMetadataList()) {
            if (metadata.put(e.getKey(), e.getValue()) != null) {
                throw file.malformed("metadata '" + e.getKey() + "' is there twice");
            }
        }
        return metadata;
    }

    private Graph graph(String name, Rnl.Graph g, Map<String, String> metadata) {
        Map<String, Tensor> initializers = new HashMap<>();
        for (Rnl.Initializer i : g.getInitializersList()) {
            String what = "initializer '" + i.getName() + "'";
            if (i.getName().isEmpty()) {
                throw file.malformed("an initializer has no name");
            }
            if (initializers.put(i.getName(), tensor(i.getTensor(), what)) != null) {
                throw file.malformed(what + " is there twice");
            }
        }
        List<Node> nodes = new ArrayList<>(g.getNodesCount());
        for (Rnl.Node n : g.getNodesList()) {
            nodes.add(node(n, nodes.size()));
        }
        return new Graph(
                name,
                values(g.getInputsList(), "input"),
                values(g.getOutputsList(), "output"),
                initializers,
                nodes,
                metadata);
    }

    private Tensor tensor(int index, String what) {
        if (index < 0 || index >= tensors.size()) {
            throw file.malformed(
                    what
                            + " is tensor "
                            + Integer.toUnsignedLong(index)
                            + ", but the table has "
                            + tensors.size());
        }
        return tensors.get(index);
    }

    private List<ValueInfo> values(List<Rnl.Value> list, String kind) {
        Set<String> seen = new HashSet<>();
        List<ValueInfo> values = new ArrayList<>(list.size());
        for (Rnl.Value v : list) {
            String what = kind + " '" + v.getName() + "'";
            if (v.getName().isEmpty()) {
                throw file.malformed("an " + kind + " has no name");
            }
            if (!seen.add(v.getName())) {
                throw file.malformed(what + " is there twice");
            }
            values.add(
                    new ValueInfo(
                            v.getName(),
                            RnlReader.dtype(file, v.getElementType(), what),
                            v.hasShape() ? dims(v.getShape(), what) : null));
        }
        return values;
    }

    private List<ValueInfo.Dim> dims(Rnl.Shape shape, String what) {
        List<ValueInfo.Dim> dims = new ArrayList<>(shape.getDimsCount());
        for (Rnl.Dimension d : shape.getDimsList()) {
            dims.add(dimension(d, what));
        }
        return dims;
    }

    private ValueInfo.Dim dimension(Rnl.Dimension d, String what) {
        return switch (d.getValueCase()) {
            case SIZE -> {
                if (d.getSize() < 0) {
                    throw file.malformed(
                            what + " has dimension " + Long.toUnsignedString(d.getSize()));
                }
                yield ValueInfo.Dim.of(d.getSize());
            }
            case SYMBOL, VALUE_NOT_SET -> ValueInfo.Dim.of(d.getSymbol());
        };
    }

    private Node node(Rnl.Node n, int index) {
        String what = "node '" + n.getName() + "'";
        if (n.getName().isEmpty() || n.getOp().isEmpty()) {
            throw file.malformed(
                    "node "
                            + index
                            + " has "
                            + (n.getName().isEmpty() ? "no name" : "the name '" + n.getName() + "'")
                            + " and the operator '"
                            + n.getOp()
                            + "', expected both");
        }
        Map<String, Attribute> attributes = new HashMap<>();
        for (Rnl.Attribute a : n.getAttributesList()) {
            String where = what + ": attribute '" + a.getName() + "'";
            if (attributes.put(a.getName(), attribute(a, n.getName(), where)) != null) {
                throw file.malformed(where + " is there twice");
            }
        }
        return new Node(
                n.getName(),
                n.getDomain(),
                n.getOp(),
                n.getInputsList(),
                n.getOutputsList(),
                attributes);
    }

    private Attribute attribute(Rnl.Attribute a, String node, String where) {
        return switch (a.getValueCase()) {
            case INTEGER -> new Attribute.OfLong(a.getInteger());
            case NUMBER -> new Attribute.OfFloat(a.getNumber());
            case TEXT -> new Attribute.OfString(a.getText());
            case INTEGERS -> new Attribute.OfLongs(a.getIntegers().getValuesList());
            case NUMBERS -> new Attribute.OfFloats(a.getNumbers().getValuesList());
            case TEXTS -> new Attribute.OfStrings(a.getTexts().getValuesList());
            case TENSOR -> new Attribute.OfTensor(tensor(a.getTensor(), where));
            case GRAPH -> {
                Rnl.Graph g = a.getGraph();
                String name = file.name() + "/" + node + "/" + a.getName();
                yield new Attribute.OfGraph(graph(name, g, metadata(g)));
            }
            case VALUE_NOT_SET ->
                    throw file.unsupported(where + " has no value of a kind that Runnel knows");
        };
    }
}
