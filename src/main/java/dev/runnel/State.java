package dev.runnel;

import java.lang.foreign.MemorySegment;

/// One stream's memory.
public final class State implements AutoCloseable {
    State() {}

    /// A copy of the state's bytes that survives a restart.
    public Snapshot snapshot() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Sets this state to what the snapshot holds.
    public void restore(Snapshot snapshot) {
        throw new UnsupportedOperationException("not written yet");
    }

    /// A second state with the same content.
    public State fork() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// Back to the start: all zero.
    public void reset() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The memory of one of [Model#states], to look at or to set.
    public MemorySegment tensor(String name) {
        throw new UnsupportedOperationException("not written yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not written yet");
    }
}
