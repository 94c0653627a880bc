package dev.runnel.graph;

import java.util.Arrays;

/// A tensor's extent along each axis, outermost first: `[T, N, I]`. Immutable; rank 0 is a scalar.
public final class Shape {
    /// The shape of a scalar: rank 0, one element.
    public static final Shape SCALAR = new Shape(new long[0]);

    private final long[] dims;
    private final long elements;

    private Shape(long[] dims) {
        long n = 1;
        boolean empty = false;
        for (long d : dims) {
            if (d < 0) {
                throw new IllegalArgumentException(
                        "shape " + Arrays.toString(dims) + " has a negative dimension");
            }
            empty |= d == 0;
        }
        if (!empty) {
            for (long d : dims) {
                try {
                    n = Math.multiplyExact(n, d);
                } catch (ArithmeticException e) {
                    throw new IllegalArgumentException(
                            "shape " + Arrays.toString(dims) + " has more than 2^63 - 1 elements");
                }
            }
        }
        this.dims = dims;
        this.elements = empty ? 0 : n;
    }

    /// A shape of these dimensions.
    ///
    /// @throws IllegalArgumentException if a dimension is negative, or their product exceeds a long
    public static Shape of(long... dims) {
        return dims.length == 0 ? SCALAR : new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /// The extent along `axis`, which counts from 0 (outermost).
    ///
    /// @throws IndexOutOfBoundsException if there is no such axis
    public long dim(int axis) {
        return dims[axis];
    }

    /// The extent along `axis` as an int, for shapes already known to fit in memory.
    ///
    /// @throws ArithmeticException if it does not fit
    public int size(int axis) {
        return Math.toIntExact(dims[axis]);
    }

    /// A copy of the dimensions.
    public long[] dims() {
        return dims.clone();
    }

    /// The product of the dimensions: 1 for a scalar, 0 if any dimension is 0.
    public long elements() {
        return elements;
    }

    /// The product of the dimensions from axis `from` (inclusive) to `to` (exclusive).
    public long elements(int from, int to) {
        long n = 1;
        for (int a = from; a < to; a++) {
            n *= dims[a];
        }
        return n;
    }

    /// This shape with another extent along `axis`.
    public Shape with(int axis, long dim) {
        long[] d = dims.clone();
        d[axis] = dim;
        return new Shape(d);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /// As messages write it: `[1, 512, 64]`.
    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
