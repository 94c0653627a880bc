package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

/// Functions of single elements against values that PyTorch 1.13 computes in float64.
class UnaryTest {
    private static final double[] X = {-30, -3, -0.5, 0, 0.5, 2, 30};

    private static final Map<String, double[]> WANT =
            Map.ofEntries(
                    Map.entry("Neg", new double[] {30.0, 3.0, 0.5, -0.0, -0.5, -2.0, -30.0}),
                    Map.entry("Abs", new double[] {30.0, 3.0, 0.5, 0.0, 0.5, 2.0, 30.0}),
                    Map.entry("Floor", new double[] {-30.0, -3.0, -1.0, 0.0, 0.0, 2.0, 30.0}),
                    Map.entry("Ceil", new double[] {-30.0, -3.0, -0.0, 0.0, 1.0, 2.0, 30.0}),
                    Map.entry("Round", new double[] {-30.0, -3.0, -0.0, 0.0, 0.0, 2.0, 30.0}),
                    Map.entry("Sign", new double[] {-1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0}),
                    Map.entry(
                            "Erf",
                            new double[] {
                                -1.0,
                                -0.9999779095030014,
                                -0.5204998778130465,
                                0.0,
                                0.5204998778130465,
                                0.9953222650189527,
                                1.0
                            }),
                    Map.entry("Relu", new double[] {0.0, 0.0, 0.0, 0.0, 0.5, 2.0, 30.0}),
                    Map.entry(
                            "Sigmoid",
                            new double[] {
                                9.357622968839299e-14,
                                0.04742587317756678,
                                0.3775406687981454,
                                0.5,
                                0.6224593312018546,
                                0.8807970779778823,
                                0.9999999999999065
                            }),
                    Map.entry(
                            "Tanh",
                            new double[] {
                                -1.0,
                                -0.9950547536867305,
                                -0.46211715726000974,
                                0.0,
                                0.46211715726000974,
                                0.9640275800758169,
                                1.0
                            }),
                    Map.entry(
                            "Softplus",
                            new double[] {
                                9.357622968839737e-14,
                                0.04858735157374206,
                                0.4740769841801067,
                                0.6931471805599453,
                                0.9740769841801067,
                                2.1269280110429727,
                                30.0
                            }),
                    Map.entry(
                            "Softsign",
                            new double[] {
                                -0.967741935483871,
                                -0.75,
                                -0.3333333333333333,
                                0.0,
                                0.3333333333333333,
                                0.6666666666666666,
                                0.967741935483871
                            }),
                    Map.entry(
                            "Gelu",
                            new double[] {
                                -0.0,
                                -0.00404969409489031,
                                -0.15426876936299344,
                                0.0,
                                0.34573123063700656,
                                1.9544997361036416,
                                30.0
                            }),
                    Map.entry(
                            "Mish",
                            new double[] {
                                -2.807286890651921e-12,
                                -0.1456474612756246,
                                -0.22074377465173,
                                0.0,
                                0.3752452113048951,
                                1.9439589595339946,
                                30.0
                            }),
                    Map.entry(
                            "HardSwish",
                            new double[] {
                                -0.0,
                                -0.0,
                                -0.20833333333333334,
                                0.0,
                                0.2916666666666667,
                                1.6666666666666667,
                                30.0
                            }),
                    Map.entry(
                            "Selu",
                            new double[] {
                                -1.758099340847212,
                                -1.6705687287671118,
                                -0.6917581878028713,
                                0.0,
                                0.5253504936777402,
                                2.101401974710961,
                                31.521029620664414
                            }),
                    Map.entry(
                            "Elu",
                            new double[] {
                                -0.9999999999999064,
                                -0.950212931632136,
                                -0.3934693402873666,
                                0.0,
                                0.5,
                                2.0,
                                30.0
                            }),
                    Map.entry(
                            "Celu",
                            new double[] {
                                -0.9999999999999064,
                                -0.950212931632136,
                                -0.3934693402873666,
                                0.0,
                                0.5,
                                2.0,
                                30.0
                            }),
                    Map.entry("LeakyRelu", new double[] {-0.3, -0.03, -0.005, 0.0, 0.5, 2.0, 30.0}),
                    Map.entry("HardSigmoid", new double[] {0.0, 0.0, 0.4, 0.5, 0.6, 0.9, 1.0}),
                    Map.entry("ThresholdedRelu", new double[] {0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 30.0}),
                    Map.entry(
                            "Sin",
                            new double[] {
                                0.9880316240928618,
                                -0.1411200080598672,
                                -0.479425538604203,
                                0.0,
                                0.479425538604203,
                                0.9092974268256817,
                                -0.9880316240928618
                            }),
                    Map.entry(
                            "Cos",
                            new double[] {
                                0.15425144988758405,
                                -0.9899924966004454,
                                0.8775825618903728,
                                1.0,
                                0.8775825618903728,
                                -0.4161468365471424,
                                0.15425144988758405
                            }),
                    Map.entry(
                            "Tan",
                            new double[] {
                                6.405331196646276,
                                0.1425465430742778,
                                -0.5463024898437905,
                                0.0,
                                0.5463024898437905,
                                -2.185039863261519,
                                -6.405331196646276
                            }),
                    Map.entry(
                            "Atan",
                            new double[] {
                                -1.5374753309166493,
                                -1.2490457723982544,
                                -0.4636476090008061,
                                0.0,
                                0.4636476090008061,
                                1.1071487177940904,
                                1.5374753309166493
                            }),
                    Map.entry(
                            "Exp",
                            new double[] {
                                9.357622968840175e-14,
                                0.049787068367863944,
                                0.6065306597126334,
                                1.0,
                                1.6487212707001282,
                                7.38905609893065,
                                10686474581524.463
                            }));

    private static void assertClose(Tensor got, double tolerance, double... want) {
        for (int i = 0; i < want.length; i++) {
            assertThat(got.getDouble(i))
                    .as("element " + i)
                    .isCloseTo(want[i], within(tolerance * (1e-3 + Math.abs(want[i]))));
        }
    }

    @Test
    void function_ofEachFloatType_isThatOfPyTorch() {
        WANT.forEach(
                (op, want) -> {
                    Shape shape = Shape.of(X.length);
                    Tensor f32 = tensor(DType.FLOAT32, shape, X);
                    Tensor f64 = tensor(DType.FLOAT64, shape, X);
                    Tensor scalar = OneNode.of(op).fed(f32).run(Kernels.scalar()).getFirst();
                    Tensor vector = OneNode.of(op).fed(f32).run(Kernels.preferred()).getFirst();
                    assertClose(scalar, 2e-6, want);
                    assertThat(vector.toFloats()).as(op).isEqualTo(scalar.toFloats());
                    assertClose(
                            OneNode.of(op).fed(f64).run(Kernels.scalar()).getFirst(), 1e-7, want);
                });
    }

    @Test
    void function_ofPositiveNumbers_isThatOfPyTorch() {
        double[] p = {0.01, 0.5, 1, 2, 30};
        Tensor x = tensor(DType.FLOAT32, Shape.of(5), p);
        assertClose(
                run("Sqrt", x),
                2e-7,
                0.1,
                0.7071067811865476,
                1,
                1.4142135623730951,
                5.477225575051661);
        assertClose(
                run("Log", x),
                1e-6,
                -4.605170185988091,
                -0.6931471805599453,
                0,
                0.6931471805599453,
                3.4011973816621555);
        assertClose(run("Reciprocal", x), 2e-7, 100, 2, 1, 0.5, 0.03333333333333333);
    }

    private static Tensor run(String op, Tensor x) {
        return OneNode.of(op).fed(x).run(Kernels.preferred()).getFirst();
    }

    @Test
    void inverseHyperbolicFunctions_areThoseOfNumPy() {
        assertClose(
                run("Asinh", tensor(DType.FLOAT64, Shape.of(5), -30, -0.125, 0, 2, 1e200)),
                1e-14,
                -4.09462222433053,
                -0.12467674692144275,
                0,
                1.4436354751788103,
                461.2101657793691);
        assertClose(
                run("Acosh", tensor(DType.FLOAT64, Shape.of(4), 1, 1.5, 30, 1e20)),
                1e-14,
                0,
                0.9624236501192069,
                4.0940666686320855,
                46.74484904044086);
        assertClose(
                run("Atanh", tensor(DType.FLOAT64, Shape.of(4), -0.9, 0, 0.25, 0.999)),
                1e-14,
                -1.4722194895832204,
                0,
                0.25541281188299536,
                3.8002011672501994);
    }

    @Test
    void shrink_swish_withAttributes_useThem() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(4), -3, -0.5, 0.5, 2);
        OneNode shrink = OneNode.of("Shrink").fed(x);
        assertClose(shrink.run(Kernels.scalar()).getFirst(), 1e-7, -3, 0, 0, 2);
        shrink.with("lambd", 0.4f).with("bias", 1.5f);
        assertClose(shrink.run(Kernels.scalar()).getFirst(), 1e-7, -1.5, 1, -1, 0.5);
        OneNode swish = OneNode.of("Swish").fed(x).with("alpha", 0.5f);
        assertClose(
                swish.run(Kernels.scalar()).getFirst(),
                1e-6,
                -0.5472765714190689,
                -0.21891174955710092,
                0.28108825044289903,
                1.4621171572600098);
    }

    @Test
    void function_withAttributes_usesThem() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(7), X);
        assertClose(
                OneNode.of("Elu").with("alpha", 0.3f).fed(x).run(Kernels.scalar()).getFirst(),
                1e-6,
                -0.3,
                -0.2850638794896408,
                -0.11804080208620997,
                0,
                0.5,
                2,
                30);
        assertClose(
                OneNode.of("Celu").with("alpha", 0.3f).fed(x).run(Kernels.scalar()).getFirst(),
                1e-6,
                -0.3,
                -0.29998638002107125,
                -0.24333731914873147,
                0,
                0.5,
                2,
                30);
        assertClose(
                OneNode.of("LeakyRelu")
                        .with("alpha", 0.5f)
                        .fed(x)
                        .run(Kernels.preferred())
                        .getFirst(),
                1e-6,
                -15,
                -1.5,
                -0.25,
                0,
                0.5,
                2,
                30);
        assertClose(
                OneNode.of("HardSigmoid")
                        .with("alpha", 0.1f)
                        .with("beta", 0.6f)
                        .fed(x)
                        .run(Kernels.scalar())
                        .getFirst(),
                1e-6,
                0,
                0.3,
                0.55,
                0.6,
                0.65,
                0.8,
                1);
        assertClose(
                OneNode.of("Gelu")
                        .with("approximate", "tanh")
                        .fed(x)
                        .run(Kernels.scalar())
                        .getFirst(),
                1e-6,
                0,
                -0.0036373920817729943,
                -0.15428599017485606,
                0,
                0.34571400982514394,
                1.954597694087775,
                30);
        assertThatThrownBy(
                        () ->
                                OneNode.of("Gelu")
                                        .with("approximate", "sine")
                                        .fed(x)
                                        .run(Kernels.scalar()))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (Gelu): attribute 'approximate' is 'sine', expected 'none'"
                                + " or 'tanh'");
    }

    @Test
    void function_ofIntegers_isExact() {
        Tensor x = tensor(DType.INT8, Shape.of(3), -128, -3, 5);
        assertThat(run("Neg", x).toLongs()).containsExactly(-128, 3, -5);
        assertThat(run("Abs", x).toLongs()).containsExactly(-128, 3, 5);
        assertThat(run("Sign", x).toLongs()).containsExactly(-1, -1, 1);
        assertThat(run("Relu", x).toLongs()).containsExactly(0, 0, 5);
        assertThatThrownBy(() -> run("Tanh", x))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("input 0 has element type int8, supported are float32");
    }

    @Test
    void erf_farOutAndAtTheSeam_keepsItsPrecision() {
        // From the tables of Abramowitz and Stegun, and mpmath.
        Tensor x = tensor(DType.FLOAT64, Shape.of(5), 1e-10, 1, 2.9999999, 3.0000001, 7);
        Tensor y = run("Erf", x);
        assertThat(y.getDouble(0)).isCloseTo(1.1283791670955126e-10, within(1e-24));
        assertThat(y.getDouble(1)).isCloseTo(0.8427007929497149, within(1e-15));
        assertThat(y.getDouble(2)).isCloseTo(0.9999779094890761, within(1e-14));
        assertThat(y.getDouble(3)).isCloseTo(0.9999779095169267, within(1e-14));
        assertThat(y.getDouble(4)).isEqualTo(1);
    }

    @Test
    void clip_withEitherBound_bounds() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(4), -2, -1, 1, Double.NaN);
        Tensor low = tensor(DType.FLOAT32, Shape.SCALAR, -1.5);
        Tensor high = tensor(DType.FLOAT32, Shape.SCALAR, 0.5);
        for (Kernels k : List.of(Kernels.scalar(), Kernels.preferred())) {
            assertThat(
                            OneNode.of("Clip")
                                    .fed(x)
                                    .constant(low)
                                    .fed(high)
                                    .run(k)
                                    .getFirst()
                                    .toFloats())
                    .containsExactly(-1.5f, -1, 0.5f, Float.NaN);
            assertThat(
                            OneNode.of("Clip")
                                    .fed(x)
                                    .absent()
                                    .constant(high)
                                    .run(k)
                                    .getFirst()
                                    .toFloats())
                    .containsExactly(-2, -1, 0.5f, Float.NaN);
            assertThat(OneNode.of("Clip").fed(x).run(k).getFirst().toFloats())
                    .containsExactly(-2, -1, 1, Float.NaN);
            assertThat(
                            OneNode.of("Clip")
                                    .fed(x)
                                    .constant(high)
                                    .constant(low)
                                    .run(k)
                                    .getFirst()
                                    .toFloats())
                    .containsExactly(-1.5f, -1.5f, -1.5f, Float.NaN);
        }
        Tensor bytes = tensor(DType.UINT8, Shape.of(3), 1, 200, 255);
        Tensor bound = tensor(DType.UINT8, Shape.SCALAR, 210);
        assertThat(
                        OneNode.of("Clip")
                                .fed(bytes)
                                .absent()
                                .constant(bound)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toLongs())
                .containsExactly(1, 200, 210);
    }
}
