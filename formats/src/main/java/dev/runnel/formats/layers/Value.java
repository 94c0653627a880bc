package dev.runnel.formats.layers;

import dev.runnel.graph.DType;
import dev.runnel.graph.ValueInfo.Dim;

import java.util.List;
import java.util.stream.Collectors;

/// A tensor on its way through a graph that is being built.
///
/// @param dims outermost first; of one that is not known size and symbol are empty
public record Value(String name, DType dtype, List<Dim> dims) {
    public Value {
        dims = List.copyOf(dims);
    }

    public int rank() {
        return dims.size();
    }

    /// The dimension along `axis`, which may count from the end.
    public Dim dim(int axis) {
        return dims.get(axis < 0 ? axis + rank() : axis);
    }

    /// The dimensions with another along `axis`, which may count from the end.
    public List<Dim> with(int axis, Dim dim) {
        List<Dim> changed = new java.util.ArrayList<>(dims);
        changed.set(axis < 0 ? axis + rank() : axis, dim);
        return changed;
    }

    /// A dimension of which nothing is known.
    public static Dim unknown() {
        return Dim.of("");
    }

    /// As messages write it: `[T, N, 40]`.
    public String shapeText() {
        return dims.stream().map(Dim::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
