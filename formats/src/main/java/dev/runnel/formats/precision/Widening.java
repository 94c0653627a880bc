package dev.runnel.formats.precision;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Makes weights stored in fewer bits the float32 constants that they stand for.
public final class Widening {
    private final DType kept;

    /// @param kept the element type of stored weights that are left alone
    public Widening(DType kept) {
        this.kept = kept;
    }

    /// `graph` without the `Cast`s of constants of 16 bits to float32 and the `DequantizeLinear`s
    /// of constant bytes with scales alone, and the `Reshape`s of what comes of it.
    public Graph of(Graph graph) {
        Map<String, Tensor> constants = new HashMap<>(graph.initializers());
        Set<String> widened = new HashSet<>();
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            Tensor value = value(node, constants, widened);
            if (value == null) {
                nodes.add(inner(node));
                continue;
            }
            String output = node.outputs().getFirst();
            constants.put(output, value);
            widened.add(output);
        }
        if (!widened.isEmpty()) {
            Set<String> read = new HashSet<>();
            graph.outputs().forEach(o -> read.add(o.name()));
            nodes.forEach(n -> addReads(n, read));
            Set<String> done = new HashSet<>(widened);
            for (Node node : graph.nodes()) {
                if (node.outputs().stream().anyMatch(widened::contains)) {
                    done.addAll(node.inputs());
                }
            }
            done.removeAll(read);
            constants.keySet().removeAll(done);
        }
        return new Graph(
                graph.name(), graph.inputs(), graph.outputs(), constants, nodes, graph.metadata());
    }

    private static void addReads(Node node, Set<String> to) {
        to.addAll(node.inputs());
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                g.outputs().forEach(o -> to.add(o.name()));
                g.nodes().forEach(n -> addReads(n, to));
            }
        }
    }

    private Node inner(Node node) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        attributes.replaceAll(
                (name, a) ->
                        a instanceof Attribute.OfGraph(Graph g) ? new Attribute.OfGraph(of(g)) : a);
        return new Node(
                node.name(), node.domain(), node.op(), node.inputs(), node.outputs(), attributes);
    }

    /// What `node` makes of a stored weight; null if it does something else.
    private @Nullable Tensor value(Node node, Map<String, Tensor> constants, Set<String> widened) {
        List<String> in = node.inputs();
        Tensor data = in.isEmpty() ? null : constants.get(in.getFirst());
        if (data == null || !node.domain().isEmpty()) {
            return null;
        }
        Tensor second = in.size() == 2 ? constants.get(in.get(1)) : null;
        return switch (node.op()) {
            case "Cast" ->
                    (data.dtype() == DType.BFLOAT16 || data.dtype() == DType.FLOAT16)
                                    && data.dtype() != kept
                                    && number(node, "to", 0) == DType.FLOAT32.onnxCode()
                            ? Numbers.widen(data)
                            : null;
            case "DequantizeLinear" -> second == null ? null : dequantised(node, data, second);
            case "Reshape" ->
                    second == null || !widened.contains(in.getFirst())
                            ? null
                            : reshaped(data, second);
            default -> null;
        };
    }

    private @Nullable Tensor dequantised(Node node, Tensor data, Tensor scales) {
        long axis = number(node, "axis", 1);
        boolean usual =
                data.dtype() == DType.INT8
                        && data.dtype() != kept
                        && scales.dtype() == DType.FLOAT32
                        && number(node, "block_size", 0) == 0
                        && number(node, "output_dtype", 0) == 0;
        if (!usual || scales.shape().rank() > 1) {
            return null;
        }
        if (scales.shape().rank() == 0) {
            return Numbers.dequantise(data, scales, 0);
        }
        int rank = data.shape().rank();
        axis += axis < 0 ? rank : 0;
        return axis < 0 || axis >= rank || data.shape().dim((int) axis) != scales.elements()
                ? null
                : Numbers.dequantise(data, scales, (int) axis);
    }

    private static @Nullable Tensor reshaped(Tensor data, Tensor shape) {
        if (shape.dtype() != DType.INT64 || shape.shape().rank() != 1) {
            return null;
        }
        long[] dims = shape.toLongs();
        for (long d : dims) {
            if (d <= 0) {
                return null; // copied or inferred: not ours
            }
        }
        try {
            Shape to = Shape.of(dims);
            return to.elements() == data.elements()
                    ? new Tensor(new TensorType(data.dtype(), to), data.data())
                    : null;
        } catch (IllegalArgumentException e) {
            return null; // more elements than there can be: compiling will say so
        }
    }

    private static long number(Node node, String attribute, long otherwise) {
        return node.attributes().get(attribute) instanceof Attribute.OfLong(long v) ? v : otherwise;
    }
}
