package dev.runnel.graph;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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

    /// The number of weights: of the elements of all floating-point constants, those of subgraphs
    /// included. Constant integers that `DequantizeLinear` reads count, their scales do not.
    public long parameters() {
        Set<String> integers = new HashSet<>();
        Set<String> scales = new HashSet<>();
        findQuantised(integers, scales);
        return parameters(integers, scales);
    }

    private void findQuantised(Set<String> integers, Set<String> scales) {
        for (Node node : nodes) {
            if (node.op().equals("DequantizeLinear") && node.inputs().size() > 1) {
                integers.add(node.inputs().get(0));
                scales.add(node.inputs().get(1));
            }
            for (Attribute a : node.attributes().values()) {
                if (a instanceof Attribute.OfGraph(Graph g)) {
                    g.findQuantised(integers, scales);
                }
            }
        }
    }

    private long parameters(Set<String> integers, Set<String> scales) {
        long n = 0;
        for (Map.Entry<String, Tensor> e : initializers.entrySet()) {
            boolean counts =
                    e.getValue().dtype().isFloat()
                            ? !scales.contains(e.getKey())
                            : integers.contains(e.getKey());
            n += counts ? e.getValue().elements() : 0;
        }
        for (Node node : nodes) {
            for (Attribute a : node.attributes().values()) {
                n +=
                        switch (a) {
                            case Attribute.OfGraph(Graph g) -> g.parameters(integers, scales);
                            case Attribute.OfTensor(Tensor t) when t.dtype().isFloat() ->
                                    t.elements();
                            default -> 0;
                        };
            }
        }
        return n;
    }
}
