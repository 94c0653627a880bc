package dev.runnel.internal.plan;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Blocks;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Bench;
import dev.runnel.internal.op.Step;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// A plan with memory of its own: ports, a block for each row, scratch. Used by one thread at a
/// time.
public final class BoundPlan implements AutoCloseable {
    private final Plan plan;
    private final Arena arena;
    private final Map<String, MemorySegment> inputs = new LinkedHashMap<>();
    private final Map<String, MemorySegment> outputs = new LinkedHashMap<>();
    private final MemorySegment block;
    private final MemorySegment scratch;
    private final Operand.Rows states;
    private final Map<Value, Operand> operands = new IdentityHashMap<>();
    private final int rows;
    private final Weights weights;
    private final KernelSwitch kernels;
    private final Crew crew;
    private final boolean rehearsal;
    private final long byteSize;
    private Kernels kernelsOfSteps;
    private Step[] steps;

    /// @param crew shares the products; each of its threads has scratch of its own
    /// @param rehearsal see [Bench]
    /// @param arena its own, which it closes
    BoundPlan(
            Plan plan,
            int rows,
            Weights weights,
            KernelSwitch kernels,
            Crew crew,
            boolean rehearsal,
            Arena arena) {
        this.plan = plan;
        this.arena = arena;
        this.rows = rows;
        this.weights = weights;
        this.kernels = kernels;
        this.crew = crew;
        this.rehearsal = rehearsal;
        byteSize = plan.byteSize(rows, crew.size());
        addPorts(plan.inputs(), inputs);
        addPorts(plan.outputs(), outputs);
        block = Blocks.allocate(arena, plan.rowBytes() * rows);
        scratch = Blocks.allocate(arena, plan.scratchBytes(rows) * crew.size());
        states = new Operand.Rows(rows);
        kernelsOfSteps = kernels.current();
        steps = new Binding(kernelsOfSteps).steps(plan.items());
    }

    private void addPorts(Map<String, TensorType> types, Map<String, MemorySegment> to) {
        for (Map.Entry<String, TensorType> port : types.entrySet()) {
            long bytes = port.getValue().byteSize() * rows;
            to.put(port.getKey(), Blocks.allocate(arena, bytes).asSlice(0, bytes));
        }
    }

    /// The memory of an input: its rows one after the other; null if the plan has no such input.
    public @Nullable MemorySegment input(String name) {
        return inputs.get(name);
    }

    /// The memory of an output: its rows one after the other; null if the plan has no such output.
    public @Nullable MemorySegment output(String name) {
        return outputs.get(name);
    }

    public Plan plan() {
        return plan;
    }

    /// The greatest number of rows to run.
    public int rows() {
        return rows;
    }

    /// Bytes of its memory.
    public long byteSize() {
        return byteSize;
    }

    /// Puts a state on a row.
    public void state(int row, MemorySegment segment, long offset) {
        states.set(row, segment, offset);
    }

    /// Runs rows 0 … `rows` − 1.
    public void run(int rows) {
        Kernels now = kernels.forRun();
        if (now != kernelsOfSteps) {
            steps = new Binding(now).steps(plan.items());
            kernelsOfSteps = now;
        }
        for (Step step : steps) {
            step.run(0, rows);
        }
    }

    /// Which kernels [#run] uses.
    public KernelSwitch kernels() {
        return kernels;
    }

    /// Frees the memory; whoever still reads a port gets an exception from the JDK.
    @Override
    public void close() {
        arena.close();
    }

    /// Makes operands of values and steps of items.
    private final class Binding {
        private final Kernels kernels;

        Binding(Kernels kernels) {
            this.kernels = crew.share(kernels, plan.scratchBytes(rows));
        }

        Step[] steps(List<Item> items) {
            List<Step> steps = new ArrayList<>();
            for (Item item : items) {
                steps.add(step(item));
            }
            return steps.toArray(new Step[0]);
        }

        private Step step(Item item) {
            if (item instanceof Item.Compute c) {
                return compute(c);
            }
            if (item instanceof Item.Copy(Value from, Value to)) {
                return copy(operand(from), operand(to));
            }
            if (item instanceof Item.Choose c) {
                return choose(operand(c.condition()), steps(c.then()), steps(c.otherwise()));
            }
            if (item instanceof Item.Part p) {
                return Repeating.part(p, this::operand);
            }
            Item.Repeat r = (Item.Repeat) item;
            return Repeating.repeat(r, this::operand, steps(r.first()), steps(r.body()));
        }

        private Step compute(Item.Compute c) {
            List<@Nullable Operand> in = new ArrayList<>();
            for (int i = 0; i < c.inputs().size(); i++) {
                Value v = c.inputs().get(i);
                in.add(v == null ? null : c.program().reads(i) ? operand(v) : unread(v));
            }
            List<@Nullable Operand> out = new ArrayList<>();
            for (Value v : c.outputs()) {
                out.add(v == null ? null : operand(v));
            }
            return c.program().bind(new Bench(in, out, scratch, rows, kernels, rehearsal));
        }

        private Operand operand(Value v) {
            Operand known = operands.get(v);
            if (known == null) {
                known = v.root() == v ? place(v) : operand(v.root()).as(v.type);
                operands.put(v, known);
            }
            return known;
        }

        /// A constant that is packed elsewhere: there is no copy of it to read.
        private Operand unread(Value v) {
            return v.tensor == null ? operand(v) : Operand.constant(v.type, v.tensor.data(), 0);
        }

        private Operand place(Value v) {
            TensorType type = v.type;
            if (v.tensor != null) {
                Tensor t = v.tensor;
                MemorySegment s =
                        weights.pack(
                                "as it is", List.of(t), type.byteSize(), m -> m.copyFrom(t.data()));
                return Operand.constant(type, s, 0);
            }
            String input = plan.inputPort(v);
            if (input != null) {
                return Operand.block(
                        type, Objects.requireNonNull(inputs.get(input)), 0, type.byteSize());
            }
            String output = plan.outputPort(v);
            if (output != null) {
                return Operand.block(
                        type, Objects.requireNonNull(outputs.get(output)), 0, type.byteSize());
            }
            Long state = plan.stateOffset(v);
            if (state != null) {
                return Operand.state(type, states, state);
            }
            return Operand.block(type, block, plan.blockOffset(v), plan.rowBytes());
        }

        private static Step copy(Operand from, Operand to) {
            long bytes = from.type().byteSize();
            return (first, last) -> {
                for (int r = first; r < last; r++) {
                    MemorySegment.copy(
                            from.segment(r), from.offset(r), to.segment(r), to.offset(r), bytes);
                }
            };
        }

        private static Step choose(Operand condition, Step[] then, Step[] otherwise) {
            return (first, last) -> {
                for (int r = first; r < last; r++) {
                    boolean yes = condition.segment(r).get(JAVA_BYTE, condition.offset(r)) != 0;
                    for (Step step : yes ? then : otherwise) {
                        step.run(r, r + 1);
                    }
                }
            };
        }
    }
}
