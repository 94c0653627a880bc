package dev.runnel.internal.op;

import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One operator of the graph's vocabulary: what it yields, what runs it, how time passes through
/// it. Stateless; one instance serves all nodes.
public interface Operator {
    /// Checks the node and says what it yields. Reads every attribute of the operator: one that is
    /// never read is refused by the planner as unknown.
    ///
    /// @return the outputs' types, one for each output the operator has (also those nobody asked
    ///   for)
    /// @throws dev.runnel.MalformedModelException by [Call#malformed] if the node breaks the
    ///   standard
    /// @throws dev.runnel.UnsupportedModelException by [Call#unsupported] if Runnel does not do it
    List<TensorType> infer(Call call);

    /// Makes the node ready to run. Called after [#infer] on the same call; [Call#outputTypes] then
    /// holds what that returned.
    Program compile(Call call);

    /// Whether the outputs follow from the inputs' types alone, as those of `Shape` do: the planner
    /// then folds the node although its input is not constant.
    default boolean readsOnlyTypes() {
        return false;
    }

    /// Why the node cannot be run one time step after the other, or null if it can: if each time
    /// step of its outputs follows from the same step of its inputs (and, for a forward recurrence,
    /// from what was before).
    ///
    /// @param in for each input the axis that is time, or −1
    /// @param out for each output the axis that is time, or −1
    default @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return "mixes time steps";
    }
}
