package dev.runnel.formats.rnl;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
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
    Graph model(Message g, String format) {
        Map<String, String> metadata = metadata(g);
        metadata.put(RnlReader.FORMAT, format);
        return graph(file.name(), g, metadata);
    }

    private Map<String, String> metadata(Message g) {
        Map<String, String> metadata = new HashMap<>();
        for (Message e : g.messages(Rnl.Graph.METADATA_FIELD_NUMBER, "Entry")) {
            String key = e.text(Rnl.Entry.KEY_FIELD_NUMBER);
            if (metadata.put(key, e.text(Rnl.Entry.VALUE_FIELD_NUMBER)) != null) {
                throw file.malformed("metadata '" + key + "' is there twice");
            }
        }
        return metadata;
    }

    private Graph graph(String name, Message g, Map<String, String> metadata) {
        Map<String, Tensor> initializers = new HashMap<>();
        for (Message i : g.messages(Rnl.Graph.INITIALIZERS_FIELD_NUMBER, "Initializer")) {
            String tensor = i.text(Rnl.Initializer.NAME_FIELD_NUMBER);
            String what = "initializer '" + tensor + "'";
            if (tensor.isEmpty()) {
                throw file.malformed("an initializer has no name");
            }
            long index = i.number(Rnl.Initializer.TENSOR_FIELD_NUMBER);
            if (initializers.put(tensor, tensor(index, what)) != null) {
                throw file.malformed(what + " is there twice");
            }
        }
        List<Node> nodes = new ArrayList<>();
        for (Message n : g.messages(Rnl.Graph.NODES_FIELD_NUMBER, "Node")) {
            nodes.add(node(n, nodes.size()));
        }
        return new Graph(
                name,
                values(g.messages(Rnl.Graph.INPUTS_FIELD_NUMBER, "Value"), "input"),
                values(g.messages(Rnl.Graph.OUTPUTS_FIELD_NUMBER, "Value"), "output"),
                initializers,
                nodes,
                metadata);
    }

    private Tensor tensor(long number, String what) {
        int index = (int) number; // as any parser reads a uint32
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

    private List<ValueInfo> values(List<Message> list, String kind) {
        Set<String> seen = new HashSet<>();
        List<ValueInfo> values = new ArrayList<>(list.size());
        for (Message v : list) {
            String name = v.text(Rnl.Value.NAME_FIELD_NUMBER);
            String what = kind + " '" + name + "'";
            if (name.isEmpty()) {
                throw file.malformed("an " + kind + " has no name");
            }
            if (!seen.add(name)) {
                throw file.malformed(what + " is there twice");
            }
            values.add(
                    new ValueInfo(
                            name,
                            RnlReader.dtype(
                                    file, v.number(Rnl.Value.ELEMENT_TYPE_FIELD_NUMBER), what),
                            v.has(Rnl.Value.SHAPE_FIELD_NUMBER)
                                    ? dims(v.message(Rnl.Value.SHAPE_FIELD_NUMBER, "Shape"), what)
                                    : null));
        }
        return values;
    }

    private List<ValueInfo.Dim> dims(Message shape, String what) {
        List<ValueInfo.Dim> dims = new ArrayList<>();
        for (Message d : shape.messages(Rnl.Shape.DIMS_FIELD_NUMBER, "Dimension")) {
            dims.add(dimension(d, what));
        }
        return dims;
    }

    private ValueInfo.Dim dimension(Message d, String what) {
        int kind = d.oneOf(Rnl.Dimension.SIZE_FIELD_NUMBER, Rnl.Dimension.SYMBOL_FIELD_NUMBER);
        if (kind != Rnl.Dimension.SIZE_FIELD_NUMBER) {
            return ValueInfo.Dim.of(d.text(Rnl.Dimension.SYMBOL_FIELD_NUMBER));
        }
        long size = d.number(Rnl.Dimension.SIZE_FIELD_NUMBER);
        if (size < 0) {
            throw file.malformed(what + " has dimension " + Long.toUnsignedString(size));
        }
        return ValueInfo.Dim.of(size);
    }

    private Node node(Message n, int index) {
        String name = n.name(Rnl.Node.NAME_FIELD_NUMBER);
        String op = n.text(Rnl.Node.OP_FIELD_NUMBER);
        String what = "node '" + name + "'";
        if (name.isEmpty() || op.isEmpty()) {
            throw file.malformed(
                    "node "
                            + index
                            + " has "
                            + (name.isEmpty() ? "no name" : "the name '" + name + "'")
                            + " and the operator '"
                            + op
                            + "', expected both");
        }
        Map<String, Attribute> attributes = new HashMap<>();
        for (Message a : n.messages(Rnl.Node.ATTRIBUTES_FIELD_NUMBER, "Attribute")) {
            String attribute = a.name(Rnl.Attribute.NAME_FIELD_NUMBER);
            String where = what + ": attribute '" + attribute + "'";
            String path = file.name() + "/" + name + "/" + attribute;
            if (attributes.put(attribute, attribute(a, path, where)) != null) {
                throw file.malformed(where + " is there twice");
            }
        }
        return new Node(
                name,
                n.text(Rnl.Node.DOMAIN_FIELD_NUMBER),
                op,
                n.texts(Rnl.Node.INPUTS_FIELD_NUMBER),
                n.texts(Rnl.Node.OUTPUTS_FIELD_NUMBER),
                attributes);
    }

    /// @param path the name of a graph in it
    private Attribute attribute(Message a, String path, String where) {
        int kind =
                a.oneOf(
                        Rnl.Attribute.INTEGER_FIELD_NUMBER,
                        Rnl.Attribute.NUMBER_FIELD_NUMBER,
                        Rnl.Attribute.TEXT_FIELD_NUMBER,
                        Rnl.Attribute.INTEGERS_FIELD_NUMBER,
                        Rnl.Attribute.NUMBERS_FIELD_NUMBER,
                        Rnl.Attribute.TEXTS_FIELD_NUMBER,
                        Rnl.Attribute.TENSOR_FIELD_NUMBER,
                        Rnl.Attribute.GRAPH_FIELD_NUMBER);
        return switch (kind) {
            case Rnl.Attribute.INTEGER_FIELD_NUMBER -> new Attribute.OfLong(signed(a.number(kind)));
            case Rnl.Attribute.NUMBER_FIELD_NUMBER -> new Attribute.OfFloat(a.real(kind));
            case Rnl.Attribute.TEXT_FIELD_NUMBER -> new Attribute.OfString(a.text(kind));
            case Rnl.Attribute.INTEGERS_FIELD_NUMBER -> {
                List<Long> values = new ArrayList<>();
                Message m = a.message(kind, "Integers");
                for (long v : m.numbers(Rnl.Integers.VALUES_FIELD_NUMBER)) {
                    values.add(signed(v));
                }
                yield new Attribute.OfLongs(values);
            }
            case Rnl.Attribute.NUMBERS_FIELD_NUMBER -> {
                List<Float> values = new ArrayList<>();
                Message m = a.message(kind, "Numbers");
                for (float v : m.floats(Rnl.Numbers.VALUES_FIELD_NUMBER)) {
                    values.add(v);
                }
                yield new Attribute.OfFloats(values);
            }
            case Rnl.Attribute.TEXTS_FIELD_NUMBER -> {
                Message m = a.message(kind, "Texts");
                yield new Attribute.OfStrings(m.texts(Rnl.Texts.VALUES_FIELD_NUMBER));
            }
            case Rnl.Attribute.TENSOR_FIELD_NUMBER ->
                    new Attribute.OfTensor(tensor(a.number(kind), where));
            case Rnl.Attribute.GRAPH_FIELD_NUMBER -> {
                Message g = a.message(kind, "Graph");
                yield new Attribute.OfGraph(graph(path, g, metadata(g)));
            }
            default -> throw file.unsupported(where + " has no value of a kind that Runnel knows");
        };
    }

    /// The integer that a `sint64` is.
    private static long signed(long zigzag) {
        return zigzag >>> 1 ^ -(zigzag & 1);
    }
}
