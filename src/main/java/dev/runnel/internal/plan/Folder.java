package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Evaluation;
import dev.runnel.internal.op.Operator;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Computes nodes whose inputs are known while planning, by running their very step. What was
/// folded before is found again, so that all plans share one tensor, and so one packed copy of a
/// weight.
final class Folder {
    /// A constant this small is folded whatever it is made of; a larger one only if it is not much
    /// larger than what it is made of, so that a small file cannot ask for a great constant.
    private static final long FREE_BYTES = 16 << 20;

    private static final int GROWTH = 4;
    private static final int REMEMBERED_PER_NODE = 16;

    private final Map<Node, Map<List<Object>, List<Tensor>>> folded = new IdentityHashMap<>();

    /// The values of the call's outputs, or null if it cannot be folded.
    synchronized @Nullable List<Tensor> fold(
            Operator operator, Call call, List<@Nullable Value> inputs) {
        List<Object> key = new ArrayList<>();
        long inputBytes = 0;
        for (Value v : inputs) {
            if (v == null) {
                key.add("");
            } else if (operator.readsOnlyTypes()) {
                key.add(v.type);
            } else if (v.tensor != null) {
                key.add(v.tensor);
                inputBytes += v.type.byteSize();
            } else {
                return null;
            }
        }
        long outputBytes = 0;
        for (TensorType t : call.outputTypes()) {
            outputBytes += t.byteSize();
        }
        if (outputBytes > Math.max(FREE_BYTES, GROWTH * inputBytes)) {
            return null;
        }
        Map<List<Object>, List<Tensor>> known = folded.get(call.node());
        if (known == null) {
            known = new HashMap<>();
            folded.put(call.node(), known);
        }
        List<Tensor> outputs = known.get(key);
        if (outputs == null) {
            if (known.size() == REMEMBERED_PER_NODE) {
                known.clear();
            }
            outputs = run(operator, call);
            known.put(key, outputs);
        }
        return outputs;
    }

    private static List<Tensor> run(Operator operator, Call call) {
        try {
            return Evaluation.of(operator, call);
        } catch (ArithmeticException e) {
            throw Lowering.tooLarge(call);
        }
    }
}
