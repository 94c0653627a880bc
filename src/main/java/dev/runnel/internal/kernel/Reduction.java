package dev.runnel.internal.kernel;

/// How many float32 become one.
public enum Reduction {
    SUM(0),
    SUM_OF_SQUARES(0),
    SUM_OF_ABSOLUTES(0),
    PRODUCT(1),
    MAX(Float.NEGATIVE_INFINITY),
    MIN(Float.POSITIVE_INFINITY);

    private final float identity;

    Reduction(float identity) {
        this.identity = identity;
    }

    /// What no elements at all give, and each chain starts at.
    public float identity() {
        return identity;
    }
}
