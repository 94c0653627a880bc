package dev.runnel.graph;

/// How the constant weights of RNN, GRU, LSTM, MatMul and Gemm are stored. What is computed with
/// them, states included, is float32 in each, one chain of fma for each sum.
public enum Precision {
    /// Four bytes a weight, as they are.
    F32,

    /// Two bytes a weight: rounded to bfloat16, to nearest, ties to even. Weights that are bfloat16
    /// numbers stay what they are, infinities and NaN too; a finite one above the greatest bfloat16
    /// becomes an infinity. Relative error ≤ 2⁻⁸ for normal numbers.
    BF16,

    /// One byte a weight and a scale for each sum. With w[k] a sum's weights, its scale is `s = max
    /// |w[k]| / 127`, and a weight becomes `s · (q + g)` with q a byte, −128 … 127, and `0 ≤ g < 1`
    /// what the two or three bytes before it in memory happen to be; q is the one that makes the
    /// error the least, ≤ s / 2. (To cut g off would take an instruction more for each weight, and
    /// gain nothing.) The sum is `b + s · Σₖ x[k] · (q[k] + g[k])`, b the bias, in float32.
    ///
    /// If all |w[k]| < 2⁻⁹⁵, they count as zero, exactly; if one is infinite or NaN, the sum is
    /// NaN.
    INT8
}
