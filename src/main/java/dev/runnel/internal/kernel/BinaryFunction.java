package dev.runnel.internal.kernel;

/// A function of two float32, commutative but for the last three.
public enum BinaryFunction {
    ADD,
    MUL,
    /// As IEEE 754's minimum: NaN if either is, -0 below +0.
    MIN,
    /// As IEEE 754's maximum.
    MAX,
    SUB,
    DIV,
    /// `a < 0 ? a · b : a`, a leaky rectifier with slope b.
    LEAK
}
