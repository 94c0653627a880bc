package dev.runnel.internal.plan;

import dev.runnel.graph.TensorType;

import java.util.ArrayList;
import java.util.List;

/// How the tensors of a state lie in its memory, one after the other.
public record StateLayout(List<Slot> slots, long bytes) {
    private static final long ALIGNMENT = 16;

    /// One tensor.
    ///
    /// @param offset in bytes from the state's start
    public record Slot(String name, TensorType type, long offset) {}

    /// Lays out tensors in the order given.
    static StateLayout of(List<String> names, List<TensorType> types) {
        List<Slot> slots = new ArrayList<>();
        long at = 0;
        for (int i = 0; i < names.size(); i++) {
            slots.add(new Slot(names.get(i), types.get(i), at));
            // Not a whole cache line: there may be 100,000 states.
            at += Math.ceilDiv(types.get(i).byteSize(), ALIGNMENT) * ALIGNMENT;
        }
        return new StateLayout(List.copyOf(slots), at);
    }
}
