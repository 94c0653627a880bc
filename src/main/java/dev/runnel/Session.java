package dev.runnel;

import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// One worker's bench for up to N rows, each row a stream: inputs, outputs, scratch, all off-heap.
/// Used by one thread at a time; a second one gets an exception.
///
/// Write a step's input to [#input(String)], call [#step(State)], read [#output(String)]. After
/// [Model#warmUp] a step allocates nothing.
public final class Session extends Guard implements AutoCloseable {
    private static final int KEPT_RUNS = 8;

    private final Model model;
    private final int rows;
    private final Crew crew;
    private final @Nullable BoundPlan bench;
    private final Map<Plan, BoundPlan> runs = new LinkedHashMap<>(16, 0.75f, true);
    private final State[] own;
    private boolean ownStates;

    Session(Model model, int rows) {
        this.model = model;
        this.rows = rows;
        this.crew = model.crew();
        Plan step = model.plans().stepPlan();
        this.bench =
                step == null || model.stepObstacle().isPresent()
                        ? null
                        : model.bind(step, rows, crew);
        // Only now: asking for the bench refuses more rows than memory allows.
        this.own = new State[rows];
    }

    /// The greatest number of rows.
    public int rows() {
        return rows;
    }

    // ---- ports

    /// The memory of input `name`: for each row its tensor, one after the other. A session of one
    /// row has just the tensor.
    ///
    /// @throws IllegalArgumentException if there is no such input
    /// @throws IllegalStateException if the model cannot be stepped, or the session is closed
    public MemorySegment input(String name) {
        requireOpen();
        MemorySegment s = bench().input(name);
        if (s == null) {
            throw new IllegalArgumentException(
                    "there is no input '"
                            + name
                            + "' to feed; inputs are "
                            + bench().plan().inputs().keySet());
        }
        return s;
    }

    /// The memory of input `name` of one row.
    ///
    /// @throws IllegalArgumentException if there is no such input
    /// @throws IndexOutOfBoundsException if there is no such row
    /// @throws IllegalStateException if the model cannot be stepped, or the session is closed
    public MemorySegment input(String name, int row) {
        return row(input(name), row);
    }

    /// The memory of output `name`: for each row its tensor, one after the other. Each step
    /// overwrites it.
    ///
    /// @throws IllegalArgumentException if there is no such output
    /// @throws IllegalStateException if the model cannot be stepped, or the session is closed
    public MemorySegment output(String name) {
        requireOpen();
        MemorySegment s = bench().output(name);
        if (s == null) {
            throw new IllegalArgumentException(
                    "there is no output '"
                            + name
                            + "' to read; outputs are "
                            + bench().plan().outputs().keySet());
        }
        return s;
    }

    /// The memory of output `name` of one row.
    ///
    /// @throws IllegalArgumentException if there is no such output
    /// @throws IndexOutOfBoundsException if there is no such row
    /// @throws IllegalStateException if the model cannot be stepped, or the session is closed
    public MemorySegment output(String name, int row) {
        return row(output(name), row);
    }

    private MemorySegment row(MemorySegment all, int row) {
        Objects.checkIndex(row, rows);
        long bytes = all.byteSize() / rows;
        return all.asSlice(row * bytes, bytes);
    }

    private BoundPlan bench() {
        if (bench == null) {
            throw new IllegalStateException(model.stepObstacle().orElse("cannot step"));
        }
        return bench;
    }

    // ---- steps

    /// Steps all rows, each with a state of the session's own.
    ///
    /// @throws IllegalStateException if the model cannot be stepped, or the session is closed or in
    ///   use
    public void step() {
        step(own());
    }

    /// Steps one stream, on row 0.
    ///
    /// @throws IllegalArgumentException if the state is another model's
    /// @throws IllegalStateException if the model cannot be stepped, or the session or the state is
    ///   closed or in use
    public void step(State state) {
        enter();
        try {
            BoundPlan plan = bench();
            state.hold(model);
            try {
                state.putOn(plan, 0);
                plan.run(1);
            } finally {
                state.release();
            }
        } finally {
            leave();
        }
    }

    /// Steps many streams in one pass over the weights: row n belongs to `states[n]`.
    ///
    /// @throws IllegalArgumentException if there are more states than rows, or one is another
    ///   model's
    /// @throws IllegalStateException if the model cannot be stepped, a state is there twice, or the
    ///   session or a state is closed or in use
    public void step(State... states) {
        enter();
        try {
            BoundPlan plan = bench();
            requireRows(states.length);
            int held = 0;
            try {
                while (held < states.length) {
                    states[held].hold(model);
                    states[held].putOn(plan, held);
                    held++;
                }
                plan.run(held);
            } finally {
                while (held > 0) {
                    states[--held].release();
                }
            }
        } finally {
            leave();
        }
    }

    /// Steps many streams in one pass over the weights: row n belongs to `states.get(n)`.
    ///
    /// @throws IllegalArgumentException if there are more states than rows, or one is another
    ///   model's
    /// @throws IllegalStateException if the model cannot be stepped, a state is there twice, or the
    ///   session or a state is closed or in use
    public void step(List<State> states) {
        enter();
        try {
            BoundPlan plan = bench();
            requireRows(states.size());
            int held = 0;
            try {
                while (held < states.size()) {
                    State state = states.get(held);
                    state.hold(model);
                    state.putOn(plan, held);
                    held++;
                }
                plan.run(held);
            } finally {
                while (held > 0) {
                    states.get(--held).release();
                }
            }
        } finally {
            leave();
        }
    }

    /// Who steps this session.
    Crew crew() {
        return crew;
    }

    /// Waits until steps run on the kernels that they will run on for good.
    void awaitKernels() throws InterruptedException {
        bench().kernels().use();
        bench().kernels().await();
    }

    private void requireRows(int states) {
        if (states > rows) {
            throw new IllegalArgumentException(
                    states
                            + " states for a session of "
                            + rows
                            + " rows; open one with more: model.open("
                            + states
                            + ")");
        }
    }

    // ---- sequences

    /// Runs a whole sequence, or any shapes the graph allows, on the session's own state of row 0:
    /// continues it, and leaves it as after as many steps.
    ///
    /// @param inputs all inputs, by name
    /// @return the outputs by name, in memory of their own
    /// @throws IllegalArgumentException if an input is missing, unknown, or of a type the graph
    ///   does not allow
    /// @throws IllegalStateException if the session is closed or in use
    public Map<String, Tensor> run(Map<String, Tensor> inputs) {
        return run(null, inputs);
    }

    /// Runs a whole sequence, or any shapes the graph allows: continues `state`, or the session's
    /// own state of row 0 if it is null, and leaves it as after as many steps.
    ///
    /// @param inputs all inputs, by name
    /// @return the outputs by name, in memory of their own
    /// @throws IllegalArgumentException if an input is missing, unknown, or of a type the graph
    ///   does not allow, or if the state is another model's
    /// @throws IllegalStateException if the session or the state is closed or in use
    public Map<String, Tensor> run(@Nullable State state, Map<String, Tensor> inputs) {
        enter();
        try {
            BoundPlan plan = bound(model.plans().plan(inputs), 1);
            for (String name : plan.plan().inputs().keySet()) {
                Objects.requireNonNull(plan.input(name))
                        .copyFrom(Objects.requireNonNull(inputs.get(name)).data());
            }
            runOn(plan, state == null ? own()[0] : state);
            Map<String, Tensor> outputs = new LinkedHashMap<>();
            Arena arena = Arena.ofAuto();
            plan.plan()
                    .outputs()
                    .forEach(
                            (name, type) -> {
                                MemorySegment s = Objects.requireNonNull(plan.output(name));
                                MemorySegment copy = arena.allocate(Math.max(s.byteSize(), 1), 64);
                                outputs.put(
                                        name,
                                        new Tensor(
                                                type, copy.asSlice(0, s.byteSize()).copyFrom(s)));
                            });
            return outputs;
        } finally {
            leave();
        }
    }

    /// Runs a whole sequence of the graph's one input to its one output on the session's own
    /// states, with the bits of as many steps. The length T follows from the size of `x`.
    ///
    /// @param x the input: `[T, N, …]` if the graph counts steps in its first axis, else `[N, …, T,
    ///   …]`, N being the session's rows
    /// @param y the output, in the same order; for an output that has no steps its last value
    /// @throws IllegalArgumentException if the graph has several inputs or outputs to feed or read,
    ///   or a size fits no T
    /// @throws IllegalStateException if the session is closed or in use
    public void run(MemorySegment x, MemorySegment y) {
        enter();
        try {
            new SequenceRun(model, rows).run(x, y, this::bound, own());
        } finally {
            leave();
        }
    }

    private void runOn(BoundPlan plan, State state) {
        state.hold(model);
        try {
            state.putOn(plan, 0);
            plan.run(1);
        } finally {
            state.release();
        }
    }

    /// The plan's memory, kept for the shapes used last.
    private BoundPlan bound(Plan plan, int rows) {
        BoundPlan bound = runs.get(plan);
        if (bound == null) {
            bound = model.bind(plan, rows, crew);
            runs.put(plan, bound);
            if (runs.size() > KEPT_RUNS) {
                Plan eldest = runs.keySet().iterator().next();
                Objects.requireNonNull(runs.remove(eldest)).close();
            }
        }
        return bound;
    }

    // ---- the session's own states

    /// Sets the session's own states back to the start.
    ///
    /// @throws IllegalStateException if the session is closed
    public void reset() {
        for (State s : own()) {
            s.reset();
        }
    }

    /// The session's own state of row 0, which [#step()] steps; it is closed with the session.
    ///
    /// @throws IllegalStateException if the session is closed
    public State state() {
        return own()[0];
    }

    private State[] own() {
        requireOpen();
        if (!ownStates) {
            int made = 0;
            try {
                for (; made < rows; made++) {
                    own[made] = model.newState();
                }
                ownStates = true;
            } finally {
                while (!ownStates && made > 0) {
                    own[--made].close();
                }
            }
        }
        return own;
    }

    /// Frees the session's memory and its own states; does nothing if it is closed already.
    ///
    /// @throws IllegalStateException if the session, or one of its own states, is in use; close it
    ///   again when that is done
    @Override
    public void close() {
        if (!shut()) {
            return;
        }
        try {
            for (int r = 0; ownStates && r < rows; r++) {
                own[r].close();
            }
        } catch (IllegalStateException e) {
            // Another session is stepping that state: this one can be closed when it is done.
            reopen();
            throw e;
        }
        crew.close(); // before the memory that its threads may still be at
        runs.values().forEach(BoundPlan::close);
        if (bench != null) {
            bench.close();
        }
        model.countSession(-1);
    }

    @Override
    String noun() {
        return "session";
    }

    @Override
    String advice() {
        return "give each thread a session of its own";
    }
}
