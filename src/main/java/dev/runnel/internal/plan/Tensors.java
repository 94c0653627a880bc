package dev.runnel.internal.plan;

import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Tensors made out of tensors while planning.
final class Tensors {
    private Tensors() {}

    /// The same values with another element type and, for the same number of elements, shape.
    static Tensor converted(Tensor tensor, TensorType type) {
        if (tensor.type().equals(type)) {
            return tensor;
        }
        MemorySegment s =
                Arena.ofAuto()
                        .allocate(Math.max(type.byteSize(), 1), 64)
                        .asSlice(0, type.byteSize());
        boolean integers = !tensor.dtype().isFloat() && !type.dtype().isFloat();
        for (long i = 0; i < tensor.elements(); i++) {
            long offset = i * type.dtype().byteSize();
            if (integers) {
                Elements.setLong(type.dtype(), s, offset, tensor.getLong(i));
            } else {
                Elements.setDouble(type.dtype(), s, offset, tensor.getDouble(i));
            }
        }
        return new Tensor(type, s);
    }
}
