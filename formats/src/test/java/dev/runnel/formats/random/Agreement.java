package dev.runnel.formats.random;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/// Compares outputs, and says in a sentence where they differ.
final class Agreement {
    private Agreement() {}

    /// Whether every element is within `absolute + relative · |want|`, integers and bools equal,
    /// and NaN and infinities where they should be.
    static @Nullable String near(
            Map<String, Tensor> got, Map<String, Tensor> want, double absolute, double relative) {
        if (!got.keySet().equals(want.keySet())) {
            return "outputs are " + got.keySet() + ", expected " + want.keySet();
        }
        for (Map.Entry<String, Tensor> e : want.entrySet()) {
            String difference = near(got.get(e.getKey()), e.getValue(), absolute, relative);
            if (difference != null) {
                return "output '" + e.getKey() + "' " + difference;
            }
        }
        return null;
    }

    private static @Nullable String near(
            Tensor got, Tensor want, double absolute, double relative) {
        if (!got.type().equals(want.type())) {
            return "is " + got.type() + ", expected " + want.type();
        }
        for (long i = 0; i < want.elements(); i++) {
            double g = got.getDouble(i);
            double w = want.getDouble(i);
            boolean near =
                    want.dtype().isFloat()
                            ? Double.compare(g, w) == 0
                                    || Math.abs(g - w) <= absolute + relative * Math.abs(w)
                            : g == w;
            if (!near) {
                return "at "
                        + position(want.shape(), i)
                        + " of "
                        + want.type()
                        + " is "
                        + g
                        + ", expected "
                        + w;
            }
        }
        return null;
    }

    private static String position(Shape shape, long index) {
        long[] at = new long[shape.rank()];
        for (int a = shape.rank() - 1; a >= 0; a--) {
            at[a] = index % shape.dim(a);
            index /= shape.dim(a);
        }
        return Shape.of(at).toString();
    }

    /// Whether all outputs have the same bits.
    static @Nullable String same(Map<String, Tensor> got, Map<String, Tensor> want) {
        for (Map.Entry<String, Tensor> e : want.entrySet()) {
            String difference = same(got.get(e.getKey()), e.getValue());
            if (difference != null) {
                return "output '" + e.getKey() + "' " + difference;
            }
        }
        return null;
    }

    static @Nullable String same(Tensor got, Tensor want) {
        if (!got.type().equals(want.type())) {
            return "is " + got.type() + ", expected " + want.type();
        }
        long at = got.data().mismatch(want.data());
        if (at < 0) {
            return null;
        }
        long i = at / got.dtype().byteSize();
        return "at "
                + position(want.shape(), i)
                + " of "
                + want.type()
                + " is "
                + got.getDouble(i)
                + ", expected the bits of "
                + want.getDouble(i);
    }

    /// Whether the outputs of the parts are those of the whole: each is its part along the one axis
    /// where it is shorter, or all of it if there is none and it is the last.
    static @Nullable String parts(List<Map<String, Tensor>> parts, Map<String, Tensor> whole) {
        for (int i = 0; i < parts.size(); i++) {
            for (Map.Entry<String, Tensor> e : parts.get(i).entrySet()) {
                Tensor all = whole.get(e.getKey());
                int axis = axis(e.getValue().shape(), all.shape());
                Tensor want = axis < 0 ? all : Tensors.slice(all, axis, i, i + 1);
                boolean comparable = axis >= 0 || i == parts.size() - 1;
                String difference = comparable ? same(e.getValue(), want) : null;
                if (difference != null) {
                    return i
                            + " of "
                            + parts.size()
                            + ": output '"
                            + e.getKey()
                            + "' "
                            + difference;
                }
            }
        }
        return null;
    }

    private static int axis(Shape part, Shape whole) {
        for (int a = 0; a < whole.rank() && part.rank() == whole.rank(); a++) {
            if (part.dim(a) != whole.dim(a)) {
                return a;
            }
        }
        return -1;
    }
}
