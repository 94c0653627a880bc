package dev.runnel;

import dev.runnel.graph.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/// One worker's bench for up to N rows. Used by one thread at a time.
public final class Session implements AutoCloseable {
    Session() {}

    /// The memory of input `name` for all rows: row r's tensor lies `r · port.byteSize()` behind the start.
    public MemorySegment input(String name) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The memory of input `name` for one row.
    public MemorySegment input(String name, int row) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The memory of output `name` for all rows, valid until the next step.
    public MemorySegment output(String name) {
        throw new UnsupportedOperationException("not written yet");
    }

    public MemorySegment output(String name, int row) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Steps the session's own states, one for each row.
    public void step() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Steps one stream on row 0.
    public void step(State state) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Steps many streams, row n belonging to states[n].
    public void step(State... states) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Steps many streams, row n belonging to states.get(n).
    public void step(List<State> states) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Runs a whole sequence (or any shapes the graph allows) on the session's own state.
    ///
    /// @return the outputs by name, in memory of their own
    public Map<String, Tensor> run(Map<String, Tensor> inputs) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Runs a whole sequence or any shapes the graph allows, continuing `state`.
    public Map<String, Tensor> run(State state, Map<String, Tensor> inputs) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Sets the session's own states back to the start.
    public void reset() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The session's own state of row 0.
    public State state() {
        throw new UnsupportedOperationException("not written yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not written yet");
    }
}
