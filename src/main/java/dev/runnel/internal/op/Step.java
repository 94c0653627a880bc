package dev.runnel.internal.op;

/// One operation of a plan, bound to the memory of one session.
@FunctionalInterface
public interface Step {
    /// Computes rows 0 … `rows` − 1. Allocates, locks and logs nothing.
    void run(int rows);
}
