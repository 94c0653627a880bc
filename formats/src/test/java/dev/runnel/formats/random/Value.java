package dev.runnel.formats.random;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;

import java.util.Arrays;

/// A tensor of a model in the making: its name, its element type, and the shape it will have.
///
/// @param name the name in the file; empty for an optional input left out
record Value(String name, DType dtype, Shape shape) {
    static final Value NONE = new Value("", DType.FLOAT32, Shape.SCALAR);

    int rank() {
        return shape.rank();
    }

    long dim(int axis) {
        return shape.dim(axis < 0 ? axis + rank() : axis);
    }

    boolean isNone() {
        return name.isEmpty();
    }

    /// The shape with its axes in another order: axis `i` is this one's axis `order[i]`.
    Shape permuted(int... order) {
        return Shape.of(Arrays.stream(order).mapToLong(shape::dim).toArray());
    }
}
