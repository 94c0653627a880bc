package dev.runnel;

import dev.runnel.graph.Graph;
import java.util.List;
import java.util.Optional;

/// A compiled graph: plans plus packed off-heap weights. Thread-safe, shared by all sessions.
public final class Model implements AutoCloseable {
    private Model() {}

    public static Model compile(Graph graph) {
        return compile(graph, Options.defaults());
    }

    public static Model compile(Graph graph, Options options) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The name of the graph.
    public String name() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// What the caller feeds, in the graph's order; bound inputs and states are not among them.
    public List<Port> inputs() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// What the caller reads, in the graph's order; states are not among them.
    public List<Port> outputs() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The tensors of a [State], named after the graph's inputs or, for an implicit one, after its node.
    public List<Port> states() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Bytes of one stream's memory.
    public long stateBytes() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Bytes of packed weights and constants, off-heap, shared by all sessions.
    public long weightBytes() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The number of weights.
    public long parameters() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The arithmetic in use: `scalar`, `vector-512`, ….
    public String kernels() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Why the model cannot be stepped, as a sentence; empty if it can.
    public Optional<String> stepObstacle() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The plan of a step as text: steps, shapes, bytes, state.
    public String describe() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// A session of one row.
    public Session open() {
        return open(1);
    }

    /// A session of up to `rows` streams at a time.
    public Session open(int rows) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// A stream's memory, at its start (zero).
    public State newState() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// A stream's memory as it was when the snapshot was taken.
    ///
    /// @throws IllegalArgumentException if the snapshot is another model's
    public State newState(Snapshot snapshot) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Waits until steps run at full speed.
    public void warmUp() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Frees the weights.
    ///
    /// @throws IllegalStateException if sessions or states are still open
    @Override
    public void close() {
        throw new UnsupportedOperationException("not written yet");
    }
}
