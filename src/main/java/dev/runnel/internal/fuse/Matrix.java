package dev.runnel.internal.fuse;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

/// A window of a constant float32 matrix, times a number: element \[k, j\] is what input k
/// contributes to column j.
///
/// @param at where the window starts, in elements
/// @param rowStride elements from row to row
/// @param columnStride elements from column to column
record Matrix(
        Tensor tensor,
        long at,
        long rowStride,
        long columnStride,
        int rows,
        int columns,
        double scale) {

    /// @param transposed whether the tensor is \[columns, rows\]
    static @Nullable Matrix of(@Nullable Tensor t, boolean transposed) {
        if (t == null
                || t.dtype() != DType.FLOAT32
                || t.shape().rank() != 2
                || t.elements() == 0
                || t.elements() > Integer.MAX_VALUE / 8) {
            return null;
        }
        int a = (int) t.shape().dim(0);
        int b = (int) t.shape().dim(1);
        return transposed ? new Matrix(t, 0, 1, b, b, a, 1) : new Matrix(t, 0, b, 1, a, b, 1);
    }

    Matrix columns(int from, int to) {
        return new Matrix(
                tensor, at + from * columnStride, rowStride, columnStride, rows, to - from, scale);
    }

    Matrix rows(int from, int to) {
        return new Matrix(
                tensor, at + from * rowStride, rowStride, columnStride, to - from, columns, scale);
    }

    Matrix times(double factor) {
        return new Matrix(tensor, at, rowStride, columnStride, rows, columns, scale * factor);
    }

    float get(int row, int column) {
        return (float) (scale * tensor.getDouble(at + row * rowStride + column * columnStride));
    }

    /// Adds the transposed matrix to rows `row` … of `to`, a row-major matrix of `stride` columns,
    /// from column `column` on.
    void addTransposed(float[] to, int row, int stride, int column) {
        for (int j = 0; j < columns; j++) {
            int base = (row + j) * stride + column;
            for (int k = 0; k < rows; k++) {
                to[base + k] += get(k, j);
            }
        }
    }
}
