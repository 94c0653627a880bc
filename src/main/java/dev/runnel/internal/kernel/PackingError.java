package dev.runnel.internal.kernel;

import dev.runnel.graph.Precision;

/// How far weights as they were packed are from what they were packed from.
public final class PackingError {
    private final Precision precision;
    private double max;
    private double sum;
    private long count;

    /// What is told of each weight.
    @FunctionalInterface
    public interface Of {
        /// That of input `k` in the group's column `column` is so much more than it was.
        void add(int group, int column, int k, double difference);
    }

    /// @param precision as what they are packed
    public PackingError(Precision precision) {
        this.precision = precision;
    }

    public Precision precision() {
        return precision;
    }

    public void add(double difference) {
        max = Math.max(max, Math.abs(difference));
        sum += Math.abs(difference);
        count++;
    }

    /// The largest; NaN if one is.
    public double max() {
        return max;
    }

    public double mean() {
        return count == 0 ? 0 : sum / count;
    }
}
