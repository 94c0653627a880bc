package dev.runnel.internal.plan;

import dev.runnel.internal.op.Call;

import java.util.Set;
import java.util.TreeSet;

/// A shape or a branch depends on the values of graph inputs that are not known: whoever has them
/// plans again with them, as often as they change.
public final class NeedsInputs extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient Set<String> inputs;

    NeedsInputs(Call call, Set<String> inputs) {
        super(
                "the plan of "
                        + call.node()
                        + " depends on the value of "
                        + (inputs.size() == 1 ? "input " : "inputs ")
                        + String.join(
                                ", ",
                                new TreeSet<>(inputs).stream().map(i -> "'" + i + "'").toList()),
                null,
                false,
                false);
        this.inputs = Set.copyOf(inputs);
    }

    public Set<String> inputs() {
        return inputs;
    }
}
