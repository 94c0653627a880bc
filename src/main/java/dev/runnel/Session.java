package dev.runnel;

import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// One worker's bench for up to N rows, each row a stream: inputs, outputs, scratch, all off-heap.
/// Used by one thread at a time; a second one gets an exception.
///
/// Write a step's input to [#input(String)], call [#step(State)], read [#output(String)]. After
/// [Model#warmUp] a step allocates nothing.
public final class Session extends Guard implements AutoCloseable {
    private final Model model;
    private final int rows;
    private final Crew crew;
    private final @Nullable BoundPlan bench;
    private final KeptRuns runs;
    private final State[] own;
    private boolean ownStates;

    /// Those of the step that is on, by row: held, so that whoever else steps one is refused.
    private final @Nullable State[] present;

    private int held;

    Session(Model model, int rows) {
        this.model = model;
        this.rows = rows;
        this.crew = model.crew();
        Plan step = model.plans().stepPlan();
        this.bench =
                step == null || model.stepObstacle().isPresent()
                        ? null
                        : model.bind(step, rows, crew);
        this.runs = new KeptRuns(model, crew);
        // Only now: asking for the bench refuses more rows than memory allows.
        this.own = new State[rows];
        this.present = new State[rows];
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
            throw model.plans().inputs().unknown(name);
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
        if (row < 0 || row >= rows) {
            throw new IndexOutOfBoundsException(
                    "row is "
                            + row
                            + ", expected 0 to "
                            + (rows - 1)
                            + ", as open("
                            + rows
                            + ") has");
        }
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
        enter();
        try {
            run(bench(), own());
        } finally {
            leave();
        }
    }

    /// Steps one stream, on row 0.
    ///
    /// @throws IllegalArgumentException if the state is another model's
    /// @throws IllegalStateException if the model cannot be stepped, or the session or the state is
    ///   closed or in use
    public void step(State state) {
        enter();
        try {
            run(bench(), state);
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
        Objects.requireNonNull(states, "states is null");
        enter();
        try {
            run(bench(), states);
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
        Objects.requireNonNull(states, "states is null");
        enter();
        try {
            BoundPlan plan = bench();
            int count = states.size();
            requireRows(count);
            try {
                for (int row = 0; row < count; row++) {
                    hold(states.get(row), plan);
                }
                plan.run(held);
            } finally {
                releaseAll();
            }
        } finally {
            leave();
        }
    }

    /// Runs as many rows as there are states.
    void run(BoundPlan plan, State[] states) {
        requireRows(states.length);
        try {
            for (State state : states) {
                hold(state, plan);
            }
            plan.run(held);
        } finally {
            releaseAll();
        }
    }

    /// Runs one row.
    void run(BoundPlan plan, State state) {
        try {
            hold(state, plan);
            plan.run(1);
        } finally {
            releaseAll();
        }
    }

    /// Puts a state on the next row.
    private void hold(@Nullable State state, BoundPlan plan) {
        if (state == null) {
            throw new NullPointerException("the state of row " + held + " is null");
        }
        state.hold(model);
        int row = held++;
        present[row] = state;
        state.putOn(plan, row);
    }

    private void releaseAll() {
        while (held > 0) {
            Objects.requireNonNull(present[--held]).release();
            present[held] = null;
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
    ///   does not allow, or if it all is too much for [Options#memoryLimit]
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
    ///   does not allow, if it all is too much for [Options#memoryLimit], or if the state is
    ///   another model's
    /// @throws IllegalStateException if the session or the state is closed or in use
    public Map<String, Tensor> run(@Nullable State state, Map<String, Tensor> inputs) {
        enter();
        try {
            return new TensorRun(model).run(inputs, state, this);
        } finally {
            leave();
        }
    }

    /// Runs a whole sequence of the graph's one input to its one output on the session's own
    /// states, with the bits of as many steps. The length T follows from the size of `x`.
    ///
    /// Takes memory for T inputs, outputs and what lies between, up to [Options#memoryLimit], and
    /// keeps it for the next run of that T: at most 64 MiB for all lengths together, those used
    /// last; more than that for one length is freed after the run. A sequence may be run in pieces
    /// of any length, which take the memory of the longest.
    ///
    /// @param x the input: `[T, N, …]` if the graph counts steps in its first axis, else `[N, …, T,
    ///   …]`, N being the session's rows
    /// @param y the output, in the same order; for an output that has no steps its last value
    /// @throws IllegalArgumentException if the graph has several inputs or outputs to feed or read,
    ///   or a size fits no T, or T is too much for [Options#memoryLimit], or `x` cannot be read or
    ///   `y` written by this thread; the states are as before then
    /// @throws IllegalStateException if the session is closed or in use
    public void run(MemorySegment x, MemorySegment y) {
        enter();
        try {
            new SequenceRun(model, rows).run(x, y, this);
        } finally {
            leave();
        }
    }

    /// The memory of runs.
    KeptRuns runs() {
        return runs;
    }

    // ---- the session's own states

    /// Sets the session's own states back to the start.
    ///
    /// @throws IllegalStateException if the session, or one of these states, is closed or in use
    public void reset() {
        enter();
        try {
            for (State s : own()) {
                s.reset();
            }
        } finally {
            leave();
        }
    }

    /// The session's own state of row 0, which [#step()] steps; it is closed with the session.
    ///
    /// @throws IllegalStateException if the session is closed or in use
    public State state() {
        enter();
        try {
            return own()[0];
        } finally {
            leave();
        }
    }

    /// Made by the first who asks. For who has entered: two at once would make them twice.
    State[] own() {
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
        runs.close();
        if (bench != null) {
            bench.close();
        }
        model.memory().sessionClosed();
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
