package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ToleranceTest {
    private static final Tolerance TOLERANCE = new Tolerance(0.5, 0.25);

    @ParameterizedTest
    @CsvSource({
        "4, 4, true",
        "5.5, 4, true", // 0.5 + 0.25 · 4 = 1.5
        "2.5, 4, true",
        "5.51, 4, false",
        "2.49, 4, false",
        "-5.5, -4, true",
        "0.5, 0, true",
        "0.51, -0.0, false",
        "NaN, NaN, true",
        "NaN, 0, false",
        "0, NaN, false",
        "Infinity, Infinity, true",
        "-Infinity, Infinity, false",
        "Infinity, 1e30, false",
        "1e30, Infinity, false",
        "NaN, Infinity, false",
        "-0.0, 0, true",
    })
    void floats_withinAbsoluteAndRelativeTolerance(float got, float want, boolean agree) {
        Tensor g = Tensor.ofFloats(Shape.of(1), got);
        Tensor w = Tensor.ofFloats(Shape.of(1), want);
        assertThat(TOLERANCE.compare(g, w).disagreement() == null).isEqualTo(agree);
    }

    @Test
    void disagreement_namesFirstElement() {
        Tensor got = Tensor.ofFloats(Shape.of(2, 3), 1, 2, 3, 4, 9, 0);
        Tensor want = Tensor.ofFloats(Shape.of(2, 3), 1, 2.25f, 3, 4, 4, 6);
        Tolerance.Comparison c = TOLERANCE.compare(got, want);
        assertThat(c.maxAbs()).isEqualTo(6);
        assertThat(c.disagreement())
                .isEqualTo(
                        "element [1, 1] is 9.0, expected 4.0 within 1.5e+00 = 5e-01 +"
                                + " 2.5e-01·|4.0|; 2 of 6 are off");
    }

    @Test
    void maxAbs_ofAgreeingTensors_isTheLargestDifference() {
        Tensor got = Tensor.ofFloats(Shape.of(4), 1, Float.NaN, Float.POSITIVE_INFINITY, -1.25f);
        Tensor want = Tensor.ofFloats(Shape.of(4), 1.125f, Float.NaN, Float.POSITIVE_INFINITY, -1);
        assertThat(TOLERANCE.compare(got, want)).isEqualTo(new Tolerance.Comparison(0.25, null));
    }

    @Test
    void integers_mustBeEqual() {
        long big = (1L << 53) + 1; // no double
        Tensor got = Tensor.ofLongs(Shape.of(2), 1, big);
        assertThat(TOLERANCE.compare(got, Tensor.ofLongs(Shape.of(2), 1, big)).disagreement())
                .isNull();
        assertThat(TOLERANCE.compare(got, Tensor.ofLongs(Shape.of(2), 1, big - 1)).disagreement())
                .isEqualTo(
                        "element [1] is 9007199254740993, expected 9007199254740992; 1 of 2 is"
                                + " off");
    }

    @Test
    void types_mustBeEqual() {
        Tensor floats = Tensor.ofFloats(Shape.of(1, 2), 1, 2);
        assertThat(TOLERANCE.compare(floats, Tensor.ofLongs(Shape.of(1, 2), 1, 2)).disagreement())
                .isEqualTo("type is float32, expected int64");
        assertThat(TOLERANCE.compare(floats, Tensor.ofFloats(Shape.of(2), 1, 2)).disagreement())
                .isEqualTo("shape is [1, 2], expected [2]");
    }

    @Test
    void narrowTypes_getTheirOwnPrecision() {
        assertThat(Tolerance.RECURRENT.widenedFor(DType.FLOAT32)).isEqualTo(Tolerance.RECURRENT);
        assertThat(Tolerance.RECURRENT.widenedFor(DType.FLOAT16).rtol()).isEqualTo(1 / 512.0);
        assertThat(Tolerance.OPERATOR.widenedFor(DType.BFLOAT16).rtol()).isEqualTo(1 / 64.0);
    }
}
