package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.random;
import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.function.DoubleBinaryOperator;

/// Reductions, softmax, pools and normalisations against sums in double.
class ReducingTest {
    private static Tensor axes(long... axes) {
        return Tensor.ofLongs(Shape.of(axes.length), axes);
    }

    private static Tensor reduce(String op, Tensor x, long... axes) {
        Tensor scalar = OneNode.of(op).fed(x).constant(axes(axes)).run(Kernels.scalar()).getFirst();
        Tensor vector =
                OneNode.of(op).fed(x).constant(axes(axes)).run(Kernels.preferred()).getFirst();
        assertThat(vector.toFloats()).isEqualTo(scalar.toFloats());
        return scalar;
    }

    private static double fold(Tensor x, int[] at, double start, DoubleBinaryOperator f) {
        double sum = start;
        for (int i : at) {
            sum = f.applyAsDouble(sum, x.getDouble(i));
        }
        return sum;
    }

    /// The elements of [3, 4, 21] that go to output `o` if these axes are reduced.
    private static int[] elements(int o, long... axes) {
        List<Long> gone = java.util.Arrays.stream(axes).boxed().toList();
        int[] dims = {3, 4, 21};
        int[] strides = {84, 21, 1};
        int base = 0;
        int rest = o;
        int[] at = {0};
        for (int a = 2; a >= 0; a--) {
            if (!gone.contains((long) a)) {
                base += rest % dims[a] * strides[a];
                rest /= dims[a];
            }
        }
        for (int a = 0; a < 3; a++) {
            if (gone.contains((long) a)) {
                int stride = strides[a];
                int dim = dims[a];
                int[] before = at;
                at = new int[before.length * dim];
                for (int i = 0; i < at.length; i++) {
                    at[i] = before[i / dim] + i % dim * stride;
                }
            }
        }
        int[] all = at.clone();
        for (int i = 0; i < all.length; i++) {
            all[i] += base;
        }
        return all;
    }

    @Test
    void reductions_overAnyAxes_areTheSums() {
        Tensor x = random(5, Shape.of(3, 4, 21));
        for (long[] axes : new long[][] {{2}, {1}, {0}, {1, 2}, {0, 1}, {0, 2}, {0, 1, 2}}) {
            Tensor sum = reduce("ReduceSum", x, axes);
            Tensor mean = reduce("ReduceMean", x, axes);
            Tensor max = reduce("ReduceMax", x, axes);
            Tensor min = reduce("ReduceMin", x, axes);
            Tensor l1 = reduce("ReduceL1", x, axes);
            Tensor l2 = reduce("ReduceL2", x, axes);
            Tensor squares = reduce("ReduceSumSquare", x, axes);
            Tensor product = reduce("ReduceProd", x, axes);
            Tensor logSumExp = reduce("ReduceLogSumExp", x, axes);
            for (int o = 0; o < sum.elements(); o++) {
                int[] at = elements(o, axes);
                double s = fold(x, at, 0, Double::sum);
                double q = fold(x, at, 0, (u, v) -> u + v * v);
                assertThat(sum.getDouble(o)).isCloseTo(s, within(1e-4));
                assertThat(mean.getDouble(o)).isCloseTo(s / at.length, within(1e-5));
                assertThat(max.getDouble(o)).isEqualTo(fold(x, at, -9, Math::max));
                assertThat(min.getDouble(o)).isEqualTo(fold(x, at, 9, Math::min));
                assertThat(l1.getDouble(o))
                        .isCloseTo(fold(x, at, 0, (u, v) -> u + Math.abs(v)), within(1e-4));
                assertThat(squares.getDouble(o)).isCloseTo(q, within(1e-4));
                assertThat(l2.getDouble(o)).isCloseTo(Math.sqrt(q), within(1e-5));
                assertThat(product.getDouble(o))
                        .isCloseTo(fold(x, at, 1, (u, v) -> u * v), within(1e-6));
                double exp = fold(x, at, 0, (u, v) -> u + Math.exp(v));
                assertThat(logSumExp.getDouble(o)).isCloseTo(Math.log(exp), within(1e-5));
            }
        }
    }

    @Test
    void reduction_ofOneStep_hasTheBitsOfTheSequence() {
        Tensor x = random(5, Shape.of(1, 50, 20));
        for (String op : new String[] {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceL2"}) {
            float[] whole = reduce(op, x, 1).toFloats();
            for (int t = 0; t < 20; t++) {
                float[] step = new float[50];
                for (int c = 0; c < 50; c++) {
                    step[c] = (float) x.getDouble(c * 20 + t);
                }
                Tensor one = Tensor.ofFloats(Shape.of(1, 50, 1), step);
                assertThat(reduce(op, one, 1).toFloats()).as(op).containsExactly(whole[t]);
            }
        }
    }

    @Test
    void reductions_overTime_areRefused() {
        Tensor x = random(5, Shape.of(3, 4));
        for (String op : new String[] {"ReduceSum", "Softmax", "ArgMax", "LayerNormalization"}) {
            OneNode node = OneNode.of(op).fed(x);
            if (op.equals("ReduceSum")) {
                node.constant(axes(1));
            } else if (op.equals("ArgMax")) {
                node.with("axis", 1);
            } else if (op.equals("LayerNormalization")) {
                node.constant(random(1, Shape.of(4)));
            }
            Call call = node.call(java.lang.foreign.Arena.ofAuto());
            int[] in = {0, -1};
            int[] out = {0, -1, -1};
            assertThat(node.operator().timeObstacle(call, in, out)).as(op).isNull();
            in[0] = 1;
            out[0] = 1;
            assertThat(node.operator().timeObstacle(call, in, out)).as(op).contains("time");
        }
    }

    @Test
    void reduction_withKeepdimsAndWithoutAxes_hasTheShapeAskedFor() {
        Tensor x = random(5, Shape.of(3, 4));
        assertThat(reduce("ReduceSum", x, -1).shape()).isEqualTo(Shape.of(3, 1));
        assertThat(
                        OneNode.of("ReduceSum")
                                .with("keepdims", 0)
                                .fed(x)
                                .run(Kernels.scalar())
                                .getFirst()
                                .shape())
                .isEqualTo(Shape.SCALAR);
        assertThat(
                        OneNode.of("ReduceSum")
                                .with("noop_with_empty_axes", 1)
                                .fed(x)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toFloats())
                .isEqualTo(x.toFloats());
        Tensor negative = tensor(DType.FLOAT32, Shape.of(2), -3, 4);
        assertThat(
                        OneNode.of("ReduceL2")
                                .with("noop_with_empty_axes", 1)
                                .fed(negative)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toFloats())
                .containsExactly(3, 4);
        assertThatThrownBy(() -> reduce("ReduceSum", x, 2))
                .isInstanceOf(MalformedModelException.class);
        assertThatThrownBy(() -> reduce("ReduceSum", x, 1, -1))
                .isInstanceOf(MalformedModelException.class);
    }

    @Test
    void reduction_ofNothing_isTheIdentity() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(2, 0, 3));
        assertThat(reduce("ReduceSum", x, 1).toFloats()).containsExactly(0, 0, 0, 0, 0, 0);
        assertThat(reduce("ReduceProd", x, 1, 2).toFloats()).containsExactly(1, 1);
        assertThat(reduce("ReduceMax", x, 1).toFloats()).containsOnly(Float.NEGATIVE_INFINITY);
        Tensor i = tensor(DType.INT8, Shape.of(0));
        assertThat(reduce("ReduceMax", i, 0).toLongs()).containsExactly(-128);
        assertThat(reduce("ReduceMin", i, 0).toLongs()).containsExactly(127);
    }

    @Test
    void reduction_ofIntegers_isExact() {
        Tensor x = tensor(DType.INT32, Shape.of(2, 2), 3, -7, 5, 2);
        assertThat(reduce("ReduceSum", x, 0).toLongs()).containsExactly(8, -5);
        assertThat(reduce("ReduceMax", x, 1).toLongs()).containsExactly(3, 5);
        assertThat(reduce("ReduceProd", x, 0, 1).toLongs()).containsExactly(-210);
        assertThat(reduce("ReduceMean", x, 1).toLongs()).containsExactly(-2, 3);
    }

    @Test
    void argMax_ofEqualElements_takesTheFirstOrTheLast() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(2, 3), 1, 7, 7, 4, 4, 2);
        assertThat(
                        OneNode.of("ArgMax")
                                .with("axis", 1)
                                .fed(x)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toLongs())
                .containsExactly(1, 0);
        OneNode last =
                OneNode.of("ArgMax")
                        .with("axis", -1)
                        .with("select_last_index", 1)
                        .with("keepdims", 0);
        Tensor y = last.fed(x).run(Kernels.scalar()).getFirst();
        assertThat(y.toLongs()).containsExactly(2, 1);
        assertThat(y.shape()).isEqualTo(Shape.of(2));
        assertThat(OneNode.of("ArgMin").fed(x).run(Kernels.scalar()).getFirst().toLongs())
                .containsExactly(0, 1, 1);
    }

    @Test
    void softmax_alongAnyAxis_sumsToOne() {
        Tensor x = random(5, Shape.of(3, 4, 21));
        for (int axis = 0; axis < 3; axis++) {
            Tensor y =
                    OneNode.of("Softmax")
                            .with("axis", axis)
                            .fed(x)
                            .run(Kernels.scalar())
                            .getFirst();
            Tensor v =
                    OneNode.of("Softmax")
                            .with("axis", axis)
                            .fed(x)
                            .run(Kernels.preferred())
                            .getFirst();
            Tensor log =
                    OneNode.of("LogSoftmax")
                            .with("axis", axis)
                            .fed(x)
                            .run(Kernels.preferred())
                            .getFirst();
            assertThat(v.toFloats()).isEqualTo(y.toFloats());
            for (int o = 0; o < 252 / x.shape().dim(axis); o++) {
                int[] at = elements(o, axis);
                double sum = fold(x, at, 0, (u, w) -> u + Math.exp(w));
                for (int i : at) {
                    assertThat(y.getDouble(i))
                            .isCloseTo(Math.exp(x.getDouble(i)) / sum, within(1e-6));
                    assertThat(log.getDouble(i))
                            .isCloseTo(x.getDouble(i) - Math.log(sum), within(1e-5));
                }
            }
        }
        Tensor big = tensor(DType.FLOAT32, Shape.of(2), 10000, 10001);
        assertThat(OneNode.of("Softmax").fed(big).run(Kernels.preferred()).getFirst().getDouble(1))
                .isCloseTo(0.7310585786300049, within(1e-6));
    }

    @Test
    void layerNormalization_withAllOutputs_normalises() {
        Tensor x = random(5, Shape.of(3, 4, 21));
        Tensor scale = random(6, Shape.of(4, 21));
        Tensor bias = random(7, Shape.of(4, 21));
        OneNode node = OneNode.of("LayerNormalization").with("axis", 1).with("epsilon", 0.01f);
        List<Tensor> out =
                node.fed(x).constant(scale).fed(bias).outputs(3).run(Kernels.preferred());
        assertThat(out.get(1).shape()).isEqualTo(Shape.of(3, 1, 1));
        for (int row = 0; row < 3; row++) {
            int[] at = elements(row, 1, 2);
            double mean = fold(x, at, 0, Double::sum) / 84;
            double inverse =
                    1
                            / Math.sqrt(
                                    fold(x, at, 0, (u, v) -> u + (v - mean) * (v - mean)) / 84
                                            + 0.01);
            assertThat(out.get(1).getDouble(row)).isCloseTo(mean, within(1e-6));
            assertThat(out.get(2).getDouble(row)).isCloseTo(inverse, within(1e-5));
            for (int i : at) {
                double want =
                        (x.getDouble(i) - mean) * inverse * scale.getDouble(i % 84)
                                + bias.getDouble(i % 84);
                assertThat(out.getFirst().getDouble(i)).isCloseTo(want, within(1e-5));
            }
        }
    }

    @Test
    void normalization_ofChannelsAndGroups_normalisesEach() {
        Tensor x = Tensor.ofFloats(Shape.of(1, 2, 2), 1, 3, 10, 30);
        Tensor scale = Tensor.ofFloats(Shape.of(2), 2, 1);
        Tensor bias = Tensor.ofFloats(Shape.of(2), 0, 5);
        OneNode instance = OneNode.of("InstanceNormalization").with("epsilon", 0f);
        assertThat(
                        instance.fed(x)
                                .constant(scale)
                                .constant(bias)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(-2, 2, 4, 6);
        OneNode group = OneNode.of("GroupNormalization").with("epsilon", 0f).with("num_groups", 1);
        Tensor y = group.fed(x).constant(scale).constant(bias).run(Kernels.preferred()).getFirst();
        // mean 11, variance (100 + 64 + 1 + 361) / 4
        double sigma = Math.sqrt(131.5);
        assertThat(y.getDouble(0)).isCloseTo(-20 / sigma, within(1e-5));
        assertThat(y.getDouble(3)).isCloseTo(19 / sigma + 5, within(1e-5));
    }

    @Test
    void batchNormalization_inBothModes_normalisesByTheRightStatistics() {
        Tensor x = Tensor.ofFloats(Shape.of(2, 1, 2), 1, 2, 3, 6);
        Tensor scale = Tensor.ofFloats(Shape.of(1), 2);
        Tensor bias = Tensor.ofFloats(Shape.of(1), 1);
        Tensor mean = Tensor.ofFloats(Shape.of(1), 1);
        Tensor variance = Tensor.ofFloats(Shape.of(1), 4);
        OneNode inference = OneNode.of("BatchNormalization").with("epsilon", 0f).fed(x);
        assertThat(
                        inference
                                .constant(scale)
                                .constant(bias)
                                .constant(mean)
                                .constant(variance)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(1, 2, 3, 6);
        OneNode training =
                OneNode.of("BatchNormalization")
                        .with("epsilon", 0f)
                        .with("training_mode", 1)
                        .fed(x);
        List<Tensor> out =
                training.fed(scale)
                        .fed(bias)
                        .fed(mean)
                        .fed(variance)
                        .outputs(3)
                        .run(Kernels.preferred());
        // own mean 3, own variance 3.5, momentum 0.9
        assertThat(out.get(0).getDouble(3)).isCloseTo(3 / Math.sqrt(3.5) * 2 + 1, within(1e-5));
        assertThat(out.get(1).getDouble(0)).isCloseTo(1.2, within(1e-6));
        assertThat(out.get(2).getDouble(0)).isCloseTo(3.95, within(1e-6));
    }

    @Tag("widths")
    @Test
    void batchNormalization_withKnownParameters_isOneFmaWhateverTheKernelsAndThePlane() {
        int channels = 21;
        Shape c = Shape.of(channels);
        float[] positive = OneNode.random(5, c).toFloats();
        for (int i = 0; i < channels; i++) {
            positive[i] = Math.abs(positive[i]) + 0.1f;
        }
        Tensor variance = Tensor.ofFloats(c, positive);
        for (int plane : new int[] {1, 7, 16, 33}) {
            Tensor x = OneNode.random(plane, Shape.of(2, channels, plane));
            OneNode node = OneNode.of("BatchNormalization").with("epsilon", 1e-3f).fed(x);
            OneNode open = OneNode.of("BatchNormalization").with("epsilon", 1e-3f).fed(x);
            for (Tensor t : parameters(c, variance)) {
                node.constant(t);
                open.fed(t);
            }
            Tensor scalar = node.run(Kernels.scalar()).getFirst();
            Tensor other = open.run(Kernels.scalar()).getFirst();
            for (int bits : new int[] {128, 256, 512}) {
                assertThat(node.run(Kernels.vector(bits)).getFirst().toFloats())
                        .isEqualTo(scalar.toFloats());
            }
            List<Tensor> p = parameters(c, variance);
            for (int i = 0; i < x.elements(); i++) {
                int channel = i / plane % channels;
                double factor =
                        p.get(0).getDouble(channel)
                                / Math.sqrt(p.get(3).getDouble(channel) + 1e-3f);
                double shift = p.get(1).getDouble(channel) - p.get(2).getDouble(channel) * factor;
                assertThat(scalar.toFloats()[i])
                        .isEqualTo(Math.fma((float) factor, (float) x.getDouble(i), (float) shift));
                assertThat(scalar.getDouble(i)).isCloseTo(other.getDouble(i), within(1e-5));
            }
        }
    }

    private static List<Tensor> parameters(Shape c, Tensor variance) {
        return List.of(OneNode.random(2, c), OneNode.random(3, c), OneNode.random(4, c), variance);
    }

    @Test
    void maxPool_withIndices_saysWhere() {
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 3, 3), 1, 2, 3, 4, 9, 6, 7, 8, 5);
        OneNode node =
                OneNode.of("MaxPool")
                        .with("kernel_shape", new long[] {2, 2})
                        .with("storage_order", 1);
        List<Tensor> out =
                node.with("strides", new long[] {1, 2})
                        .with("ceil_mode", 1)
                        .outputs(2)
                        .fed(x)
                        .run(Kernels.scalar());
        assertThat(out.get(0).toFloats()).containsExactly(9, 6, 9, 6);
        assertThat(out.get(1).toLongs()).containsExactly(4, 7, 4, 7);
        Tensor bytes = tensor(DType.INT8, Shape.of(1, 1, 3), -5, -7, -6);
        OneNode padded =
                OneNode.of("MaxPool")
                        .with("kernel_shape", new long[] {2})
                        .with("pads", new long[] {1, 1});
        assertThat(padded.fed(bytes).run(Kernels.scalar()).getFirst().toLongs())
                .containsExactly(-5, -5, -6, -6);
    }

    @Test
    void averagePool_withPadding_countsItIfAsked() {
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 3), 2, 4, 8);
        assertThat(average(x, 0)).containsExactly(2, 3, 6, 8);
        assertThat(average(x, 1)).containsExactly(1, 3, 6, 4);
        OneNode ceil =
                OneNode.of("AveragePool")
                        .with("kernel_shape", new long[] {2})
                        .with("strides", new long[] {2});
        assertThat(
                        ceil.with("ceil_mode", 1)
                                .with("count_include_pad", 1)
                                .fed(x)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toFloats())
                .containsExactly(3, 8);
    }

    private static float[] average(Tensor x, long countPadding) {
        OneNode node =
                OneNode.of("AveragePool")
                        .with("kernel_shape", new long[] {2})
                        .with("pads", new long[] {1, 1});
        return node.with("count_include_pad", countPadding)
                .fed(x)
                .run(Kernels.scalar())
                .getFirst()
                .toFloats();
    }

    @Test
    void globalPool_ofEachChannel_isItsMeanOrMaximum() {
        Tensor x = Tensor.ofFloats(Shape.of(1, 2, 2, 2), 1, 2, 3, 6, -1, -2, -3, -4);
        Tensor mean = OneNode.of("GlobalAveragePool").fed(x).run(Kernels.preferred()).getFirst();
        assertThat(mean.shape()).isEqualTo(Shape.of(1, 2, 1, 1));
        assertThat(mean.toFloats()).containsExactly(3, -2.5f);
        assertThat(
                        OneNode.of("GlobalMaxPool")
                                .fed(x)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(6, -1);
    }
}
