package dev.runnel.internal.op;

import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.memory.Weights;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// Computes a node whose inputs are known, by running its very step.
public final class Evaluation {
    private Evaluation() {}

    /// The values of the call's outputs.
    ///
    /// @param call with the values of its inputs, of which an operator that reads only types needs
    ///   none, and with its output types
    /// @throws ArithmeticException if an extent is beyond what operators count in
    public static List<Tensor> of(Operator operator, Call call) {
        try (Arena meanwhile = Arena.ofConfined()) {
            Program program = operator.compile(call.with(new Weights(meanwhile, null)));
            if (program == Program.VIEW) {
                Tensor source = Objects.requireNonNull(call.constant(0));
                return List.of(new Tensor(call.outputTypes().getFirst(), source.data()));
            }
            return run(program, call, meanwhile);
        }
    }

    private static List<Tensor> run(Program program, Call call, Arena meanwhile) {
        Arena arena = Arena.ofAuto();
        List<@Nullable Operand> in = new ArrayList<>();
        for (int i = 0; i < call.inputCount(); i++) {
            in.add(call.has(i) ? operand(meanwhile, call.type(i), call.constant(i)) : null);
        }
        List<Tensor> results = new ArrayList<>();
        List<@Nullable Operand> out = new ArrayList<>();
        for (int i = 0; i < call.outputTypes().size(); i++) {
            TensorType type = call.outputTypes().get(i);
            MemorySegment s = arena.allocate(Math.max(type.byteSize(), 1), 64);
            results.add(new Tensor(type, s.asSlice(0, type.byteSize())));
            out.add(call.wants(i) ? Operand.constant(type, s, 0) : null);
        }
        MemorySegment scratch = meanwhile.allocate(Math.max(program.scratchBytes(1), 1), 64);
        program.bind(new Bench(in, out, scratch, 1, Kernels.scalar())).run(0, 1);
        return results;
    }

    private static Operand operand(Arena arena, TensorType type, @Nullable Tensor value) {
        if (value == null) {
            return Operand.constant(type, MemorySegment.NULL, 0);
        }
        MemorySegment data = value.data();
        if (!data.isNative()) {
            data = arena.allocate(Math.max(data.byteSize(), 1), 64).copyFrom(data);
        }
        return Operand.constant(type, data, 0);
    }
}
