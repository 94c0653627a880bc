package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.AttributeProto.AttributeType;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The attributes of nodes.
final class AttributeReader {
    /// The fields that have a value, each with the type that it is of.
    private static final int[][] VALUES = {
        {AttributeProto.F_FIELD_NUMBER, AttributeType.FLOAT_VALUE},
        {AttributeProto.I_FIELD_NUMBER, AttributeType.INT_VALUE},
        {AttributeProto.S_FIELD_NUMBER, AttributeType.STRING_VALUE},
        {AttributeProto.T_FIELD_NUMBER, AttributeType.TENSOR_VALUE},
        {AttributeProto.G_FIELD_NUMBER, AttributeType.GRAPH_VALUE},
        {AttributeProto.FLOATS_FIELD_NUMBER, AttributeType.FLOATS_VALUE},
        {AttributeProto.INTS_FIELD_NUMBER, AttributeType.INTS_VALUE},
        {AttributeProto.STRINGS_FIELD_NUMBER, AttributeType.STRINGS_VALUE},
        {AttributeProto.SPARSE_TENSOR_FIELD_NUMBER, AttributeType.SPARSE_TENSOR_VALUE}
    };

    /// Reads the subgraph that an attribute holds.
    interface Subgraphs {
        Graph read(Message graph, String attribute) throws IOException;
    }

    private final MappedFile file;
    private final TensorReader tensors;

    AttributeReader(MappedFile file, TensorReader tensors) {
        this.file = file;
        this.tensors = tensors;
    }

    /// Puts the attributes of `p` into `to`; those that refer to an attribute of the function
    /// around it get its value, or are left out if the caller left it out.
    void read(Message p, Draft to, Scope scope, Subgraphs subgraphs) throws IOException {
        for (Message a : p.messages(NodeProto.ATTRIBUTE_FIELD_NUMBER, "AttributeProto")) {
            Attribute value;
            String name = name(a);
            String reference = a.text(AttributeProto.REF_ATTR_NAME_FIELD_NUMBER);
            if (reference.isEmpty()) {
                value = value(a, to, subgraphs);
            } else if (scope.call() == null) {
                throw to.malformed(
                        "attribute '"
                                + name
                                + "' refers to '"
                                + reference
                                + "' of a function, but the node is in none");
            } else {
                value = scope.call().attributes().get(reference);
            }
            if (value != null && to.attributes.put(name, value) != null) {
                throw to.malformed("attribute '" + name + "' is given twice");
            }
        }
    }

    /// Completes the attributes that `call` gives to function `f` by the function's defaults.
    void readDefaults(Message f, Draft call, Map<String, Attribute> bound, Scope scope)
            throws IOException {
        List<Message> defaults =
                f.messages(FunctionProto.ATTRIBUTE_PROTO_FIELD_NUMBER, "AttributeProto");
        Set<String> declared = new HashSet<>(f.texts(FunctionProto.ATTRIBUTE_FIELD_NUMBER));
        for (Message a : defaults) {
            declared.add(name(a));
        }
        for (String given : call.attributes.keySet()) {
            if (!declared.contains(given)) {
                throw call.malformed("attribute '" + given + "' is none of the function's");
            }
        }
        for (Message a : defaults) {
            if (!bound.containsKey(name(a))) {
                Attribute value =
                        value(
                                a,
                                call,
                                (g, name) -> {
                                    throw call.unsupported(
                                            "attribute '"
                                                    + name
                                                    + "' of the function has a graph as default");
                                });
                bound.put(name(a), value);
            }
        }
    }

    private static String name(Message attribute) {
        return attribute.text(AttributeProto.NAME_FIELD_NUMBER);
    }

    private Attribute value(Message a, Draft node, Subgraphs subgraphs) throws IOException {
        String name = name(a);
        return switch (type(a)) {
            case AttributeType.FLOAT_VALUE ->
                    new Attribute.OfFloat(a.real(AttributeProto.F_FIELD_NUMBER));
            case AttributeType.INT_VALUE ->
                    new Attribute.OfLong(a.number(AttributeProto.I_FIELD_NUMBER));
            case AttributeType.STRING_VALUE ->
                    new Attribute.OfString(
                            string(a.bytes(AttributeProto.S_FIELD_NUMBER), name, node));
            case AttributeType.FLOATS_VALUE -> {
                List<Float> values = new ArrayList<>();
                for (float v : a.floats(AttributeProto.FLOATS_FIELD_NUMBER)) {
                    values.add(v);
                }
                yield new Attribute.OfFloats(values);
            }
            case AttributeType.INTS_VALUE -> {
                List<Long> values = new ArrayList<>();
                for (long v : a.numbers(AttributeProto.INTS_FIELD_NUMBER)) {
                    values.add(v);
                }
                yield new Attribute.OfLongs(values);
            }
            case AttributeType.STRINGS_VALUE -> {
                List<String> values = new ArrayList<>();
                for (MemorySegment s : a.bytesList(AttributeProto.STRINGS_FIELD_NUMBER)) {
                    values.add(string(s, name, node));
                }
                yield new Attribute.OfStrings(values);
            }
            case AttributeType.TENSOR_VALUE -> {
                if (!a.has(AttributeProto.T_FIELD_NUMBER)) {
                    throw node.malformed("attribute '" + name + "' has no tensor");
                }
                yield new Attribute.OfTensor(
                        tensors.read(
                                a.message(AttributeProto.T_FIELD_NUMBER, "TensorProto"),
                                node + ": attribute '" + name + "'"));
            }
            case AttributeType.GRAPH_VALUE -> {
                if (!a.has(AttributeProto.G_FIELD_NUMBER)) {
                    throw node.malformed("attribute '" + name + "' has no graph");
                }
                yield new Attribute.OfGraph(
                        subgraphs.read(
                                a.message(AttributeProto.G_FIELD_NUMBER, "GraphProto"), name));
            }
            case AttributeType.UNDEFINED_VALUE ->
                    throw node.malformed("attribute '" + name + "' has no value");
            default ->
                    throw node.unsupported(
                            "attribute '"
                                    + name
                                    + "' is of type "
                                    + typeName(a)
                                    + ", which no supported operator has");
        };
    }

    private static String typeName(Message a) {
        int number = type(a);
        AttributeType type = AttributeType.forNumber(number);
        return type == null
                ? Integer.toString(number)
                : type.name().toLowerCase(java.util.Locale.ROOT);
    }

    /// What the attribute says it is; the oldest files leave that to be seen.
    private static int type(Message a) {
        int type = (int) a.number(AttributeProto.TYPE_FIELD_NUMBER);
        if (type != AttributeType.UNDEFINED_VALUE) {
            return type;
        }
        for (int[] field : VALUES) {
            if (a.has(field[0])) {
                return field[1];
            }
        }
        return AttributeType.UNDEFINED_VALUE;
    }

    private static String string(MemorySegment bytes, String name, Draft node) {
        String text = Message.utf8(bytes);
        if (text == null) {
            throw node.malformed("attribute '" + name + "' is not valid UTF-8");
        }
        return text;
    }
}
