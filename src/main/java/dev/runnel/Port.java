package dev.runnel;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

/// An input or output of a model, or a tensor of its state.
///
/// @param name its name in the graph
/// @param declared what the graph says of it, symbolic dimensions included: `[batch, T, 34]`
/// @param type what it is in one step of one stream: `float32[1, 1, 34]`
public record Port(String name, ValueInfo declared, TensorType type) {
    public DType dtype() {
        return type.dtype();
    }

    /// Bytes of one row.
    public long byteSize() {
        return type.byteSize();
    }
}
