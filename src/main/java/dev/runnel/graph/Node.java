package dev.runnel.graph;

import java.util.List;
import java.util.Map;

/// One application of an operator.
///
/// @param name the node's name in the file, or one that the reader made up; never empty
/// @param domain the operator's domain; empty for the standard ONNX operators
/// @param op the operator's name, such as `LSTM`
/// @param inputs names of the tensors read, in the operator's order; an empty name is an absent
///   optional input
/// @param outputs names of the tensors produced; an empty name is an output nobody asked for
/// @param attributes by name
public record Node(
        String name,
        String domain,
        String op,
        List<String> inputs,
        List<String> outputs,
        Map<String, Attribute> attributes) {
    public Node {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        attributes = Map.copyOf(attributes);
    }

    /// As messages write it: `node 'lstm_2' (LSTM)`.
    @Override
    public String toString() {
        return "node '" + name + "' (" + (domain.isEmpty() ? "" : domain + ".") + op + ")";
    }
}
