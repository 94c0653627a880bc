package dev.runnel.internal.plan;

import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

/// One tensor of a plan. Compared by identity.
final class Value {
    /// What makes a value.
    enum Origin {
        /// Known while planning.
        CONSTANT,
        /// Fed by the caller.
        INPUT,
        /// Kept in the state from the step before.
        STATE,
        /// Computed by a step.
        STEP
    }

    /// The branch it is in, as far as that tells equal names apart; empty outside all branches.
    final String path;

    final String name;
    final TensorType type;
    final Origin origin;

    /// The tensor of a constant.
    final @Nullable Tensor tensor;

    /// The value whose memory this one shares under another shape.
    final @Nullable Value viewOf;

    private Value(
            String path,
            String name,
            TensorType type,
            Origin origin,
            @Nullable Tensor tensor,
            @Nullable Value viewOf) {
        this.path = path;
        this.name = name;
        this.type = type;
        this.origin = origin;
        this.tensor = tensor;
        this.viewOf = viewOf;
    }

    static Value constant(String path, String name, Tensor tensor) {
        return new Value(path, name, tensor.type(), Origin.CONSTANT, tensor, null);
    }

    static Value input(String name, TensorType type) {
        return new Value("", name, type, Origin.INPUT, null, null);
    }

    static Value state(String name, TensorType type) {
        return new Value("", name, type, Origin.STATE, null, null);
    }

    static Value computed(String path, String name, TensorType type) {
        return new Value(path, name, type, Origin.STEP, null, null);
    }

    static Value view(String path, String name, TensorType type, Value of) {
        return new Value(path, name, type, Origin.STEP, null, of);
    }

    /// The value whose memory this one lies in.
    Value root() {
        Value v = this;
        while (v.viewOf != null) {
            v = v.viewOf;
        }
        return v;
    }

    @Override
    public String toString() {
        return name + ": " + type;
    }
}
