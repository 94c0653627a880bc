package dev.runnel.formats.onnx;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A node while it is being read: what the rules of [Normalizer] change, and the nodes and
/// constants that they put beside it.
final class Draft {
    final String domain;
    final String op;
    final String name;
    final List<String> inputs = new ArrayList<>();
    final List<String> outputs = new ArrayList<>();
    final Map<String, Attribute> attributes = new HashMap<>();

    private final MappedFile file;
    private final Body body;
    private final List<Node> after = new ArrayList<>();
    private boolean replaced;

    Draft(MappedFile file, Body body, String domain, String op, String name) {
        this.file = file;
        this.body = body;
        this.domain = domain;
        this.op = op;
        this.name = name;
    }

    /// The name of input `i`; empty if it is absent.
    String input(int i) {
        return i < inputs.size() ? inputs.get(i) : "";
    }

    void setInput(int i, String tensor) {
        while (inputs.size() <= i) {
            inputs.add("");
        }
        inputs.set(i, tensor);
    }

    /// Whether output `i` is there and read by anything.
    boolean isRead(int i) {
        return i < outputs.size() && body.names.isRead(outputs.get(i));
    }

    /// The rank of `tensor`, or -1 if the file does not say it.
    int rank(String tensor) {
        return body.rank(tensor);
    }

    /// The constant that `tensor` is; null if it is none, or none yet.
    @Nullable Tensor constant(String tensor) {
        return body.constant(tensor);
    }

    /// The name of a new constant: a vector of these integers.
    String longs(String role, long... values) {
        return constant(role, Tensor.ofLongs(Shape.of(values.length), values));
    }

    String constant(String role, Tensor value) {
        return body.addFreshConstant(name + "/" + role, value);
    }

    /// Makes the node itself a constant.
    void becomeConstant(Tensor value) {
        body.addConstant(outputs.getFirst(), value);
        replaced = true;
    }

    /// Makes the node another standard operator of the same inputs, outputs and attributes.
    void becomeOther(String op) {
        after.addFirst(new Node(name, "", op, inputs, outputs, attributes));
        replaced = true;
    }

    /// Puts a standard operator before this one, and gives the name of its output.
    String emit(String op, Map<String, Attribute> attributes, String... inputs) {
        String node = body.names.fresh(name + "/" + op);
        String output = body.names.fresh(node + "_output");
        body.add(new Node(node, "", op, List.of(inputs), List.of(output), attributes));
        return output;
    }

    String emit(String op, String... inputs) {
        return emit(op, Map.of(), inputs);
    }

    /// Puts a standard operator after this one, which makes `output` of `inputs`.
    void emitAfter(
            String op, List<String> inputs, String output, Map<String, Attribute> attributes) {
        after.add(
                new Node(
                        body.names.fresh(name + "/" + op),
                        "",
                        op,
                        inputs,
                        List.of(output),
                        attributes));
    }

    void emitAfter(String op, String input, String output) {
        emitAfter(op, List.of(input), output, Map.of());
    }

    /// A name that no tensor has.
    String fresh(String what) {
        return body.names.fresh(name + "/" + what);
    }

    /// A new name for output `i`, so that a node after this one can produce the old one.
    String renameOutput(int i) {
        outputs.set(i, body.names.fresh(outputs.get(i) + "_before"));
        return outputs.get(i);
    }

    /// Takes the integer attribute `name` away; `otherwise` if there is none.
    long takeLong(String name, long otherwise) {
        return switch (attributes.remove(name)) {
            case null -> otherwise;
            case Attribute.OfLong(long v) -> v;
            default -> throw malformed("attribute '" + name + "' is not an integer");
        };
    }

    /// Takes the float attribute `name` away; null if there is none.
    @Nullable Float takeFloat(String name) {
        return switch (attributes.remove(name)) {
            case null -> null;
            case Attribute.OfFloat(float v) -> v;
            default -> throw malformed("attribute '" + name + "' is not a float");
        };
    }

    /// Takes the attribute `name`, a list of integers, away; null if there is none.
    long @Nullable [] takeLongs(String name) {
        return switch (attributes.remove(name)) {
            case null -> null;
            case Attribute.OfLongs(List<Long> v) -> v.stream().mapToLong(Long::longValue).toArray();
            default -> throw malformed("attribute '" + name + "' is not a list of integers");
        };
    }

    /// Adds the node, unless a rule replaced it, and those after it to the graph.
    void finish() {
        if (!replaced) {
            body.add(new Node(name, domain, op, inputs, outputs, attributes));
        }
        finishWithoutNode();
    }

    /// Adds only the nodes after this one to the graph.
    void finishWithoutNode() {
        for (Node node : after) {
            body.add(node);
        }
    }

    MalformedModelException malformed(String what) {
        return file.malformed(this + ": " + what);
    }

    UnsupportedModelException unsupported(String what) {
        return file.unsupported(this + ": " + what);
    }

    /// As messages write it: `node 'lstm_2' (LSTM)`.
    @Override
    public String toString() {
        return new Node(name, domain, op, List.of(), List.of(), Map.of()).toString();
    }
}
