package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.util.Random;

/// Conv and ConvTranspose against their definitions: each output a sum over all that is mapped to
/// it, in double.
class ConvolutionTest {
    /// A case of two spatial axes.
    private record Draw(
            int n,
            int group,
            int cg,
            int mg,
            long[] in,
            long[] k,
            long[] s,
            long[] d,
            long[] p,
            long[] extra) {
        static Draw of(Random r, boolean transposed) {
            long[] k = {1 + r.nextInt(3), 1 + r.nextInt(4)};
            long[] d = {1 + r.nextInt(2), 1 + r.nextInt(3)};
            long[] s = {1 + r.nextInt(2), 1 + r.nextInt(3)};
            long[] in = {
                (k[0] - 1) * d[0] + 1 + r.nextInt(4), (k[1] - 1) * d[1] + 1 + r.nextInt(40)
            };
            long[] p = new long[4];
            for (int i = 0; i < 4; i++) {
                p[i] = transposed ? (k[i % 2] > 1 ? r.nextInt(2) : 0) : r.nextInt(3);
            }
            long[] extra = {r.nextInt((int) s[0]), r.nextInt((int) s[1])};
            int[] widths = {1, 2, 3, 8, 17, 33};
            return new Draw(
                    1 + r.nextInt(2),
                    1 + r.nextInt(3),
                    1 + r.nextInt(4),
                    widths[r.nextInt(widths.length)],
                    in,
                    k,
                    s,
                    d,
                    p,
                    extra);
        }

        long convOut(int a) {
            return (in[a] + p[a] + p[a + 2] - (k[a] - 1) * d[a] - 1) / s[a] + 1;
        }

        long transposedOut(int a) {
            return s[a] * (in[a] - 1) + extra[a] + (k[a] - 1) * d[a] + 1 - p[a] - p[a + 2];
        }

        Tensor x() {
            return random(1, Shape.of(n, (long) group * cg, in[0], in[1]));
        }

        OneNode attributes(OneNode node) {
            return node.with("group", group)
                    .with("strides", s)
                    .with("dilations", d)
                    .with("pads", p);
        }

        double[] conv(Tensor x, Tensor w, Tensor b) {
            double[] y = new double[(int) (n * group * mg * convOut(0) * convOut(1))];
            for (int i = 0; i < y.length; i++) {
                long ow = i % convOut(1);
                long oh = i / convOut(1) % convOut(0);
                long m = i / (convOut(0) * convOut(1)) % (group * mg);
                long image = i / (convOut(0) * convOut(1)) / (group * mg);
                y[i] = b.getDouble(m);
                for (int c = 0; c < cg; c++) {
                    for (int kh = 0; kh < k[0]; kh++) {
                        for (int kw = 0; kw < k[1]; kw++) {
                            long h = oh * s[0] + kh * d[0] - p[0];
                            long v = ow * s[1] + kw * d[1] - p[1];
                            if (h >= 0 && h < in[0] && v >= 0 && v < in[1]) {
                                long channel = image * group * cg + m / mg * cg + c;
                                y[i] +=
                                        x.getDouble((channel * in[0] + h) * in[1] + v)
                                                * w.getDouble(
                                                        ((m * cg + c) * k[0] + kh) * k[1] + kw);
                            }
                        }
                    }
                }
            }
            return y;
        }

        double[] transposed(Tensor x, Tensor w, Tensor b) {
            long plane = transposedOut(0) * transposedOut(1);
            double[] y = new double[(int) (n * group * mg * plane)];
            for (int i = 0; i < y.length; i++) {
                y[i] = b.getDouble(i / plane % (group * mg));
            }
            for (int i = 0; i < x.elements(); i++) {
                long iw = i % in[1];
                long ih = i / in[1] % in[0];
                long c = i / (in[0] * in[1]) % (group * cg);
                long image = i / (in[0] * in[1]) / (group * cg);
                for (int m = 0; m < mg; m++) {
                    for (int kh = 0; kh < k[0]; kh++) {
                        for (int kw = 0; kw < k[1]; kw++) {
                            long h = ih * s[0] + kh * d[0] - p[0];
                            long v = iw * s[1] + kw * d[1] - p[1];
                            if (h >= 0 && h < transposedOut(0) && v >= 0 && v < transposedOut(1)) {
                                long channel = image * group * mg + c / cg * mg + m;
                                y[(int) (channel * plane + h * transposedOut(1) + v)] +=
                                        x.getDouble(i)
                                                * w.getDouble(
                                                        ((c * mg + m) * k[0] + kh) * k[1] + kw);
                            }
                        }
                    }
                }
            }
            return y;
        }
    }

    private static void assertClose(Object what, Tensor got, double[] want) {
        assertThat(got.elements()).as(what.toString()).isEqualTo(want.length);
        for (int i = 0; i < want.length; i++) {
            assertThat(got.getDouble(i)).as(what + " at " + i).isCloseTo(want[i], within(2e-5));
        }
    }

    @Test
    void conv_ofAnyForm_isTheDefinition() {
        Random r = new Random(11);
        for (int i = 0; i < 150; i++) {
            Draw draw = Draw.of(r, false);
            Tensor x = draw.x();
            Tensor w =
                    random(2, Shape.of((long) draw.group * draw.mg, draw.cg, draw.k[0], draw.k[1]));
            Tensor b = random(3, Shape.of((long) draw.group * draw.mg));
            double[] want = draw.conv(x, w, b);
            Tensor scalar =
                    draw.attributes(OneNode.of("Conv"))
                            .fed(x)
                            .constant(w)
                            .constant(b)
                            .run(Kernels.scalar())
                            .getFirst();
            Tensor vector =
                    draw.attributes(OneNode.of("Conv"))
                            .fed(x)
                            .constant(w)
                            .constant(b)
                            .run(Kernels.preferred())
                            .getFirst();
            Tensor fed =
                    draw.attributes(OneNode.of("Conv"))
                            .fed(x)
                            .fed(w)
                            .fed(b)
                            .run(Kernels.preferred())
                            .getFirst();
            assertClose(draw, scalar, want);
            // Whichever axis lies in the lanes, on whatever kernels: the same chain.
            assertThat(vector.toFloats()).isEqualTo(scalar.toFloats());
            assertThat(fed.toFloats()).isEqualTo(scalar.toFloats());
        }
    }

    @Test
    void convTranspose_ofAnyForm_isTheDefinition() {
        Random r = new Random(12);
        for (int i = 0; i < 150; i++) {
            Draw draw = Draw.of(r, true);
            if (draw.transposedOut(0) < 1 || draw.transposedOut(1) < 1) {
                continue;
            }
            Tensor x = draw.x();
            Tensor w =
                    random(2, Shape.of((long) draw.group * draw.cg, draw.mg, draw.k[0], draw.k[1]));
            Tensor b = random(3, Shape.of((long) draw.group * draw.mg));
            double[] want = draw.transposed(x, w, b);
            OneNode constant =
                    draw.attributes(OneNode.of("ConvTranspose")).with("output_padding", draw.extra);
            OneNode fed =
                    draw.attributes(OneNode.of("ConvTranspose")).with("output_padding", draw.extra);
            Tensor scalar =
                    constant.fed(x).constant(w).constant(b).run(Kernels.scalar()).getFirst();
            Tensor vector = fed.fed(x).fed(w).fed(b).run(Kernels.preferred()).getFirst();
            assertClose(draw, scalar, want);
            assertThat(vector.toFloats()).isEqualTo(scalar.toFloats());
        }
    }

    @Test
    void conv_ofOneAndThreeAxes_isTheDefinition() {
        // y = [1·1 + 2·2, 2·1 + 3·2] and the sum of a cube.
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 3), 1, 2, 3);
        Tensor w = Tensor.ofFloats(Shape.of(1, 1, 2), 1, 2);
        assertThat(
                        OneNode.of("Conv")
                                .fed(x)
                                .constant(w)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(5, 8);
        Tensor cube = Tensor.ofFloats(Shape.of(1, 1, 2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);
        Tensor ones = Tensor.ofFloats(Shape.of(1, 1, 2, 2, 2), 1, 1, 1, 1, 1, 1, 1, 1);
        assertThat(
                        OneNode.of("Conv")
                                .fed(cube)
                                .constant(ones)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(36);
    }

    @Test
    void conv_withAutoPad_keepsOrDividesTheExtent() {
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 4), 1, 2, 3, 4);
        Tensor w = Tensor.ofFloats(Shape.of(1, 1, 2), 1, 10);
        assertThat(conv(x, w, "SAME_UPPER", 1)).containsExactly(21, 32, 43, 4);
        assertThat(conv(x, w, "SAME_LOWER", 1)).containsExactly(10, 21, 32, 43);
        assertThat(conv(x, w, "VALID", 2)).containsExactly(21, 43);
    }

    private static float[] conv(Tensor x, Tensor w, String auto, long stride) {
        OneNode node =
                OneNode.of("Conv").with("auto_pad", auto).with("strides", new long[] {stride});
        return node.fed(x).constant(w).run(Kernels.preferred()).getFirst().toFloats();
    }

    @Test
    void conv_ofDoublesAndHalves_isTheDefinition() {
        for (DType t : new DType[] {DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16}) {
            Tensor x = OneNode.tensor(t, Shape.of(1, 2, 3), 1, 2, 3, 4, 5, 6);
            Tensor w = OneNode.tensor(t, Shape.of(1, 2, 2), 1, 1, 1, 1);
            Tensor b = OneNode.tensor(t, Shape.of(1), 0.5);
            assertThat(
                            OneNode.of("Conv")
                                    .fed(x)
                                    .constant(w)
                                    .constant(b)
                                    .run(Kernels.scalar())
                                    .getFirst()
                                    .toFloats())
                    .containsExactly(12.5f, 16.5f);
        }
    }

    @Test
    void conv_withWeightsThatDoNotFit_isRefused() {
        Tensor x = random(1, Shape.of(1, 4, 8));
        Tensor w = random(1, Shape.of(6, 3, 3));
        assertThatThrownBy(() -> OneNode.of("Conv").fed(x).constant(w).run(Kernels.scalar()))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (Conv): W has shape [6, 3, 3], expected 4 / 1 along axis 1"
                                + " = C / group for x of shape [1, 4, 8]");
        Tensor wide = random(1, Shape.of(6, 4, 9));
        assertThatThrownBy(() -> OneNode.of("Conv").fed(x).constant(wide).run(Kernels.scalar()))
                .hasMessage(
                        "test: node 'n' (Conv): input 0 has shape [1, 4, 8] with padding [0, 0],"
                            + " expected at least 9 along axis 2 = dilation · (kernel - 1) + 1");
        Tensor good = random(1, Shape.of(6, 4, 3));
        assertThatThrownBy(
                        () ->
                                OneNode.of("Conv")
                                        .with("auto_pad", "SOME")
                                        .fed(x)
                                        .constant(good)
                                        .run(Kernels.scalar()))
                .isInstanceOf(MalformedModelException.class);
        assertThatThrownBy(
                        () ->
                                OneNode.of("Conv")
                                        .with("kernel_shape", new long[] {2})
                                        .fed(x)
                                        .constant(good)
                                        .run(Kernels.scalar()))
                .isInstanceOf(MalformedModelException.class);
    }

    @Test
    void pool_ofImmensePlaces_isRefusedBeforeItCounts() {
        OneNode node =
                OneNode.of("AveragePool")
                        .with("kernel_shape", new long[] {100_000})
                        .with("pads", new long[] {99_999, 99_999});
        assertThatThrownBy(() -> node.fed(random(1, Shape.of(1, 1, 9))).run(Kernels.scalar()))
                .isInstanceOf(dev.runnel.UnsupportedModelException.class)
                .hasMessage(
                        "test: node 'n' (AveragePool): moves a kernel of [100000] to [100008]"
                                + " places; supported are 134217728 positions in all");
    }

    @Test
    void conv_overTime_isRefusedUnlessItSeesEachStepAlone() {
        Tensor x = random(1, Shape.of(1, 4, 7, 8));
        int[] time = {2, -1};
        Call alone =
                OneNode.of("Conv")
                        .fed(x)
                        .constant(random(1, Shape.of(6, 4, 1, 3)))
                        .call(Arena.ofAuto());
        assertThat(new Conv().timeObstacle(alone, time, new int[] {2})).isNull();
        Call wide =
                OneNode.of("Conv")
                        .fed(x)
                        .constant(random(1, Shape.of(6, 4, 3, 3)))
                        .call(Arena.ofAuto());
        assertThat(new Conv().timeObstacle(wide, time, new int[] {2}))
                .isEqualTo("takes several time steps: kernel 3, stride 1, pads 0 and 0");
    }

    @Test
    void convTranspose_withOutputShape_padsToIt() {
        // Full extent 5; one to take away, from the front as the standard has it.
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 2), 1, 10);
        Tensor w = Tensor.ofFloats(Shape.of(1, 1, 3), 1, 2, 3);
        OneNode node =
                OneNode.of("ConvTranspose")
                        .with("strides", new long[] {2})
                        .with("output_shape", new long[] {4});
        assertThat(node.fed(x).constant(w).run(Kernels.preferred()).getFirst().toFloats())
                .containsExactly(2, 13, 20, 30);
    }
}
