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

    /// `axis`, which may count from the end, counted from the front.
    ///
    /// @throws IllegalArgumentException if there is no such axis
    public int axis(int axis) {
        int fromFront = axis < 0 ? axis + rank() : axis;
        if (fromFront < 0 || fromFront >= rank()) {
            throw new IllegalArgumentException(
                    "has no axis " + axis + " in '" + name + "' " + shapeText());
        }
        return fromFront;
    }

    /// The dimension along `axis`, which may count from the end.
    ///
    /// @throws IllegalArgumentException if there is no such axis
    public Dim dim(int axis) {
        return dims.get(axis(axis));
    }

    /// The dimensions with another along `axis`, which may count from the end.
    ///
    /// @throws IllegalArgumentException if there is no such axis
    public List<Dim> with(int axis, Dim dim) {
        List<Dim> changed = new java.util.ArrayList<>(dims);
        changed.set(axis(axis), dim);
        return changed;
    }

    /// The dimensions without that along `axis`, which may count from the end.
    ///
    /// @throws IllegalArgumentException if there is no such axis
    public List<Dim> without(int axis) {
        List<Dim> fewer = new java.util.ArrayList<>(dims);
        fewer.remove(axis(axis));
        return fewer;
    }

    /// Whether its dimensions may be these: equal, where both are known.
    boolean mayBe(List<Dim> others) {
        boolean fits = rank() == others.size();
        for (int a = 0; fits && a < rank(); a++) {
            fits = mayBeEqual(dims.get(a), others.get(a));
        }
        return fits;
    }

    static boolean mayBeEqual(Dim a, Dim b) {
        return !a.isFixed() || !b.isFixed() || a.size() == b.size();
    }

    /// A dimension of which nothing is known.
    public static Dim unknown() {
        return Dim.of("");
    }

    /// As messages write it: `[T, N, 40]`.
    public String shapeText() {
        return text(dims);
    }

    static String text(List<Dim> dims) {
        return dims.stream().map(Dim::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
