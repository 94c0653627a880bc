package dev.runnel;

import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Rounding;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Operators;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Compilation;
import dev.runnel.internal.plan.Plan;
import dev.runnel.internal.plan.StateLayout;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedSet;

/// A compiled graph: plans plus packed off-heap weights. Thread-safe: all sessions and states share
/// it, and it cannot be closed while any of them is open.
///
/// ```java
/// try (Model model = Model.compile(graph);
///         Session session = model.open();
///         State call = model.newState()) {
///     session.step(call);
/// }
/// ```
///
/// A graph that carries its state in inputs and outputs (`h` in, `hn` out) has them paired: they
/// leave the lists of ports and live in the [State]. A graph whose recurrences start from zero
/// keeps their state from step to step under [Options#stateful()].
public final class Model implements AutoCloseable {
    private final Graph graph;
    private final Options options;
    private final ModelMemory memory;
    private final Weights weights;
    private final Plans plans;

    private final Rehearsals rehearsals;

    /// Null if the model was planned only.
    private final @Nullable Fingerprint fingerprint;

    private Model(Graph graph, Options options, ModelMemory memory, boolean planned) {
        this.graph = graph;
        this.options = options;
        this.memory = memory;
        this.weights = new Weights(planned ? null : memory.arena(), options.weights());
        this.rehearsals = new Rehearsals(options.kernels().fixed());
        Compilation compilation =
                Compilation.of(
                        graph,
                        options.bound(),
                        options.states(),
                        options.isPairing(),
                        options.isStateful(),
                        weights,
                        options.memoryLimit());
        this.plans = new Plans(compilation, options);
        this.fingerprint = planned ? null : Fingerprint.of(graph, options);
    }

    /// Compiles a graph with default options.
    ///
    /// @throws MalformedModelException if the graph contradicts itself
    /// @throws UnsupportedModelException if it asks for what Runnel does not do
    public static Model compile(Graph graph) {
        return compile(graph, Options.defaults());
    }

    /// Compiles a graph.
    ///
    /// @throws MalformedModelException if the graph contradicts itself
    /// @throws UnsupportedModelException if it asks for what Runnel does not do
    /// @throws IllegalArgumentException if the options name what the graph does not have
    public static Model compile(Graph graph, Options options) {
        return of(graph, options, false);
    }

    /// Plans a graph, to be looked at and not to be run: as [#compile], but no weights are packed,
    /// and read only if plans depend on them, as where an exporter took a layer apart or weights
    /// are stored in fewer bits. All but [#roundings] says what it says of the compiled model;
    /// there are no sessions and states.
    ///
    /// @throws MalformedModelException as [#compile(Graph, Options)]
    /// @throws UnsupportedModelException as [#compile(Graph, Options)]
    /// @throws IllegalArgumentException as [#compile(Graph, Options)]
    public static Model plan(Graph graph, Options options) {
        return of(graph, options, true);
    }

    private static Model of(Graph graph, Options options, boolean planned) {
        ModelMemory memory = new ModelMemory(graph.name(), planned);
        boolean done = false;
        try {
            Model model = new Model(graph, options, memory, planned);
            done = true;
            return model;
        } finally {
            if (!done) {
                memory.close(() -> false);
            }
        }
    }

    /// The operators that models may use, by name, sorted; one of another than the standard domain
    /// has it before its name: `com.microsoft.DynamicQuantizeLSTM`.
    public static SortedSet<String> operators() {
        SortedSet<String> names = Operators.names();
        names.addAll(Compilation.CONTROL);
        return names;
    }

    /// The graph's name.
    public String name() {
        return graph.name();
    }

    /// What the caller feeds, in the graph's order; bound inputs and states are not among them.
    public List<Port> inputs() {
        return plans.inputs().ports();
    }

    /// What the caller reads, in the graph's order; states are not among them.
    public List<Port> outputs() {
        return plans.outputs();
    }

    /// The tensors of a [State], named after the graph's inputs or, where the graph has none for
    /// it, after the recurrent node: `lstm_1.h`.
    public List<Port> states() {
        StateLayout layout = plans.stateLayout();
        List<Port> ports = new ArrayList<>();
        if (layout != null) {
            for (StateLayout.Slot slot : layout.slots()) {
                ports.add(
                        new Port(
                                slot.name(),
                                plans.inputs().declared(slot.name(), slot.type()),
                                slot.type()));
            }
        }
        return List.copyOf(ports);
    }

    /// Bytes of one stream's memory.
    public long stateBytes() {
        StateLayout layout = plans.stateLayout();
        return layout == null ? 0 : layout.bytes();
    }

    /// Bytes of packed weights and constants, off-heap, shared by all sessions.
    public long weightBytes() {
        return weights.byteSize();
    }

    /// The number of weights: [Graph#parameters].
    public long parameters() {
        return graph.parameters();
    }

    /// What was recognised as a recurrent layer and fused to an RNN, GRU or LSTM node, a line each:
    /// `LSTM 'n' from MatMul 'a', Add 'b', …`.
    public List<String> fusions() {
        return plans.fusions();
    }

    /// What [Options#weights] asked for, empty if nothing; how each layer is stored says
    /// [#describe].
    public Optional<Precision> precision() {
        return Optional.ofNullable(options.weights());
    }

    /// What weights lost that a step's plan packed in fewer bits, a line for each tensor that a
    /// node multiplies with: how far the numbers that kernels compute with are from those of the
    /// graph. Read from the packed weights when asked for. Empty if [#describe] has no plan.
    ///
    /// @throws IllegalStateException if the model is closed, or planned only
    public List<Rounding> roundings() {
        memory.requireOpen();
        Plan step = plans.stepPlan();
        return step == null ? List.of() : step.roundings();
    }

    /// The arithmetic in use: `scalar`, or `vector-512` and the like. Under
    /// [Options.KernelSet#AUTO] that is `scalar` until vector kernels have been compiled for the
    /// first session. One of more rows may still be on scalar ones then: beside `open(rows)` call
    /// `warmUp(rows)`.
    public String kernels() {
        return rehearsals.kernels().name();
    }

    /// Why the model cannot be stepped, as a sentence that names the node; empty if it can.
    public Optional<String> stepObstacle() {
        return plans.stepObstacle();
    }

    /// The plan of a step as text: its steps, shapes, bytes and state.
    public String describe() {
        String head =
                name()
                        + ": "
                        + parameters()
                        + " parameters, "
                        + weightBytes()
                        + " bytes of weights"
                        + precision().map(p -> " (" + p + ")").orElse("")
                        + ", kernels "
                        + kernels()
                        + "\n";
        Plan step = plans.stepPlan();
        String obstacle = stepObstacle().map(o -> o + "\n").orElse("");
        return head + obstacle + (step == null ? "" : step.describe());
    }

    /// A session of one row.
    public Session open() {
        return open(1);
    }

    /// A session of up to `rows` streams at a time. [#warmUp(int)] of as many rows, here or before,
    /// spares it the first seconds on scalar kernels.
    ///
    /// @throws IllegalArgumentException if `rows` is not positive, or so many that the session
    ///   would exceed [Options#memoryLimit]
    /// @throws IllegalStateException if the model is closed, or planned only
    public Session open(int rows) {
        if (rows < 1) {
            throw new IllegalArgumentException("rows is " + rows + ", expected at least 1");
        }
        memory.sessionOpened();
        boolean done = false;
        try {
            Session session = new Session(this, rows);
            done = true;
            return session;
        } finally {
            if (!done) {
                memory.sessionClosed();
            }
        }
    }

    /// A stream's memory at its start: all zero.
    ///
    /// @throws IllegalStateException if the model is closed or planned only, or if its states have
    ///   no size before inputs have values: see [#stepObstacle]
    public State newState() {
        return memory.newState(this, stateLayout().bytes());
    }

    /// A stream's memory as it was when the snapshot was taken.
    ///
    /// @throws IllegalArgumentException if the snapshot is another model's
    /// @throws IllegalStateException if the model is closed
    public State newState(Snapshot snapshot) {
        State state = newState();
        boolean done = false;
        try {
            state.restore(snapshot);
            done = true;
            return state;
        } finally {
            if (!done) {
                state.close();
            }
        }
    }

    /// Steps a scratch session of one row until steps run at full speed and allocate nothing: waits
    /// until the vector kernels are compiled and in use. Takes two to seven seconds, and gives up
    /// after some 40 on a machine that leaves the compiler no time; does nothing if the model
    /// cannot be stepped ([#stepObstacle]). Steps of more rows and sequences are other matters:
    /// [#warmUp(int)] beside [#open(int)], [#warmUp(int, int)] beside [Session#run]. A thread that
    /// is interrupted meanwhile returns early, still interrupted; the background goes on by itself.
    ///
    /// @throws IllegalStateException if the model is closed
    public void warmUp() {
        warmUp(1);
    }

    /// The same for sessions of that many rows, whose steps go other ways through the kernels.
    ///
    /// @throws IllegalArgumentException if `rows` is not positive, or too many for a session
    /// @throws IllegalStateException if the model is closed
    public void warmUp(int rows) {
        WarmUp.run(this, rows, 1);
    }

    /// The same for steps and for sequences, which [Session#run(MemorySegment, MemorySegment)]
    /// takes through other kernels than steps; those of about as many steps, and more, profit too.
    /// If no dimension of the inputs counts steps, then for steps alone.
    ///
    /// @param steps T
    /// @throws IllegalArgumentException if `rows` or `steps` is not positive, or too many for a
    ///   session
    /// @throws IllegalStateException if the model is closed
    public void warmUp(int rows, int steps) {
        if (steps < 1) {
            throw new IllegalArgumentException("steps is " + steps + ", expected at least 1");
        }
        WarmUp.run(this, rows, steps);
    }

    /// Frees the weights and all memory of states, or sees to it that the background does when it
    /// has let go of them, a moment later. Does nothing if the model is closed already.
    ///
    /// @throws IllegalStateException if sessions or states are still open
    @Override
    public void close() {
        memory.close(() -> WarmUp.cancel(this));
    }

    // ---- for sessions and states

    StateLayout stateLayout() {
        StateLayout layout = plans.stateLayout();
        if (layout == null) {
            throw new IllegalStateException(
                    "cannot make a state of "
                            + name()
                            + ": "
                            + stepObstacle().orElse("its plan is not known yet"));
        }
        return layout;
    }

    byte[] fingerprint() {
        return Objects.requireNonNull(fingerprint).digest();
    }

    ModelMemory memory() {
        return memory;
    }

    Plans plans() {
        return plans;
    }

    /// A crew for a session.
    Crew crew() {
        return options.threads() == 1 ? Crew.ALONE : new Crew(options.threads());
    }

    BoundPlan bind(Plan plan, int rows, Crew crew) {
        requireRoom(plan, rows, crew.size());
        return plan.bind(rows, weights, rehearsals.kernels(this, plan, rows), crew);
    }

    private void requireRoom(Plan plan, int rows, int threads) {
        long bytes;
        try {
            bytes = plan.byteSize(rows, threads);
        } catch (ArithmeticException e) {
            bytes = Long.MAX_VALUE;
        }
        if (bytes > options.memoryLimit()) {
            throw new IllegalArgumentException(
                    "a session of "
                            + rows
                            + " rows of "
                            + name()
                            + " takes "
                            + bytes
                            + " bytes for inputs of "
                            + plan.inputs()
                            + "; the limit is "
                            + options.memoryLimit()
                            + " (Options.memoryLimit)"
                            + plans.advice(plan.inputs()));
        }
    }

    // ---- for rehearsals

    /// What changes over when this plan has been rehearsed, not only another.
    KernelSwitch rehearsed(Plan plan, int rows) {
        requireRoom(plan, rows, 1);
        return rehearsals.own(this, plan, rows);
    }

    Rehearsals rehearsals() {
        return rehearsals;
    }

    BoundPlan bindForRehearsal(Plan plan, int rows, Kernels kernels, boolean excerpt) {
        KernelSwitch fixed = KernelSwitch.fixed(kernels);
        return excerpt
                ? plan.bindForRehearsal(rows, weights, fixed)
                : plan.bind(rows, weights, fixed, Crew.ALONE);
    }
}
