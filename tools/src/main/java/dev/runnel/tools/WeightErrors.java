package dev.runnel.tools;

import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What rounding has done to matrices of weights, row by row: a row is what one sum is made of, so
/// a column of the matrix that `MatMul` and `Gemm` multiply with.
///
/// @param row its index, the axes before the last counted through: of a recurrent layer's `[D, G·H,
///   I]` it is d·G·H + row
/// @param max the largest |Δw| in it
/// @param relative that by the largest |w| in it
record WeightErrors(String tensor, boolean column, long row, double max, double relative) {
    /// The rows that are off by most, relatively; none if nothing is off.
    static List<WeightErrors> worst(Graph original, Graph converted, int most) {
        FlatGraph graph = FlatGraph.of(original);
        Map<String, Tensor> before = graph.tensors();
        Map<String, Tensor> after = FlatGraph.of(converted).tensors();
        List<WeightErrors> rows = new ArrayList<>();
        before.forEach(
                (name, w) -> {
                    Tensor v = after.get(name);
                    if (v != null
                            && w.elements() > 0 // its rows might be many still
                            && w.dtype().isFloat()
                            && w.shape().rank() >= 2
                            && w.shape().equals(v.shape())) {
                        addRows(rows, name, graph.columns().contains(name), w, v);
                    }
                });
        return rows.stream()
                .sorted(Comparator.comparingDouble(WeightErrors::relative).reversed())
                .limit(most)
                .toList();
    }

    private static void addRows(
            List<WeightErrors> rows, String name, boolean column, Tensor w, Tensor v) {
        long last = w.shape().dim(w.shape().rank() - 1);
        long before = last == 0 ? 0 : w.elements() / last;
        long n = column ? last : before;
        for (long r = 0; r < n; r++) {
            double max = 0;
            double magnitude = 0;
            for (long k = 0; k < (column ? before : last); k++) {
                long i = column ? k * last + r : r * last + k;
                double x = w.getDouble(i);
                double error = Math.abs(v.getDouble(i) - x);
                max = Math.max(max, Double.isNaN(error) ? 0 : error);
                magnitude = Math.max(magnitude, Double.isNaN(x) ? 0 : Math.abs(x));
            }
            if (max > 0) {
                rows.add(new WeightErrors(name, column, r, max, max / magnitude));
            }
        }
    }

    /// The line of `runnel convert`.
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s %s %d  max |Δw| %.2e  relative %s %%",
                tensor,
                column ? "column" : "row",
                row,
                max,
                relative < 0.1
                        ? String.format(Locale.ROOT, "%.2g", 100 * relative)
                        : String.format(Locale.ROOT, "%.0f", 100 * relative));
    }
}
