package dev.runnel.tools;

import dev.runnel.graph.Tensor;

/// How far the elements of an output are from their references, over all its data sets. An infinity
/// is no distance from itself, nor is NaN from NaN, but that says little and is counted; from all
/// else they are infinitely far.
final class Deviation {
    private double max;
    private double sum;
    private double magnitude;
    private double noise;
    private double signal;
    private long count;
    private long nans;

    /// Adds the elements of another data set.
    void add(OutputPair pair) {
        Tensor want = pair.want();
        for (long i = 0; i < want.elements(); i++) {
            double w = want.getDouble(i);
            double g = pair.got().getDouble(i);
            double error = distance(g, w);
            max = Math.max(max, error);
            sum += error;
            noise += error * error;
            nans += Double.isNaN(w) && Double.isNaN(g) ? 1 : 0;
            if (Double.isFinite(w)) {
                magnitude += Math.abs(w);
                signal += w * w;
            }
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

    /// How many elements are NaN in both, which have not been compared.
    long nans() {
        return nans;
    }

    /// How many elements there are.
    long count() {
        return count;
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
