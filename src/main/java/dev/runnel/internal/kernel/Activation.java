package dev.runnel.internal.kernel;

import dev.runnel.internal.kernel.scalar.Functions;

import org.jspecify.annotations.Nullable;

import java.util.Locale;

/// An activation function of a recurrent cell, with its parameters (ONNX RNN-22, GRU-22, LSTM-22).
///
/// @param alpha unused where the kind takes none, as is `beta`
public record Activation(Kind kind, float alpha, float beta) {
    /// The functions of the standard, each with the parameters it takes and their defaults; NaN
    /// stands for one it does not take.
    public enum Kind {
        RELU,
        TANH,
        SIGMOID,
        /// α·x + β
        AFFINE(1, 0),
        /// x for x ≥ 0, else α·x
        LEAKY_RELU(0.01f),
        /// x for x > α, else 0
        THRESHOLDED_RELU(1),
        /// α·tanh(β·x)
        SCALED_TANH(1, 1),
        /// α·x + β, within \[0, 1\]
        HARD_SIGMOID(0.2f, 0.5f),
        /// x for x ≥ 0, else α·(eˣ − 1)
        ELU(1),
        /// x / (1 + |x|)
        SOFTSIGN,
        /// ln(1 + eˣ)
        SOFTPLUS;

        public final float alpha;
        public final float beta;

        Kind() {
            this(Float.NaN, Float.NaN);
        }

        Kind(float alpha) {
            this(alpha, Float.NaN);
        }

        Kind(float alpha, float beta) {
            this.alpha = alpha;
            this.beta = beta;
        }

        /// The kind of that name, in any case: `LeakyRelu`; null if there is none.
        public static @Nullable Kind find(String name) {
            for (Kind k : values()) {
                if (k.name()
                        .replace("_", "")
                        .toLowerCase(Locale.ROOT)
                        .equals(name.toLowerCase(Locale.ROOT))) {
                    return k;
                }
            }
            return null;
        }
    }

    public float apply(float x) {
        return switch (kind) {
            case RELU -> x < 0 ? 0 : x;
            case TANH -> Functions.tanh(x);
            case SIGMOID -> Functions.sigmoid(x);
            case AFFINE -> Math.fma(alpha, x, beta);
            case LEAKY_RELU -> x < 0 ? alpha * x : x;
            case THRESHOLDED_RELU -> x <= alpha ? 0 : x;
            case SCALED_TANH -> alpha * Functions.tanh(beta * x);
            case HARD_SIGMOID -> Math.clamp(Math.fma(alpha, x, beta), 0f, 1f);
            case ELU -> x < 0 ? alpha * (Functions.exp(x) - 1) : x;
            case SOFTSIGN -> x / (1 + Math.abs(x));
            case SOFTPLUS -> Math.max(x, 0) + Functions.log(1 + Functions.exp(-Math.abs(x)));
        };
    }
}
