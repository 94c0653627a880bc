package dev.runnel.internal.fuse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A tensor as a sum of products of other tensors with constant matrices, and a constant: `[N,
/// columns] = Σ source · weights + bias`.
record Affine(int columns, List<Term> terms, double[] bias) {

    /// One product.
    record Term(String source, Matrix weights) {}

    static Affine of(String source, Matrix weights) {
        return new Affine(
                weights.columns(),
                List.of(new Term(source, weights)),
                new double[weights.columns()]);
    }

    Affine plus(Affine other) {
        List<Term> all = new ArrayList<>(terms);
        all.addAll(other.terms);
        return new Affine(columns, all, sum(bias, other.bias));
    }

    Affine plus(double[] constant) {
        return new Affine(columns, terms, sum(bias, constant));
    }

    private static double[] sum(double[] a, double[] b) {
        double[] sum = a.clone();
        for (int j = 0; j < sum.length; j++) {
            sum[j] += b[j];
        }
        return sum;
    }

    Affine times(double factor) {
        return new Affine(
                columns,
                terms.stream().map(t -> new Term(t.source, t.weights.times(factor))).toList(),
                Arrays.stream(bias).map(b -> b * factor).toArray());
    }

    Affine columns(int from, int to) {
        return new Affine(
                to - from,
                terms.stream().map(t -> new Term(t.source, t.weights.columns(from, to))).toList(),
                Arrays.copyOfRange(bias, from, to));
    }
}
