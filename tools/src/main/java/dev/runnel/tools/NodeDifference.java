package dev.runnel.tools;

import com.fasterxml.jackson.annotation.JsonInclude;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/// A node, input or output that two graphs do not have alike. The components are keys of `runnel
/// diff --json`.
///
/// @param change what it is
/// @param name its name
/// @param what the operator of a node or the type of a port: in A, or in B if added
/// @param details what changed, as text: `hidden_size 8 → 16`
@JsonInclude(JsonInclude.Include.NON_EMPTY)
record NodeDifference(Change change, String name, String what, List<String> details) {
    static NodeDifference added(String name, String what) {
        return new NodeDifference(Change.ADDED, name, what, List.of());
    }

    static NodeDifference removed(String name, String what) {
        return new NodeDifference(Change.REMOVED, name, what, List.of());
    }

    /// How an input or output that both graphs have differs; null if it does not.
    static @Nullable NodeDifference between(ValueInfo a, ValueInfo b) {
        List<String> details = new ArrayList<>();
        compare(details, "", a.typeText(), b.typeText());
        return changed(a.name(), a.typeText(), details);
    }

    /// How a node that both graphs have differs; null if it does not.
    static @Nullable NodeDifference between(String name, Node a, Node b) {
        List<String> details = new ArrayList<>();
        compare(details, "operator ", operator(a), operator(b));
        compare(details, "inputs ", a.inputs().toString(), b.inputs().toString());
        compare(details, "outputs ", a.outputs().toString(), b.outputs().toString());
        TreeSet<String> names = new TreeSet<>(a.attributes().keySet());
        names.addAll(b.attributes().keySet());
        for (String attribute : names) {
            compare(
                    details,
                    attribute,
                    a.attributes().get(attribute),
                    b.attributes().get(attribute));
        }
        return changed(name, operator(a), details);
    }

    private static @Nullable NodeDifference changed(
            String name, String what, List<String> details) {
        return details.isEmpty() ? null : new NodeDifference(Change.CHANGED, name, what, details);
    }

    private static void compare(List<String> details, String label, String a, String b) {
        if (!a.equals(b)) {
            details.add(label + a + " → " + b);
        }
    }

    private static void compare(
            List<String> details, String name, @Nullable Attribute a, @Nullable Attribute b) {
        if (a == null || b == null) {
            details.add(name + " " + text(a) + " → " + text(b));
        } else if (a instanceof Attribute.OfTensor(Tensor ta)
                && b instanceof Attribute.OfTensor(Tensor tb)) {
            TensorDifference d = TensorDifference.between(name, ta, tb);
            if (d != null) {
                details.add(d.toString().substring(2));
            }
        } else {
            compare(details, name + " ", text(a), text(b));
        }
    }

    /// Nodes and constants of a subgraph are compared as the graph's own.
    private static String text(@Nullable Attribute attribute) {
        return switch (attribute) {
            case null -> "absent";
            case Attribute.OfLong(long v) -> Long.toString(v);
            case Attribute.OfFloat(float v) -> Float.toString(v);
            case Attribute.OfString(String v) -> "'" + v + "'";
            case Attribute.OfLongs(List<Long> v) -> v.toString();
            case Attribute.OfFloats(List<Float> v) -> v.toString();
            case Attribute.OfStrings(List<String> v) -> v.toString();
            case Attribute.OfTensor(Tensor t) -> t.toString();
            case Attribute.OfGraph(Graph g) -> {
                List<String> outputs = g.outputs().stream().map(ValueInfo::name).toList();
                yield "graph of " + outputs;
            }
        };
    }

    static String operator(Node node) {
        return (node.domain().isEmpty() ? "" : node.domain() + ".") + node.op();
    }

    /// The line of `runnel diff`.
    @Override
    public String toString() {
        return change.sign()
                + " "
                + name
                + "  "
                + (change == Change.CHANGED
                                && details.size() == 1
                                && details.getFirst().startsWith(what)
                        ? details.getFirst()
                        : what + (details.isEmpty() ? "" : ": " + String.join(", ", details)));
    }
}
