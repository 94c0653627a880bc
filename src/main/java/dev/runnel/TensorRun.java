package dev.runnel;

import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.plan.BoundPlan;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// One stream's run of any shapes the graph allows: tensors by name in and out.
final class TensorRun {
    private final Model model;

    TensorRun(Model model) {
        this.model = model;
    }

    /// @param state null for the session's own of row 0
    Map<String, Tensor> run(Map<String, Tensor> inputs, @Nullable State state, Session session) {
        BoundPlan bound = session.runs().take(model.plans().plan(inputs), 1);
        try {
            for (String name : bound.plan().inputs().keySet()) {
                Objects.requireNonNull(bound.input(name))
                        .copyFrom(Objects.requireNonNull(inputs.get(name)).data());
            }
            // Allocated before the state moves: from there on nothing may fail.
            Map<String, MemorySegment> memory = new LinkedHashMap<>();
            Arena arena = Arena.ofAuto();
            for (Map.Entry<String, TensorType> e : bound.plan().outputs().entrySet()) {
                long bytes = e.getValue().byteSize();
                memory.put(e.getKey(), arena.allocate(Math.max(bytes, 1), 64).asSlice(0, bytes));
            }
            session.run(bound, state == null ? session.own()[0] : state);
            Map<String, Tensor> outputs = new LinkedHashMap<>();
            for (Map.Entry<String, TensorType> e : bound.plan().outputs().entrySet()) {
                String name = e.getKey();
                MemorySegment y = Objects.requireNonNull(memory.get(name));
                y.copyFrom(Objects.requireNonNull(bound.output(name)));
                outputs.put(name, new Tensor(e.getValue(), y));
            }
            return outputs;
        } finally {
            session.runs().give(bound);
        }
    }
}
