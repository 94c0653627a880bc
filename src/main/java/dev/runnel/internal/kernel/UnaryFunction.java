package dev.runnel.internal.kernel;

/// A function of one float32.
public enum UnaryFunction {
    TANH,
    /// 1 / (1 + e⁻ˣ)
    SIGMOID,
    EXP,
    /// The natural logarithm.
    LOG
}
