package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One thing a plan does.
///
/// What is on the way to a process's first step asks for its class by `instanceof`: a `switch` over
/// classes, when first run, costs that process a millisecond or more, as a lambda does.
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

    /// Copies a part of a tensor: what it has at one index of an axis.
    ///
    /// @param iteration the index, counted from the end if `reverse`
    /// @param writes whether the part goes into the whole; else it is taken out
    record Part(Value whole, Value part, int axis, Value iteration, boolean reverse, boolean writes)
            implements Item {}

    /// Runs a loop: `first` once, then `body` for iterations 0, 1, …
    ///
    /// @param count how many at most; null for no limit
    /// @param condition whether to begin; null for yes
    /// @param again whether to go on after an iteration; null for yes
    /// @param iteration where to put the iteration's number for those who read it
    record Repeat(
            Node node,
            @Nullable Value count,
            @Nullable Value condition,
            @Nullable Value again,
            Value iteration,
            List<Item> first,
            List<Item> body)
            implements Item {}
}
