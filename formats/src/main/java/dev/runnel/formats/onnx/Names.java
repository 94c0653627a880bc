package dev.runnel.formats.onnx;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.ValueInfoProto;

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

    Names(GraphProto graph) {
        add(graph);
    }

    private void add(GraphProto g) {
        for (TensorProto t : g.getInitializerList()) {
            taken.add(t.getName());
        }
        for (ValueInfoProto v : g.getInputList()) {
            taken.add(v.getName());
        }
        for (ValueInfoProto v : g.getOutputList()) {
            read.add(v.getName());
        }
        add(g.getNodeList());
        taken.addAll(read);
    }

    private void add(List<NodeProto> nodes) {
        for (NodeProto n : nodes) {
            taken.add(n.getName());
            taken.addAll(n.getOutputList());
            read.addAll(n.getInputList());
            for (AttributeProto a : n.getAttributeList()) {
                add(a.getG());
                for (GraphProto g : a.getGraphsList()) {
                    add(g);
                }
            }
        }
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
    void addReads(List<NodeProto> nodes, UnaryOperator<String> actual) {
        for (NodeProto n : nodes) {
            n.getInputList().forEach(i -> read.add(actual.apply(i)));
            for (AttributeProto a : n.getAttributeList()) {
                addReads(a.getG(), actual);
                a.getGraphsList().forEach(g -> addReads(g, actual));
            }
        }
    }

    private void addReads(GraphProto g, UnaryOperator<String> actual) {
        g.getOutputList().forEach(o -> read.add(actual.apply(o.getName())));
        addReads(g.getNodeList(), actual);
    }

    /// Whether any node or graph output reads `tensor`.
    boolean isRead(String tensor) {
        return read.contains(tensor);
    }
}
