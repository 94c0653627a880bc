package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.internal.memory.Elements;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// What a scattering operator does with an update and the element already there.
enum Reduction {
    NONE,
    ADD,
    MUL,
    MAX,
    MIN;

    /// The one that attribute `reduction` names.
    static Reduction of(Call call) {
        String name = call.stringAttribute("reduction", "none");
        for (Reduction r : values()) {
            if (name.equals(r.name().toLowerCase(Locale.ROOT))) {
                return r;
            }
        }
        throw call.malformed("reduction is '" + name + "', expected none, add, mul, max or min");
    }

    /// `y[i] = y[i] ∘ x[i]` for `n` elements; offsets in bytes. Sums and products of float16,
    /// bfloat16 and float32 are formed in double, which gives the same as their own arithmetic.
    void apply(DType type, MemorySegment y, long yOffset, MemorySegment x, long xOffset, long n) {
        int size = type.byteSize();
        if (this == NONE) {
            MemorySegment.copy(x, xOffset, y, yOffset, n * size);
            return;
        }
        for (long o = 0; o < n * size; o += size) {
            if (type.isFloat()) {
                double a = Elements.getDouble(type, y, yOffset + o);
                double b = Elements.getDouble(type, x, xOffset + o);
                Elements.setDouble(type, y, yOffset + o, combine(a, b));
            } else {
                long a = Elements.getLong(type, y, yOffset + o);
                long b = Elements.getLong(type, x, xOffset + o);
                Elements.setLong(type, y, yOffset + o, combine(a, b, type == DType.UINT64));
            }
        }
    }

    private double combine(double a, double b) {
        return switch (this) {
            case NONE -> b;
            case ADD -> a + b;
            case MUL -> a * b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
        };
    }

    private long combine(long a, long b, boolean unsigned) {
        boolean less = unsigned ? Long.compareUnsigned(a, b) < 0 : a < b;
        return switch (this) {
            case NONE -> b;
            case ADD -> a + b;
            case MUL -> a * b;
            case MAX -> less ? b : a;
            case MIN -> less ? a : b;
        };
    }
}
