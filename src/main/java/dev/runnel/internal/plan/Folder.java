package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.Bench;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
        Map<List<Object>, List<Tensor>> known =
                folded.computeIfAbsent(call.node(), n -> new HashMap<>());
        List<Tensor> outputs = known.get(key);
        if (outputs == null) {
            if (known.size() == REMEMBERED_PER_NODE) {
                known.clear();
            }
            outputs = run(operator, call, inputs);
            known.put(key, outputs);
        }
        return outputs;
    }

    private static List<Tensor> run(Operator operator, Call call, List<@Nullable Value> inputs) {
        Program program;
        try {
            program = operator.compile(call);
        } catch (ArithmeticException e) {
            throw Lowering.tooLarge(call);
        }
        if (program == Program.VIEW) {
            Value source = java.util.Objects.requireNonNull(inputs.getFirst());
            Tensor tensor = java.util.Objects.requireNonNull(source.tensor);
            return List.of(new Tensor(call.outputTypes().getFirst(), tensor.data()));
        }
        Arena arena = Arena.ofAuto();
        List<@Nullable Operand> in = new ArrayList<>();
        for (Value v : inputs) {
            in.add(v == null ? null : operand(arena, v));
        }
        List<Tensor> results = new ArrayList<>();
        List<@Nullable Operand> out = new ArrayList<>();
        for (int i = 0; i < call.outputTypes().size(); i++) {
            TensorType type = call.outputTypes().get(i);
            MemorySegment s = arena.allocate(Math.max(type.byteSize(), 1), 64);
            results.add(new Tensor(type, s.asSlice(0, type.byteSize())));
            out.add(call.wants(i) ? Operand.constant(type, s, 0) : null);
        }
        MemorySegment scratch = arena.allocate(Math.max(program.scratchBytes(1), 1), 64);
        program.bind(new Bench(in, out, scratch, 1, Kernels.scalar())).run(0, 1);
        return results;
    }

    private static Operand operand(Arena arena, Value v) {
        if (v.tensor == null) {
            return Operand.constant(v.type, MemorySegment.NULL, 0);
        }
        MemorySegment data = v.tensor.data();
        if (!data.isNative()) {
            data = arena.allocate(Math.max(data.byteSize(), 1), 64).copyFrom(data);
        }
        return Operand.constant(v.type, data, 0);
    }
}
