package dev.runnel.graph;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// What a graph says of one of its inputs or outputs: name, element type, dimensions.
///
/// @param dims outermost first; null where the file does not even say the rank
public record ValueInfo(String name, DType dtype, @Nullable List<Dim> dims) {
    public ValueInfo {
        dims = dims == null ? null : List.copyOf(dims);
    }

    /// A value of fixed shape.
    public static ValueInfo of(String name, TensorType type) {
        List<Dim> dims = new ArrayList<>();
        for (long d : type.shape().dims()) {
            dims.add(Dim.of(d));
        }
        return new ValueInfo(name, type.dtype(), dims);
    }

    /// A dimension: a fixed extent, or one chosen by the caller. Equal symbols stand for equal
    /// extents; an unnamed dimension stands for itself alone.
    ///
    /// @param size the extent, or -1 if it is chosen by the caller
    /// @param symbol the symbol of a dimension chosen by the caller; empty for an unnamed one
    public record Dim(long size, String symbol) {
        public static Dim of(long size) {
            return new Dim(size, "");
        }

        public static Dim of(String symbol) {
            return new Dim(-1, symbol);
        }

        public boolean isFixed() {
            return size >= 0;
        }

        @Override
        public String toString() {
            return isFixed() ? Long.toString(size) : symbol.isEmpty() ? "?" : symbol;
        }
    }

    /// As messages write it: `float32[batch, 1, 34]`.
    public String typeText() {
        return dtype + (dims == null ? "[...]" : dims.toString());
    }
}
