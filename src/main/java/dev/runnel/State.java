package dev.runnel;

import dev.runnel.internal.memory.Slab;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.StateLayout;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// One stream's memory: h, c and whatever else its model carries from step to step, a few kB
/// off-heap. Cheap enough for 100,000 live streams. Any session of its model steps it, one at a
/// time.
public final class State extends Guard implements AutoCloseable {
    private final Model model;
    private final Slab slab;
    private final MemorySegment segment;
    private final int place;

    State(Model model, Slab slab, int place) {
        this.model = model;
        this.slab = slab;
        this.segment = slab.segment(place);
        this.place = place;
    }

    // ---- for sessions

    void hold(Model by) {
        requireModel(by, "session");
        enter();
    }

    /// @param other what is of model `by`
    private void requireModel(Model by, String other) {
        if (model != by) {
            throw new IllegalArgumentException(
                    "the state is of model "
                            + model.name()
                            + ", the "
                            + other
                            + " of "
                            + (model.name().equals(by.name()) ? "another " : "")
                            + by.name());
        }
    }

    void release() {
        leave();
    }

    void putOn(BoundPlan plan, int row) {
        plan.state(row, segment, slab.offset(place));
    }

    private MemorySegment memory() {
        return segment.asSlice(slab.offset(place), slab.byteSize());
    }

    // ---- for users

    /// A copy of the state's bytes that survives a restart.
    ///
    /// @throws IllegalStateException if the state is closed or in use
    public Snapshot snapshot() {
        enter();
        try {
            return Snapshot.take(model.fingerprint(), memory().toArray(ValueLayout.JAVA_BYTE));
        } finally {
            leave();
        }
    }

    /// Sets this state to what the snapshot holds.
    ///
    /// @throws IllegalArgumentException if the snapshot is another model's
    /// @throws IllegalStateException if the state is closed or in use
    public void restore(Snapshot snapshot) {
        byte[] bytes = snapshot.bytesFor(model);
        enter();
        try {
            memory().copyFrom(MemorySegment.ofArray(bytes));
        } finally {
            leave();
        }
    }

    /// A second state with the same content, which goes its own way from here.
    ///
    /// @throws IllegalStateException if the state is closed or in use, or the model is closed
    public State fork() {
        enter();
        try {
            State copy = model.newState();
            copy.memory().copyFrom(memory());
            return copy;
        } finally {
            leave();
        }
    }

    /// Makes this state what the other one is, without allocating anything.
    ///
    /// @throws IllegalArgumentException if the other one is another model's
    /// @throws IllegalStateException if one of them is closed or in use
    public void copyFrom(State other) {
        if (other == this) {
            return;
        }
        other.requireModel(model, "state to change");
        enter();
        try {
            other.enter();
            try {
                MemorySegment.copy(
                        other.segment,
                        other.slab.offset(other.place),
                        segment,
                        slab.offset(place),
                        slab.byteSize());
            } finally {
                other.release();
            }
        } finally {
            leave();
        }
    }

    /// Back to the start: all zero.
    ///
    /// @throws IllegalStateException if the state is closed or in use
    public void reset() {
        enter();
        try {
            memory().fill((byte) 0);
        } finally {
            leave();
        }
    }

    /// The memory of one tensor of [Model#states], to look at or to set between steps: row-major
    /// elements in the machine's byte order. Nothing stops a step meanwhile. Do not keep it beyond
    /// [#close]: the memory then is another stream's, and no exception tells.
    ///
    /// @throws IllegalArgumentException if there is no such tensor
    /// @throws IllegalStateException if the state is closed
    public MemorySegment tensor(String name) {
        requireOpen();
        for (StateLayout.Slot slot : model.stateLayout().slots()) {
            if (slot.name().equals(name)) {
                return memory().asSlice(slot.offset(), slot.type().byteSize());
            }
        }
        throw new IllegalArgumentException(
                "there is no tensor '"
                        + name
                        + "' in the state; it has "
                        + model.states().stream().map(Port::name).toList());
    }

    /// Gives the memory back; does nothing if the state is closed already.
    ///
    /// @throws IllegalStateException if the state is in use
    @Override
    public void close() {
        if (shut()) {
            slab.give(place);
            model.memory().stateClosed();
        }
    }

    @Override
    String noun() {
        return "state";
    }

    @Override
    String advice() {
        return "a state belongs to one stream, which goes one step at a time";
    }
}
