package dev.runnel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// Keeps a session or a state to one user at a time: whoever comes while it is in use, or after it
/// was closed, gets an exception instead of wrong numbers.
abstract class Guard {
    private static final int FREE = 0;
    private static final int BUSY = 1;
    private static final int CLOSED = 2;
    private static final VarHandle CONDITION;

    static {
        try {
            CONDITION = MethodHandles.lookup().findVarHandle(Guard.class, "condition", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // by CONDITION
    private int condition;

    /// Starts using it.
    ///
    /// @throws IllegalStateException if it is in use or closed
    final void enter() {
        int was = (int) CONDITION.compareAndExchangeAcquire(this, FREE, BUSY);
        if (was != FREE) {
            throw new IllegalStateException(
                    was == CLOSED
                            ? "the " + noun() + " is closed"
                            : "the "
                                    + noun()
                                    + " is in use, by another thread or twice in one step; "
                                    + advice());
        }
    }

    /// Ends using it.
    final void leave() {
        CONDITION.setRelease(this, FREE);
    }

    /// Closes it for good.
    ///
    /// @return false if it was closed already
    /// @throws IllegalStateException if it is in use
    final boolean shut() {
        int was = (int) CONDITION.compareAndExchangeAcquire(this, FREE, CLOSED);
        if (was == BUSY) {
            throw new IllegalStateException(
                    "the " + noun() + " is in use; close it when its step is done");
        }
        return was == FREE;
    }

    /// Takes back a [#shut] that could not be carried through.
    final void reopen() {
        CONDITION.setRelease(this, FREE);
    }

    /// @throws IllegalStateException if it is closed
    final void requireOpen() {
        if ((int) CONDITION.getAcquire(this) == CLOSED) {
            throw new IllegalStateException("the " + noun() + " is closed");
        }
    }

    /// What it is, for messages.
    abstract String noun();

    /// What to do instead of using it twice.
    abstract String advice();
}
