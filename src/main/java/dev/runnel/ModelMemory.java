package dev.runnel;

import dev.runnel.internal.memory.Slab;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.util.function.BooleanSupplier;

/// A model's memory off-heap: its weights and its states, who uses it, and so when it may be freed.
/// Thread-safe.
final class ModelMemory {
    private final String model;
    private final boolean planned;
    private final Arena arena = Arena.ofShared();
    private @Nullable Slab slab;
    private int openSessions;
    private int openStates;
    private boolean closed;

    /// Closed while a rehearsal was on, which stops and then frees the memory.
    private boolean leftToRehearsal;

    /// @param model its name, for messages
    /// @param planned whether the model was planned only: there are no weights, and no users
    ModelMemory(String model, boolean planned) {
        this.model = model;
        this.planned = planned;
    }

    /// For weights.
    Arena arena() {
        return arena;
    }

    /// A state, zeroed; it counts until [#stateClosed].
    ///
    /// @param bytes of each state
    synchronized State newState(Model by, long bytes) {
        requireOpen();
        if (slab == null) {
            slab = new Slab(arena, bytes);
        }
        State state = new State(by, slab, slab.take());
        openStates++;
        return state;
    }

    synchronized void stateClosed() {
        openStates--;
    }

    synchronized void sessionOpened() {
        requireOpen();
        openSessions++;
    }

    synchronized void sessionClosed() {
        openSessions--;
    }

    /// @throws IllegalStateException if it is closed, or the model was planned only
    synchronized void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the model " + model + " is closed");
        }
        if (planned) {
            throw new IllegalStateException(
                    "the model "
                            + model
                            + " was planned only and has no weights; call Model.compile to run it");
        }
    }

    /// Frees the memory, or leaves that to a rehearsal. Does nothing if it is closed already.
    ///
    /// @param rehearsalOn cancels the model's rehearsals and says whether one is on, after which
    ///   [#rehearsalOver] is called
    /// @throws IllegalStateException if sessions or states are still open
    synchronized void close(BooleanSupplier rehearsalOn) {
        if (closed) {
            return;
        }
        if (openSessions > 0 || openStates > 0) {
            throw new IllegalStateException(
                    "cannot close "
                            + model
                            + ": "
                            + openSessions
                            + " sessions and "
                            + openStates
                            + " states are open; close them first");
        }
        closed = true;
        leftToRehearsal = rehearsalOn.getAsBoolean();
        if (!leftToRehearsal) {
            arena.close();
        }
    }

    /// One of the model's is over; if it kept the memory from being freed, that is done now.
    synchronized void rehearsalOver() {
        if (leftToRehearsal) {
            leftToRehearsal = false;
            arena.close();
        }
    }
}
