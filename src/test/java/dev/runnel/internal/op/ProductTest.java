package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;
import java.util.List;

/// MatMul, Gemm and Einsum against sums in double, with the right side fed and constant.
class ProductTest {
    /// The sum over one inner index of products, by the operands' strides, in double.
    private static double dot(
            Tensor a, long aAt, long aStep, Tensor b, long bAt, long bStep, int k) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
            sum += a.getDouble(aAt + i * aStep) * b.getDouble(bAt + i * bStep);
        }
        return sum;
    }

    private static void assertClose(Tensor got, Shape shape, double... want) {
        assertThat(got.shape()).isEqualTo(shape);
        for (int i = 0; i < want.length; i++) {
            assertThat(got.getDouble(i)).as("element " + i).isCloseTo(want[i], within(1e-5));
        }
    }

    private static List<Tensor> both(OneNode fed, OneNode constant) {
        Tensor a = fed.run(Kernels.scalar()).getFirst();
        Tensor b = constant.run(Kernels.preferred()).getFirst();
        assertThat(b.toFloats()).isEqualTo(a.toFloats());
        return List.of(a);
    }

    @Test
    void matMul_ofMatrices_isTheProduct() {
        for (int n : new int[] {1, 5, 16, 130, 257}) {
            Tensor a = random(1, Shape.of(5, 33));
            Tensor b = random(2, Shape.of(33, n));
            Tensor y =
                    both(
                                    OneNode.of("MatMul").fed(a).fed(b),
                                    OneNode.of("MatMul").fed(a).constant(b))
                            .getFirst();
            double[] want = new double[5 * n];
            for (int i = 0; i < want.length; i++) {
                want[i] = dot(a, i / n * 33L, 1, b, i % n, n, 33);
            }
            assertClose(y, Shape.of(5, n), want);
        }
    }

    @Test
    void matMul_ofBroadcastBatches_pairsThem() {
        Tensor a = random(3, Shape.of(2, 1, 3, 4));
        Tensor b = random(4, Shape.of(5, 4, 2));
        Tensor y =
                both(OneNode.of("MatMul").fed(a).fed(b), OneNode.of("MatMul").fed(a).constant(b))
                        .getFirst();
        double[] want = new double[2 * 5 * 3 * 2];
        for (int i = 0; i < want.length; i++) {
            want[i] = dot(a, (i / 30 * 3 + i / 2 % 3) * 4L, 1, b, i / 6 % 5 * 8L + i % 2, 2, 4);
        }
        assertClose(y, Shape.of(2, 5, 3, 2), want);
    }

    @Test
    void matMul_ofVectors_dropsTheirAxes() {
        Tensor a = Tensor.ofFloats(Shape.of(3), 1, 2, 3);
        Tensor b = Tensor.ofFloats(Shape.of(3), 4, 5, 6);
        Tensor m = Tensor.ofFloats(Shape.of(3, 2), 1, 0, 0, 1, 1, 1);
        assertClose(
                OneNode.of("MatMul").fed(a).fed(b).run(Kernels.scalar()).getFirst(),
                Shape.SCALAR,
                32);
        assertClose(
                OneNode.of("MatMul").fed(a).constant(m).run(Kernels.scalar()).getFirst(),
                Shape.of(2),
                4,
                5);
        Tensor t = Tensor.ofFloats(Shape.of(1, 2, 3), 1, 0, 0, 0, 1, 1);
        assertClose(
                OneNode.of("MatMul").fed(t).constant(b).run(Kernels.scalar()).getFirst(),
                Shape.of(1, 2),
                4,
                11);
    }

    @Test
    void matMul_ofIntegersAndHalves_isExact() {
        for (DType t :
                new DType[] {
                    DType.INT32,
                    DType.INT64,
                    DType.UINT32,
                    DType.FLOAT16,
                    DType.FLOAT64,
                    DType.BFLOAT16
                }) {
            Tensor a = OneNode.tensor(t, Shape.of(2, 2), 1, 2, 3, 4);
            Tensor b = OneNode.tensor(t, Shape.of(2, 2), 5, 6, 7, 8);
            Tensor y = OneNode.of("MatMul").fed(a).constant(b).run(Kernels.scalar()).getFirst();
            assertThat(y.toFloats()).containsExactly(19, 22, 43, 50);
        }
    }

    @Test
    void matMul_withOtherInnerExtent_isRefused() {
        OneNode node =
                OneNode.of("MatMul").fed(random(1, Shape.of(2, 3))).fed(random(1, Shape.of(4, 5)));
        assertThatThrownBy(() -> node.run(Kernels.scalar()))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (MatMul): input 1 has shape [4, 5], expected 3 along axis 0"
                                + " = the last of input 0's [2, 3]");
    }

    @Test
    void matMul_overTime_isRefused() {
        OneNode node =
                OneNode.of("MatMul")
                        .fed(random(1, Shape.of(7, 3)))
                        .constant(random(1, Shape.of(3, 5)));
        Call call = node.call(Arena.ofAuto());
        assertThat(node.operator().timeObstacle(call, new int[] {0, -1}, new int[] {0})).isNull();
        assertThat(node.operator().timeObstacle(call, new int[] {1, -1}, new int[] {-1}))
                .isNotNull();
    }

    @Test
    void gemm_inAllForms_isTheProduct() {
        int m = 6;
        int k = 17;
        int n = 35;
        for (int form = 0; form < 32; form++) {
            boolean ta = (form & 1) != 0;
            boolean tb = (form & 2) != 0;
            float alpha = (form & 4) != 0 ? 0.5f : 1;
            Shape[] shapes = {Shape.SCALAR, Shape.of(n), Shape.of(m, 1), Shape.of(m, n)};
            Tensor c = random(9, shapes[form >> 3]);
            Tensor a = random(7, ta ? Shape.of(k, m) : Shape.of(m, k));
            Tensor b = random(8, tb ? Shape.of(n, k) : Shape.of(k, n));
            double[] want = new double[m * n];
            for (int i = 0; i < want.length; i++) {
                int r = i / n;
                int j = i % n;
                long cAt = new long[] {0, j, r, i}[form >> 3];
                want[i] =
                        alpha
                                        * dot(
                                                a,
                                                ta ? r : (long) r * k,
                                                ta ? m : 1,
                                                b,
                                                tb ? (long) j * k : j,
                                                tb ? 1 : n,
                                                k)
                                + 2 * c.getDouble(cAt);
            }
            for (Kernels kernels : List.of(Kernels.scalar(), Kernels.preferred())) {
                assertClose(
                        gemm(a, ta, tb, alpha).fed(b).fed(c).run(kernels).getFirst(),
                        Shape.of(m, n),
                        want);
                assertClose(
                        gemm(a, ta, tb, alpha).constant(b).constant(c).run(kernels).getFirst(),
                        Shape.of(m, n),
                        want);
                assertClose(
                        gemm(a, ta, tb, alpha).constant(b).fed(c).run(kernels).getFirst(),
                        Shape.of(m, n),
                        want);
            }
        }
    }

    private static OneNode gemm(Tensor a, boolean ta, boolean tb, float alpha) {
        return OneNode.of("Gemm")
                .fed(a)
                .with("transA", ta ? 1 : 0)
                .with("transB", tb ? 1 : 0)
                .with("alpha", alpha)
                .with("beta", 2f);
    }

    @Test
    void gemm_withoutC_isTheProduct() {
        Tensor a = Tensor.ofFloats(Shape.of(1, 2), 1, 2);
        Tensor b = Tensor.ofFloats(Shape.of(2, 1), 3, 4);
        assertClose(
                OneNode.of("Gemm").fed(a).constant(b).run(Kernels.scalar()).getFirst(),
                Shape.of(1, 1),
                11);
        assertClose(
                OneNode.of("Gemm").fed(a).fed(b).absent().run(Kernels.scalar()).getFirst(),
                Shape.of(1, 1),
                11);
    }

    @Test
    void einsum_groupedLinear_isTheProduct() {
        Tensor x = random(1, Shape.of(1, 3, 4, 5));
        Tensor w = random(2, Shape.of(4, 5, 6));
        OneNode fed = OneNode.of("Einsum").with("equation", "btgi,gih->btgh").fed(x).fed(w);
        OneNode constant =
                OneNode.of("Einsum").with("equation", "...gi,gih->...gh").fed(x).constant(w);
        Tensor y = both(fed, constant).getFirst();
        double[] want = new double[3 * 4 * 6];
        for (int i = 0; i < want.length; i++) {
            want[i] = dot(x, i / 6 * 5L, 1, w, i / 6 % 4 * 30L + i % 6, 6, 5);
        }
        assertClose(y, Shape.of(1, 3, 4, 6), want);
        assertThat(
                        constant.operator()
                                .timeObstacle(
                                        constant.call(Arena.ofAuto()),
                                        new int[] {1, -1},
                                        new int[] {1}))
                .isNull();
        assertThat(
                        constant.operator()
                                .timeObstacle(
                                        constant.call(Arena.ofAuto()),
                                        new int[] {3, -1},
                                        new int[] {-1}))
                .isNotNull();
    }

    @Test
    void einsum_ofOtherEquations_isTheSum() {
        Tensor m = Tensor.ofFloats(Shape.of(2, 2), 1, 2, 3, 4);
        Tensor v = Tensor.ofFloats(Shape.of(2), 5, 6);
        assertClose(einsum("ii->i", m), Shape.of(2), 1, 4);
        assertClose(einsum("ii", m), Shape.SCALAR, 5);
        assertClose(einsum("ij->ji", m), Shape.of(2, 2), 1, 3, 2, 4);
        assertClose(einsum("ba", m), Shape.of(2, 2), 1, 3, 2, 4);
        assertClose(einsum("i,i", v, v), Shape.SCALAR, 61);
        assertClose(einsum("i,j->ij", v, v), Shape.of(2, 2), 25, 30, 30, 36);
        assertClose(einsum("ij,jk,k->i", m, m, v), Shape.of(2), 5 * 7 + 6 * 10, 5 * 15 + 6 * 22);
        assertClose(einsum("...j,j->...", m, v), Shape.of(2), 17, 39);
        assertClose(einsum("bij,bjk->bik", m1(m), m1(m)), Shape.of(1, 2, 2), 7, 10, 15, 22);
        assertClose(einsum("ij,jk->ki", m, m), Shape.of(2, 2), 7, 15, 10, 22);
    }

    private static Tensor m1(Tensor m) {
        return Tensor.ofFloats(Shape.of(1, 2, 2), m.toFloats());
    }

    private static Tensor einsum(String equation, Tensor... operands) {
        OneNode node = OneNode.of("Einsum").with("equation", equation);
        for (Tensor t : operands) {
            node.fed(t);
        }
        return node.run(Kernels.preferred()).getFirst();
    }

    @Test
    void einsum_withUnknownOutputIndex_isRefused() {
        Tensor v = Tensor.ofFloats(Shape.of(2), 5, 6);
        assertThatThrownBy(() -> einsum("i->j", v))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (Einsum): equation 'i->j': expected each index of the"
                                + " output once, and in an input");
        assertThatThrownBy(() -> einsum("ij->i", v)).isInstanceOf(MalformedModelException.class);
        assertThatThrownBy(() -> einsum("i,i->i", v)).isInstanceOf(MalformedModelException.class);
        assertThatThrownBy(() -> einsum("?", v)).isInstanceOf(MalformedModelException.class);
    }

    @Tag("widths")
    @ParameterizedTest
    @CsvSource({"BF16, 0.008", "INT8, 0.02"})
    void constantMatrices_inFewerBits_areNearTheProductAndTheSameInEveryKernelSet(
            Precision precision, double bound) {
        for (int n : new int[] {1, 5, 16, 130}) {
            for (int m : new int[] {1, 3, 41}) {
                Tensor a = random(1, Shape.of(m, 33));
                Tensor b = random(2, Shape.of(33, n));
                Tensor c = random(3, Shape.of(n));
                List<OneNode> nodes =
                        List.of(
                                OneNode.of("MatMul").fed(a).constant(b),
                                OneNode.of("MatMul")
                                        .fed(random(1, Shape.of(2, m, 33)))
                                        .constant(random(4, Shape.of(2, 33, n))),
                                OneNode.of("Gemm").fed(a).constant(b).constant(c).with("beta", 2f),
                                OneNode.of("Gemm")
                                        .fed(random(1, Shape.of(33, m)))
                                        .constant(random(4, Shape.of(n, 33)))
                                        .with("transA", 1)
                                        .with("transB", 1)
                                        .with("alpha", 0.5f));
                for (OneNode node : nodes) {
                    float[] exact =
                            node.weights(Precision.F32).run(Kernels.scalar()).getFirst().toFloats();
                    float[] got =
                            node.weights(precision).run(Kernels.scalar()).getFirst().toFloats();
                    double scale = 0;
                    for (float x : a.toFloats()) {
                        scale = Math.max(scale, Math.abs(x));
                    }
                    for (int i = 0; i < exact.length; i++) {
                        assertThat(got[i]).isCloseTo(exact[i], within((float) (bound * scale * 6)));
                    }
                    for (int bits : new int[] {128, 256, 512}) {
                        assertThat(node.run(Kernels.vector(bits)).getFirst().toFloats())
                                .isEqualTo(got);
                    }
                }
            }
        }
    }
}
