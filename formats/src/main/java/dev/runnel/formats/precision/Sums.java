package dev.runnel.formats.precision;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Finds in which weights' rows or columns the sums lie that a layer makes of a matrix whose
/// elements came from there.
final class Sums {
    /// The first element of a weight that a sum has.
    private record First(int weight, int row, int column) {}

    private final List<Weight> weights;

    /// By weight, the index of its first element; behind them, of none.
    private final long[] starts;

    /// By weight, whether each sum has elements of one row of it, of one column.
    private final boolean[] byRow;

    private final boolean[] byColumn;
    private final List<List<First>> sums = new ArrayList<>();

    /// @param indices of the weights' elements, counted through them: the matrix `[all but the last
    ///   axis, last axis]`
    /// @param axis of the matrix along which the layer's sums lie
    Sums(List<Weight> weights, Tensor indices, int axis) {
        this.weights = weights;
        starts = new long[weights.size() + 1];
        for (int i = 0; i < weights.size(); i++) {
            starts[i + 1] = starts[i] + weights.get(i).tensor.elements();
        }
        byRow = new boolean[weights.size()];
        byColumn = new boolean[weights.size()];
        Arrays.fill(byRow, true);
        Arrays.fill(byColumn, true);
        Shape shape = indices.shape();
        long columns = shape.dim(shape.rank() - 1);
        long rows = shape.elements(0, shape.rank() - 1);
        for (long i = 0; i < (axis == 0 ? rows : columns); i++) {
            First[] first = new First[weights.size()];
            for (long k = 0; k < (axis == 0 ? columns : rows); k++) {
                add(indices.getLong(axis == 0 ? i * columns + k : k * columns + i), first);
            }
            sums.add(Arrays.stream(first).filter(f -> f != null).toList());
        }
    }

    private void add(long index, First[] first) {
        int at = Arrays.binarySearch(starts, index);
        int w = at < 0 ? -at - 2 : at;
        Shape matrix = weights.get(w).matrix;
        long columns = matrix.dim(matrix.rank() - 1);
        int row = (int) ((index - starts[w]) / columns);
        int column = (int) ((index - starts[w]) % columns);
        if (first[w] == null) {
            first[w] = new First(w, row, column);
        }
        byRow[w] &= first[w].row == row;
        byColumn[w] &= first[w].column == column;
    }

    /// By sum of the layer, the sums of weights that are part of it.
    List<List<Sum>> found() {
        boolean[] stored = new boolean[weights.size()];
        for (int w = 0; w < stored.length; w++) {
            boolean columns = byColumn[w] && (!byRow[w] || weights.get(w).axis == 1);
            stored[w] = (byRow[w] || byColumn[w]) && weights.get(w).storeAlong(columns ? 1 : 0);
        }
        return sums.stream()
                .map(sum -> sum.stream().filter(f -> stored[f.weight]).map(this::sum).toList())
                .toList();
    }

    private Sum sum(First f) {
        Weight w = weights.get(f.weight);
        return new Sum(w, w.axis == 0 ? f.row : f.column);
    }
}
