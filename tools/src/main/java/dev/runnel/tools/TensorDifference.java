package dev.runnel.tools;

import com.fasterxml.jackson.annotation.JsonInclude;

import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Locale;

/// A tensor that two files do not have alike. The components are keys of `runnel diff --json`.
///
/// @param change what it is
/// @param a its name in A; null if added
/// @param b its name in B; null if removed
/// @param typeA its type in A, such as `float32[512, 128]`; null if added
/// @param typeB its type in B; null if removed
/// @param maxAbs the largest |b − a|; infinite where one of both is NaN or infinite; null if
///   elements have no counterparts
/// @param relative maxAbs by the largest |a|; null with it
@JsonInclude(JsonInclude.Include.NON_NULL)
record TensorDifference(
        Change change,
        @Nullable String a,
        @Nullable String b,
        @Nullable String typeA,
        @Nullable String typeB,
        @Nullable Double maxAbs,
        @Nullable Double relative) {
    static TensorDifference added(String name, Tensor tensor) {
        return new TensorDifference(
                Change.ADDED, null, name, null, tensor.type().toString(), null, null);
    }

    static TensorDifference removed(String name, Tensor tensor) {
        return new TensorDifference(
                Change.REMOVED, name, null, tensor.type().toString(), null, null, null);
    }

    static TensorDifference renamed(String a, Tensor ta, String b, Tensor tb) {
        return new TensorDifference(
                Change.RENAMED, a, b, ta.type().toString(), tb.type().toString(), 0.0, 0.0);
    }

    /// How a tensor that both files have differs; null if it does not.
    static @Nullable TensorDifference between(String name, Tensor a, Tensor b) {
        boolean sameType = a.type().equals(b.type());
        if (sameType && a.data().mismatch(b.data()) < 0) {
            return null;
        }
        Double maxAbs = null;
        Double relative = null;
        if (a.elements() == b.elements()) {
            double difference = 0;
            double magnitude = 0;
            for (long i = 0; i < a.elements(); i++) {
                double va = a.getDouble(i);
                double vb = b.getDouble(i);
                difference = Math.max(difference, distance(va, vb));
                magnitude = Math.max(magnitude, Double.isNaN(va) ? 0 : Math.abs(va));
            }
            if (sameType && difference == 0) {
                return null; // -0 and 0, or NaNs of other bits
            }
            maxAbs = difference;
            relative = difference == 0 ? 0 : difference / magnitude;
        }
        return new TensorDifference(
                Change.CHANGED,
                name,
                name,
                a.type().toString(),
                b.type().toString(),
                maxAbs,
                relative);
    }

    private static double distance(double a, double b) {
        if (a == b || Double.isNaN(a) && Double.isNaN(b)) {
            return 0;
        }
        double d = Math.abs(b - a);
        return Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
    }

    /// The line of `runnel diff`.
    @Override
    public String toString() {
        String types = String.valueOf(typeA).equals(typeB) ? typeA : typeA + " → " + typeB;
        return change.sign()
                + " "
                + switch (change) {
                    case ADDED -> b + "  " + typeB;
                    case REMOVED -> a + "  " + typeA;
                    case RENAMED -> a + " → " + b + "  " + types;
                    case CHANGED ->
                            a
                                    + "  "
                                    + types
                                    + (maxAbs == null || relative == null
                                            ? ""
                                            : String.format(
                                                    Locale.ROOT,
                                                    "  max |Δ| %.2g  relative %.2g",
                                                    maxAbs,
                                                    relative));
                };
    }
}
