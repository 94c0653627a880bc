package dev.runnel.internal.fuse;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Evaluation;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Operators;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The tensors whose values follow from constants alone, by operators that exporters put on weights
/// and sizes.
final class Constants {
    private static final Set<String> EVALUATED =
            Set.of(
                    "Identity",
                    "Transpose",
                    "Squeeze",
                    "Unsqueeze",
                    "Reshape",
                    "Flatten",
                    "Concat",
                    "Slice",
                    "Split",
                    "Gather",
                    "Cast",
                    "DequantizeLinear",
                    "Shape",
                    "Add",
                    "Sub",
                    "Mul",
                    "Div",
                    "Neg");

    /// Constants do not grow beyond this by being evaluated; larger ones may only be moved, or, if
    /// they are weights stored in fewer bits, widened.
    private static final long FREE_BYTES = 1 << 20;

    private static final Set<String> WIDENING = Set.of("Cast", "DequantizeLinear");
    private static final int MOST_WIDENING = 4;

    private static final int MAX_DEPTH = 100;

    private final Weights weights;
    private final Map<Net, Map<String, @Nullable Tensor>> known = new IdentityHashMap<>();
    private int depth;

    Constants(Weights weights) {
        this.weights = weights;
    }

    /// The value of a tensor that `net` sees; null if it is not known.
    @Nullable Tensor find(Net net, String tensor) {
        Net owner = net.owner(tensor);
        if (owner == null) {
            return null;
        }
        Tensor initializer = owner.initializers.get(tensor);
        if (initializer != null) {
            return initializer;
        }
        Map<String, @Nullable Tensor> values = known.computeIfAbsent(owner, n -> new HashMap<>());
        if (!values.containsKey(tensor)) {
            Node node = owner.producer(tensor);
            if (node != null && depth < MAX_DEPTH) {
                depth++;
                evaluate(owner, node, values);
                depth--;
            }
            values.putIfAbsent(tensor, null);
        }
        return values.get(tensor);
    }

    /// Notes what a tensor is found to be without being evaluated.
    void put(Net net, String tensor, Tensor value) {
        known.computeIfAbsent(net, n -> new HashMap<>()).put(tensor, value);
    }

    private void evaluate(Net net, Node node, Map<String, @Nullable Tensor> values) {
        if (!node.domain().isEmpty() || !EVALUATED.contains(node.op()) || node.inputs().isEmpty()) {
            return;
        }
        List<Call.@Nullable Argument> arguments = new ArrayList<>();
        Set<Tensor> distinct = new HashSet<>();
        for (String input : node.inputs()) {
            Tensor t = input.isEmpty() ? null : find(net, input);
            if (t == null && !input.isEmpty()) {
                return;
            }
            arguments.add(t == null ? null : new Call.Argument(t.type(), t));
            if (t != null) {
                distinct.add(t);
            }
        }
        long bytes = distinct.stream().mapToLong(t -> t.type().byteSize()).sum();
        Call call = new Call(net.name, node, arguments, weights);
        try {
            Operator operator = Objects.requireNonNull(Operators.find("", node.op()));
            List<TensorType> types = operator.infer(call);
            long yields = types.stream().mapToLong(TensorType::byteSize).sum();
            long most = WIDENING.contains(node.op()) ? MOST_WIDENING * bytes : bytes;
            if (yields > Math.max(FREE_BYTES, most) || node.outputs().size() > types.size()) {
                return;
            }
            call.setOutputTypes(types);
            List<Tensor> results = Evaluation.of(operator, call);
            for (int i = 0; i < node.outputs().size(); i++) {
                values.put(node.outputs().get(i), results.get(i));
            }
        } catch (MalformedModelException
                | UnsupportedModelException
                | Call.NeedsValue
                | IllegalArgumentException
                | ArithmeticException e) {
            // not known here; the planner will say what is wrong with it
        }
    }

    /// The value of a float32 constant of one element; NaN if it is none.
    double scalar(Net net, String tensor) {
        Tensor t = find(net, tensor);
        return t != null && t.elements() == 1 && t.dtype() == DType.FLOAT32
                ? t.getDouble(0)
                : Double.NaN;
    }

    /// The values of a constant list of integers; null if it is none.
    long @Nullable [] longs(Net net, String tensor) {
        Tensor t = tensor.isEmpty() ? null : find(net, tensor);
        return t != null && t.dtype().isInteger() && t.elements() <= 64 ? t.toLongs() : null;
    }

    /// Whether all elements are zero.
    static boolean isZero(Tensor t) {
        for (long i = 0; i < t.elements(); i++) {
            if (t.getDouble(i) != 0) {
                return false;
            }
        }
        return true;
    }
}
