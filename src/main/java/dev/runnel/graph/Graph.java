package dev.runnel.graph;

import java.util.List;
import java.util.Map;

/// What a network is: its nodes, constants, inputs and outputs, in the vocabulary of ONNX operator
/// set [#OPSET], to which readers translate. Immutable data; nothing of it is checked until
/// [dev.runnel.Model#compile] does.
///
/// @param name the model's name in messages: the file's name, or that of the subgraph
/// @param inputs in the file's order; initializers are not among them
/// @param outputs in the file's order
/// @param initializers constant tensors by name
/// @param nodes in any order that a topological sort can mend
/// @param metadata what the file says of itself (producer, version, …)
public record Graph(
        String name,
        List<ValueInfo> inputs,
        List<ValueInfo> outputs,
        Map<String, Tensor> initializers,
        List<Node> nodes,
        Map<String, String> metadata) {
    /// The ONNX operator set whose meaning nodes have.
    public static final int OPSET = 22;

    public Graph {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        initializers = Map.copyOf(initializers);
        nodes = List.copyOf(nodes);
        metadata = Map.copyOf(metadata);
    }
}
