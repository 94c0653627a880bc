package dev.runnel.internal.op;

import dev.runnel.internal.kernel.PackingError;

import java.util.Map;

/// A node made ready to run: weights packed, kernel chosen. Immutable and shared by all sessions;
/// each session binds it to its own memory.
public interface Program {
    /// Binds to one session's memory.
    Step bind(Bench bench);

    /// Bytes of scratch the bound step needs for that many rows; shared with the plan's other
    /// steps.
    default long scratchBytes(int rows) {
        return 0;
    }

    /// Whether the bound step reads input `i` from its operand. False for a constant that was
    /// packed: the planner then keeps no second copy of it.
    default boolean reads(int i) {
        return true;
    }

    /// Whether the bound step has read all of a row's inputs before it writes that row's outputs
    /// other than the first, so that these may lie where inputs lie.
    default boolean readsFirst() {
        return false;
    }

    /// What [dev.runnel.Model#describe] says of it behind the operator's name, such as `packed 2.1
    /// MB`.
    default String description() {
        return "";
    }

    /// What constants lost that it packed in fewer bits, by input; none that it packed as they are.
    default Map<Integer, PackingError> packingErrors() {
        return Map.of();
    }

    /// The program of a node whose output 0 is its input 0 under another shape: it has no step, the
    /// planner gives both the same memory.
    Program VIEW = new View();

    /// Of a node whose output is another shape of its input.
    final class View implements Program {
        private View() {}

        @Override
        public Step bind(Bench bench) {
            throw new IllegalStateException("a view has no step");
        }
    }
}
