package dev.runnel.internal.kernel.scalar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

import java.util.function.DoubleUnaryOperator;

/// Measures the errors that the Javadoc of [Functions] states, against [Math] in double precision.
class FunctionsTest {
    private interface FloatFunction {
        float of(float x);
    }

    /// Every 499th float; every 7th stayed within the bounds asserted below too.
    private static final int STRIDE = 499;

    private static double worstUlp(
            FloatFunction got, DoubleUnaryOperator want, float from, float to) {
        double worst = 0;
        for (int bits = 0; bits >= 0 && bits <= 0x7F800000; bits += STRIDE) {
            for (int sign = 0; sign < 2; sign++) {
                float x = Float.intBitsToFloat(bits | sign << 31);
                if (x < from || x > to) {
                    continue;
                }
                double exact = want.applyAsDouble(x);
                float rounded = (float) exact;
                float y = got.of(x);
                if (Float.isFinite(rounded)) {
                    worst = Math.max(worst, Math.abs(y - exact) / Math.ulp(rounded));
                } else {
                    assertThat(Float.compare(y, rounded)).as("at %s", x).isZero();
                }
            }
        }
        return worst;
    }

    private static final float MAX = Float.MAX_VALUE;

    @Test
    void tanh_overAllFloats_isWithinTheStatedError() {
        assertThat(worstUlp(Functions::tanh, Math::tanh, -MAX, MAX)).isLessThan(2.5);
    }

    @Test
    void sigmoid_overAllFloatsAboveItsTail_isWithinTheStatedError() {
        assertThat(worstUlp(Functions::sigmoid, x -> 1 / (1 + Math.exp(-x)), -87.3f, MAX))
                .isLessThan(3);
    }

    @Test
    void exp_overAllFloats_isWithinTheStatedError() {
        assertThat(worstUlp(Functions::exp, Math::exp, -MAX, MAX)).isLessThan(1.01);
    }

    @Test
    void log_overAllFloats_isWithinTheStatedError() {
        assertThat(worstUlp(Functions::log, Math::log, -MAX, MAX)).isLessThan(0.9);
    }

    @Test
    void gated_overManyPairs_isWithinTheStatedError() {
        java.util.SplittableRandom random = new java.util.SplittableRandom(1);
        double worst = 0;
        for (int i = 0; i < 5_000_000; i++) {
            float a = (float) (random.nextDouble(-1, 1) * (i % 2 == 0 ? 30 : 3));
            float b = (float) (random.nextDouble(-1, 1) * Math.pow(2, random.nextInt(-20, 7)));
            double exact = Math.tanh(b) / (1 + Math.exp(-2.0 * a));
            double error = Math.abs(Functions.gated(a, b) - exact);
            worst = Math.max(worst, error / Math.ulp((float) exact));
        }
        assertThat(worst).isLessThan(5.5);
    }

    @Test
    void gated_atTheEdges_answersAsIeeeSays() {
        float inf = Float.POSITIVE_INFINITY;
        assertThat(Functions.gated(Float.NaN, 1)).isNaN();
        assertThat(Functions.gated(1, Float.NaN)).isNaN();
        assertThat(Functions.gated(-inf, Float.NaN)).isNaN();
        assertThat(Functions.gated(-inf, inf)).isEqualTo(0f);
        assertThat(Functions.gated(inf, inf)).isEqualTo(1f);
        assertThat(Functions.gated(inf, -inf)).isEqualTo(-1f);
        assertThat(Functions.gated(inf, 0.5f)).isCloseTo(Functions.tanh(0.5f), within(1e-7f));
        assertThat(Float.floatToIntBits(Functions.gated(1, -0f)))
                .isEqualTo(Float.floatToIntBits(-0f));
        assertThat(Functions.gated(30, 9.02f)).isEqualTo(1f);
    }

    @Test
    void functions_atTheEdges_answerAsIeeeSays() {
        float inf = Float.POSITIVE_INFINITY;
        assertThat(Functions.tanh(Float.NaN)).isNaN();
        assertThat(Functions.tanh(inf)).isEqualTo(1f);
        assertThat(Functions.tanh(-inf)).isEqualTo(-1f);
        assertThat(Float.floatToIntBits(Functions.tanh(-0f))).isEqualTo(Float.floatToIntBits(-0f));
        assertThat(Functions.tanh(Float.MIN_VALUE)).isEqualTo(Float.MIN_VALUE);
        assertThat(Functions.sigmoid(Float.NaN)).isNaN();
        assertThat(Functions.sigmoid(inf)).isEqualTo(1f);
        assertThat(Functions.sigmoid(-inf)).isEqualTo(0f);
        assertThat(Functions.sigmoid(-0f)).isEqualTo(0.5f);
        assertThat(Functions.exp(Float.NaN)).isNaN();
        assertThat(Functions.exp(inf)).isEqualTo(inf);
        assertThat(Functions.exp(-inf)).isEqualTo(0f);
        assertThat(Functions.exp(-0f)).isEqualTo(1f);
        assertThat(Functions.log(Float.NaN)).isNaN();
        assertThat(Functions.log(inf)).isEqualTo(inf);
        assertThat(Functions.log(-1f)).isNaN();
        assertThat(Functions.log(-inf)).isNaN();
        assertThat(Functions.log(-0f)).isEqualTo(-inf);
        assertThat(Functions.log(1f)).isEqualTo(0f);
    }
}
