package dev.runnel.internal.op;

/// One operation of a plan, bound to the memory of one session.
@FunctionalInterface
public interface Step {
    /// Computes rows `from` (inclusive) to `to` (exclusive). Allocates, locks and logs nothing.
    void run(int from, int to);
}
