package dev.runnel.tools;

import dev.runnel.graph.Tensor;

/// How far the floating-point elements of an output are from their references, over all its data
/// sets.
final class Deviation {
    private double max;
    private double sum;
    private double magnitude;
    private long count;

    /// Adds the elements of another data set, of the same shape each.
    void add(Tensor got, Tensor want) {
        for (long i = 0; i < want.elements(); i++) {
            double error = Math.abs(got.getDouble(i) - want.getDouble(i));
            max = Math.max(max, error);
            sum += error;
            magnitude += Math.abs(want.getDouble(i));
        }
        count += want.elements();
    }

    /// The largest |got − want|.
    double max() {
        return max;
    }

    /// The mean |got − want|.
    double mean() {
        return sum / count;
    }

    /// The mean |want|, to judge the others by.
    double meanMagnitude() {
        return magnitude / count;
    }
}
