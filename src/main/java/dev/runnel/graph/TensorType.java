package dev.runnel.graph;

/// Element type and shape: all there is to know of a tensor but its values.
public record TensorType(DType dtype, Shape shape) {
    /// The bytes such a tensor takes, packed.
    ///
    /// @throws IllegalArgumentException if they exceed a long
    public long byteSize() {
        try {
            return Math.multiplyExact(shape.elements(), (long) dtype.byteSize());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(this + " takes more than 2^63 - 1 bytes", e);
        }
    }

    // A record's own, when first called, costs a process that starts some milliseconds.
    @Override
    public boolean equals(Object o) {
        return o instanceof TensorType t && dtype == t.dtype && shape.equals(t.shape);
    }

    @Override
    public int hashCode() {
        return 31 * dtype.hashCode() + shape.hashCode();
    }

    /// As messages write it: `float32[1, 512]`.
    @Override
    public String toString() {
        return dtype + shape.toString();
    }
}
