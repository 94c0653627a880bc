package dev.runnel.tools;

import dev.runnel.graph.Tensor;

/// How far the elements of an output are from their references, over all its data sets. NaN is no
/// distance from NaN, nor is an infinity from itself; from all else they are infinitely far.
final class Deviation {
    private double max;
    private double sum;
    private double magnitude;
    private double noise;
    private double signal;
    private long count;

    /// Adds the elements of another data set. One of another shape is infinitely far.
    void add(Tensor got, Tensor want) {
        boolean comparable = got.shape().equals(want.shape());
        for (long i = 0; i < want.elements(); i++) {
            double w = want.getDouble(i);
            double error = comparable ? distance(got.getDouble(i), w) : Double.POSITIVE_INFINITY;
            max = Math.max(max, error);
            sum += error;
            noise += error * error;
            if (Double.isFinite(w)) {
                magnitude += Math.abs(w);
                signal += w * w;
            }
        }
        if (!comparable) {
            max = Double.POSITIVE_INFINITY;
        }
        count += want.elements();
    }

    private static double distance(double got, double want) {
        if (got == want || Double.isNaN(got) && Double.isNaN(want)) {
            return 0;
        }
        double error = Math.abs(got - want);
        return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
    }

    /// The largest |got − want|.
    double max() {
        return max;
    }

    /// The mean |got − want|.
    double mean() {
        return count == 0 ? 0 : sum / count;
    }

    /// The mean |want|, to judge the others by.
    double meanMagnitude() {
        return count == 0 ? 0 : magnitude / count;
    }

    /// The signal-to-noise ratio Σ want² / Σ (got − want)² in dB; infinite if nothing is off.
    double decibels() {
        return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
    }
}
