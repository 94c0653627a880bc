package dev.runnel.formats.onnx;

import com.google.protobuf.ByteString;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.AttributeProto.AttributeType;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;

import java.io.IOException;
import java.util.Map;

/// The attributes of nodes.
final class AttributeReader {
    /// Reads the subgraph that an attribute holds.
    interface Subgraphs {
        Graph read(GraphProto graph, String attribute) throws IOException;
    }

    private final MappedFile file;
    private final TensorReader tensors;

    AttributeReader(MappedFile file, TensorReader tensors) {
        this.file = file;
        this.tensors = tensors;
    }

    /// Puts the attributes of `p` into `to`; those that refer to an attribute of the function
    /// around it get its value, or are left out if the caller left it out.
    void read(NodeProto p, Draft to, Scope scope, Subgraphs subgraphs) throws IOException {
        for (AttributeProto a : p.getAttributeList()) {
            Attribute value;
            if (a.getRefAttrName().isEmpty()) {
                value = value(a, to, subgraphs);
            } else if (scope.call() == null) {
                throw to.malformed(
                        "attribute '"
                                + a.getName()
                                + "' refers to '"
                                + a.getRefAttrName()
                                + "' of a function, but the node is in none");
            } else {
                value = scope.call().attributes().get(a.getRefAttrName());
            }
            if (value != null && to.attributes.put(a.getName(), value) != null) {
                throw to.malformed("attribute '" + a.getName() + "' is given twice");
            }
        }
    }

    /// Completes the attributes that `call` gives to function `f` by the function's defaults.
    void readDefaults(FunctionProto f, Draft call, Map<String, Attribute> bound, Scope scope)
            throws IOException {
        for (String given : call.attributes.keySet()) {
            if (!f.getAttributeList().contains(given)
                    && f.getAttributeProtoList().stream()
                            .noneMatch(a -> a.getName().equals(given))) {
                throw call.malformed("attribute '" + given + "' is none of the function's");
            }
        }
        for (AttributeProto a : f.getAttributeProtoList()) {
            if (!bound.containsKey(a.getName())) {
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
                bound.put(a.getName(), value);
            }
        }
    }

    private Attribute value(AttributeProto a, Draft node, Subgraphs subgraphs) throws IOException {
        String name = a.getName();
        return switch (type(a)) {
            case FLOAT -> new Attribute.OfFloat(a.getF());
            case INT -> new Attribute.OfLong(a.getI());
            case STRING -> new Attribute.OfString(string(a.getS(), name, node));
            case FLOATS -> new Attribute.OfFloats(a.getFloatsList());
            case INTS -> new Attribute.OfLongs(a.getIntsList());
            case STRINGS ->
                    new Attribute.OfStrings(
                            a.getStringsList().stream().map(s -> string(s, name, node)).toList());
            case TENSOR -> {
                if (!a.hasT()) {
                    throw node.malformed("attribute '" + name + "' has no tensor");
                }
                yield new Attribute.OfTensor(
                        tensors.read(a.getT(), node + ": attribute '" + name + "'"));
            }
            case GRAPH -> {
                if (!a.hasG()) {
                    throw node.malformed("attribute '" + name + "' has no graph");
                }
                yield new Attribute.OfGraph(subgraphs.read(a.getG(), name));
            }
            case UNDEFINED -> throw node.malformed("attribute '" + name + "' has no value");
            default ->
                    throw node.unsupported(
                            "attribute '"
                                    + name
                                    + "' is of type "
                                    + typeName(a)
                                    + ", which no supported operator has");
        };
    }

    private static String typeName(AttributeProto a) {
        return a.getType() == AttributeType.UNRECOGNIZED
                ? Integer.toString(a.getTypeValue())
                : type(a).name().toLowerCase(java.util.Locale.ROOT);
    }

    /// What the attribute says it is; the oldest files leave that to be seen.
    private static AttributeType type(AttributeProto a) {
        if (a.getType() != AttributeType.UNDEFINED) {
            return a.getType();
        }
        return a.hasF()
                ? AttributeType.FLOAT
                : a.hasI()
                        ? AttributeType.INT
                        : a.hasS()
                                ? AttributeType.STRING
                                : a.hasT()
                                        ? AttributeType.TENSOR
                                        : a.hasG()
                                                ? AttributeType.GRAPH
                                                : a.getFloatsCount() > 0
                                                        ? AttributeType.FLOATS
                                                        : a.getIntsCount() > 0
                                                                ? AttributeType.INTS
                                                                : a.getStringsCount() > 0
                                                                        ? AttributeType.STRINGS
                                                                        : a.hasSparseTensor()
                                                                                ? AttributeType
                                                                                        .SPARSE_TENSOR
                                                                                : AttributeType
                                                                                        .UNDEFINED;
    }

    private static String string(ByteString bytes, String name, Draft node) {
        if (!bytes.isValidUtf8()) {
            throw node.malformed("attribute '" + name + "' is not valid UTF-8");
        }
        return bytes.toStringUtf8();
    }
}
