package dev.runnel.formats.precision;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

/// A constant that layers multiply with, as the matrix `[all but the last axis, last axis]`.
final class Weight {
    final Tensor tensor;
    final Shape matrix;

    /// Whether to store it in fewer bits.
    boolean stored;

    /// Along which the sums lie that a scale is for; −1 for none.
    int axis = -1;

    /// By index along that axis, the greatest magnitude that a scale is to cover.
    float[] greatest = {};

    /// Whether all of these are finite.
    boolean finite = true;

    Weight(Tensor tensor) {
        this.tensor = tensor;
        int last = tensor.shape().rank() - 1;
        matrix =
                last < 1
                        ? tensor.shape()
                        : Shape.of(tensor.shape().elements(0, last), tensor.shape().dim(last));
    }

    /// Stores it with a scale for each sum along an axis, unless its sums lie along the other
    /// already: of several layers that read a weight the first decides.
    ///
    /// @return whether they lie along this one now
    boolean storeAlong(int to) {
        if (axis < 0 && matrix.rank() == 2) {
            axis = to;
            stored = true;
            greatest = Numbers.greatest(tensor, matrix, axis);
            for (float max : greatest) {
                finite &= Float.isFinite(max);
            }
        }
        return axis == to;
    }
}
