package dev.runnel.tools;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Locale;

/// How far a floating-point element may be from its reference: |got − want| ≤ atol + rtol·|want|.
/// NaN equals NaN, an infinity equals itself; integers and bools must be equal.
record Tolerance(double atol, double rtol) {
    /// Of recurrent models: rounding grows along a sequence, and outputs near 1 matter, not near 0.
    static final Tolerance RECURRENT = new Tolerance(1e-5, 1e-4);

    /// Of single operators, as the ONNX project checks its backend tests.
    static final Tolerance OPERATOR = new Tolerance(1e-7, 1e-3);

    /// The outcome of a comparison.
    ///
    /// @param maxAbs the largest |got − want| of the finite elements
    /// @param disagreement what is wrong, as a sentence; null if nothing is
    record Comparison(double maxAbs, @Nullable String disagreement) {}

    /// This tolerance, at least as wide as two units in the last place of a type narrower than
    /// float32.
    Tolerance widenedFor(DType dtype) {
        return switch (dtype) {
            case FLOAT16 -> new Tolerance(atol, Math.max(rtol, 0x1p-9));
            case BFLOAT16 -> new Tolerance(atol, Math.max(rtol, 0x1p-6));
            default -> this;
        };
    }

    /// Compares type, shape and every element.
    Comparison compare(Tensor got, Tensor want) {
        String mismatch = mismatch(got, want);
        if (mismatch != null) {
            return new Comparison(0, mismatch);
        }
        return want.dtype().isFloat() ? compareFloats(got, want) : compareIntegers(got, want);
    }

    /// In what type or shape two tensors differ, as a sentence; null if in none.
    static @Nullable String mismatch(Tensor got, Tensor want) {
        if (got.dtype() != want.dtype()) {
            return "type is " + got.dtype() + ", expected " + want.dtype();
        }
        return got.shape().equals(want.shape())
                ? null
                : "shape is " + got.shape() + ", expected " + want.shape();
    }

    private Comparison compareFloats(Tensor got, Tensor want) {
        double maxAbs = 0;
        long first = -1;
        long off = 0;
        for (long i = 0, n = want.elements(); i < n; i++) {
            double g = got.getDouble(i);
            double w = want.getDouble(i);
            double abs = Double.compare(g, w) == 0 || g == w ? 0 : Math.abs(g - w);
            if (Double.isFinite(abs)) {
                maxAbs = Math.max(maxAbs, abs);
            }
            // Negated, so that a NaN on one side is off; an infinite |want| allows nothing but
            // itself.
            if (abs != 0 && (Double.isInfinite(w) || !(abs <= atol + rtol * Math.abs(w)))) {
                first = first < 0 ? i : first;
                off++;
            }
        }
        if (off == 0) {
            return new Comparison(maxAbs, null);
        }
        double w = want.getDouble(first);
        String limit =
                Double.isFinite(w)
                        ? String.format(
                                Locale.ROOT,
                                " within %.1e = %s + %s·|%s|",
                                atol + rtol * Math.abs(w),
                                brief(atol),
                                brief(rtol),
                                text(w))
                        : "";
        return new Comparison(
                maxAbs,
                describe(want.shape(), first, text(got.getDouble(first)), text(w) + limit, off));
    }

    private static Comparison compareIntegers(Tensor got, Tensor want) {
        long first = -1;
        long off = 0;
        for (long i = 0, n = want.elements(); i < n; i++) {
            if (got.getLong(i) != want.getLong(i)) {
                first = first < 0 ? i : first;
                off++;
            }
        }
        return new Comparison(
                0,
                off == 0
                        ? null
                        : describe(
                                want.shape(),
                                first,
                                Long.toString(got.getLong(first)),
                                Long.toString(want.getLong(first)),
                                off));
    }

    private static String describe(Shape shape, long first, String got, String want, long off) {
        return "element "
                + Arrays.toString(position(shape, first))
                + " is "
                + got
                + ", expected "
                + want
                + "; "
                + off
                + " of "
                + shape.elements()
                + (off == 1 ? " is off" : " are off");
    }

    private static long[] position(Shape shape, long index) {
        long[] at = new long[shape.rank()];
        for (int axis = at.length - 1; axis >= 0; axis--) {
            at[axis] = index % shape.dim(axis);
            index /= shape.dim(axis);
        }
        return at;
    }

    private static String text(double value) {
        return Float.toString((float) value);
    }

    private static String brief(double value) {
        return String.format(Locale.ROOT, "%.3e", value).replaceFirst("\\.?0+e", "e");
    }
}
