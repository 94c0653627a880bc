package dev.runnel.internal.plan;

import dev.runnel.internal.op.Call;

import java.util.List;
import java.util.Map;

/// A graph for given input shapes, its constants folded and its known branches inlined: what there
/// is to do, in order.
///
/// @param inputs what the caller feeds, by name
/// @param outputs what the caller reads, by name
/// @param states what is carried from step to step
/// @param items what to do
/// @param values every value by its path and name, which mean the same tensor in every lowering of
///   one graph
/// @param calls every node met, folded ones included, with its values
record Lowered(
        Map<String, Value> inputs,
        Map<String, Value> outputs,
        List<Carried> states,
        List<Item> items,
        Map<String, Value> values,
        List<Met> calls) {

    /// A tensor of the state: what it is before the step and after.
    record Carried(String name, Value before, Value after) {}

    /// A node that was met while lowering.
    record Met(
            dev.runnel.internal.op.Operator operator,
            Call call,
            List<@org.jspecify.annotations.Nullable Value> inputs,
            List<@org.jspecify.annotations.Nullable Value> outputs) {}
}
