package dev.runnel.internal.op;

import dev.runnel.graph.DType;

/// Element types that many operators take alike.
final class DTypes {
    static final DType[] FLOATS = {DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16};

    /// All but bool.
    static final DType[] NUMBERS = without(DType.values(), DType.BOOL);

    private DTypes() {}

    static DType[] without(DType[] types, DType one) {
        DType[] others = new DType[types.length - 1];
        int n = 0;
        for (DType type : types) {
            if (type != one) {
                others[n++] = type;
            }
        }
        return others;
    }
}
