package dev.runnel.formats.onnx;

import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.ValueInfoProto;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/// The names of a file's tensors and nodes, so that those we make up are new, and which tensors are
/// read at all. One space for all graphs of a file: a branch sees the names of the graph around it.
final class Names {
    private final Set<String> taken = new HashSet<>();
    private final Map<String, Integer> next =
            new HashMap<>(); // a file may give one name to all its nodes
    private final Set<String> read = new HashSet<>();

    Names(Message graph) {
        add(graph);
    }

    private void add(Message g) {
        for (Message t : g.messages(GraphProto.INITIALIZER_FIELD_NUMBER, "TensorProto")) {
            taken.add(t.text(TensorProto.NAME_FIELD_NUMBER));
        }
        for (Message v : g.messages(GraphProto.INPUT_FIELD_NUMBER, "ValueInfoProto")) {
            taken.add(v.text(ValueInfoProto.NAME_FIELD_NUMBER));
        }
        for (Message v : g.messages(GraphProto.OUTPUT_FIELD_NUMBER, "ValueInfoProto")) {
            read.add(v.text(ValueInfoProto.NAME_FIELD_NUMBER));
        }
        add(g.messages(GraphProto.NODE_FIELD_NUMBER, "NodeProto"));
        taken.addAll(read);
    }

    private void add(List<Message> nodes) {
        for (Message n : nodes) {
            taken.add(n.text(NodeProto.NAME_FIELD_NUMBER));
            taken.addAll(n.texts(NodeProto.OUTPUT_FIELD_NUMBER));
            read.addAll(n.texts(NodeProto.INPUT_FIELD_NUMBER));
            for (Message g : graphs(n)) {
                add(g);
            }
        }
    }

    /// The graphs that the attributes of a node hold.
    private static List<Message> graphs(Message node) {
        List<Message> graphs = new ArrayList<>();
        for (Message a : node.messages(NodeProto.ATTRIBUTE_FIELD_NUMBER, "AttributeProto")) {
            if (a.has(AttributeProto.G_FIELD_NUMBER)) {
                graphs.add(a.message(AttributeProto.G_FIELD_NUMBER, "GraphProto"));
            }
            graphs.addAll(a.messages(AttributeProto.GRAPHS_FIELD_NUMBER, "GraphProto"));
        }
        return graphs;
    }

    /// `base`, or `base_2`, … if that is taken; taken from now on.
    String fresh(String base) {
        String name = base;
        while (!taken.add(name)) {
            name = base + "_" + next.merge(base, 2, (n, first) -> n + 1);
        }
        return name;
    }

    /// Takes note of what a function's `nodes` read, by the names that stand for theirs.
    void addReads(List<Message> nodes, UnaryOperator<String> actual) {
        for (Message n : nodes) {
            n.texts(NodeProto.INPUT_FIELD_NUMBER).forEach(i -> read.add(actual.apply(i)));
            graphs(n).forEach(g -> addReads(g, actual));
        }
    }

    private void addReads(Message g, UnaryOperator<String> actual) {
        for (Message o : g.messages(GraphProto.OUTPUT_FIELD_NUMBER, "ValueInfoProto")) {
            read.add(actual.apply(o.text(ValueInfoProto.NAME_FIELD_NUMBER)));
        }
        addReads(g.messages(GraphProto.NODE_FIELD_NUMBER, "NodeProto"), actual);
    }

    /// Whether any node or graph output reads `tensor`.
    boolean isRead(String tensor) {
        return read.contains(tensor);
    }
}
