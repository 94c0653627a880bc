package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One thing a plan does.
sealed interface Item {
    /// Runs a node's program.
    ///
    /// @param inputs null for an absent one
    /// @param outputs null for one nobody asked for
    record Compute(
            Node node,
            Operator operator,
            Call call,
            Program program,
            List<@Nullable Value> inputs,
            List<@Nullable Value> outputs)
            implements Item {}

    /// Copies a value to one of the same type, where two names must not share memory.
    record Copy(Value from, Value to) implements Item {}

    /// Runs one of two branches, row by row, as the row's condition says.
    record Choose(Node node, Value condition, List<Item> then, List<Item> otherwise)
            implements Item {}
}
