package dev.runnel.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Kernels;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.UnaryOperator;

/// What recurrent operators refuse, word for word, and what they say of time and of their outputs.
class RecurrentRefusalTest {
    private static final int T = 3;
    private static final int N = 2;
    private static final int I = 4;
    private static final int H = 5;

    private static Tensor zeros(long... dims) {
        return Tensor.ofFloats(Shape.of(dims), new float[(int) Shape.of(dims).elements()]);
    }

    private static OneNode lstm() {
        return OneNode.of("LSTM")
                .fed(zeros(T, N, I))
                .constant(zeros(1, 4 * H, I))
                .constant(zeros(1, 4 * H, H))
                .outputs(3);
    }

    private static List<TensorType> infer(OneNode node) {
        return node.operator().infer(node.call(Arena.ofAuto()));
    }

    private static void assertMalformed(OneNode node, String message) {
        assertThatThrownBy(() -> infer(node))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("test: node 'n' (LSTM): " + message);
    }

    @Test
    void shapes_thatDisagree_areToldWithTheFormula() {
        assertMalformed(
                OneNode.of("LSTM")
                        .fed(zeros(T, N, I))
                        .constant(zeros(1, 20, I))
                        .constant(zeros(1, 20, 3))
                        .with("hidden_size", 5),
                "R has shape [1, 20, 3], expected [1, 20, 5] = [D, 4·H, H] for hidden_size=5");
        assertMalformed(
                OneNode.of("LSTM")
                        .fed(zeros(T, N, I))
                        .constant(zeros(1, 20, 7))
                        .constant(zeros(1, 20, 5)),
                "W has shape [1, 20, 7], expected [1, 20, 4] = [D, 4·H, I] for hidden_size=5");
        assertMalformed(
                lstm().constant(zeros(1, 20)),
                "B has shape [1, 20], expected [1, 40] = [D, 8·H] for hidden_size=5");
        assertMalformed(
                lstm().absent().constant(OneNode.tensor(DType.INT32, Shape.of(3), 1, 1, 1)),
                "sequence_lens has shape [3], expected [2] = [N]");
        assertMalformed(
                lstm().absent().absent().fed(zeros(N, 1, H)).with("layout", 0),
                "initial_h has shape [2, 1, 5], expected [1, 2, 5] = [D, N, H] for hidden_size=5");
        assertMalformed(
                lstm().absent().absent().absent().absent().constant(zeros(1, H)),
                "P has shape [1, 5], expected [1, 15] = [D, 3·H] for hidden_size=5");
        assertMalformed(
                OneNode.of("LSTM")
                        .fed(zeros(N, I))
                        .constant(zeros(1, 20, 4))
                        .constant(zeros(1, 20, 5)),
                "X has shape [2, 4], expected rank 3: [T, N, I]");
    }

    @Test
    void attributes_outOfRange_areNamed() {
        assertMalformed(
                lstm().with("direction", "sideways"),
                "direction is 'sideways', expected forward, reverse or bidirectional");
        assertMalformed(lstm().with("clip", 0f), "clip is 0.0, expected more than 0");
        assertMalformed(lstm().with("layout", 2), "attribute 'layout' is 2, expected 0 or 1");
        assertMalformed(lstm().with("hidden_size", 0), "hidden_size is 0, expected 1 or more");
        assertMalformed(
                lstm().with("activations", List.of("Sigmoid", "Tanh")),
                "activations has 2 names, expected 3 = D·3 for D=1");
        assertMalformed(
                lstm().with("activations", List.of("Sigmoid", "Tanh", "Gelu")),
                "activation 'Gelu' is none of Relu, Tanh, Sigmoid, Affine, LeakyRelu,"
                        + " ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign, Softplus");
        assertMalformed(
                lstm().with("activation_alpha", new float[] {1, 2, 3, 4}),
                "activation_alpha has 4 values, expected at most one for each of 3 activations");
        assertMalformed(
                lstm().absent().constant(OneNode.tensor(DType.INT32, Shape.of(2), 4, 0)),
                "sequence_lens has a 4, expected 0 … 3 = T");
    }

    @Test
    void lengths_fedOutOfRange_areRefusedWhenRun() {
        OneNode node = lstm().absent().fed(OneNode.tensor(DType.INT32, Shape.of(2), 1, -1));
        assertThatThrownBy(() -> node.run(Kernels.scalar()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("test: node 'n' (LSTM): sequence_lens has a -1, expected 0 … 3 = T");
    }

    @Test
    void elementTypes_thatAreIntegers_areUnsupported() {
        OneNode node =
                OneNode.of("GRU")
                        .fed(OneNode.tensor(DType.INT32, Shape.of(1, 1, 1), 1))
                        .constant(zeros(1, 3, 1))
                        .constant(zeros(1, 3, 1));
        assertThatThrownBy(() -> infer(node)).isInstanceOf(UnsupportedModelException.class);
    }

    @Test
    void attributesOfAnotherOperator_stayUnread() {
        Call call = lstm().with("linear_before_reset", 1).call(Arena.ofAuto());
        OneNode.of("LSTM").operator().infer(call);
        assertThat(call.unreadAttributes()).containsExactly("linear_before_reset");
    }

    // ---- time

    private static @Nullable String obstacle(UnaryOperator<OneNode> change, int... timeAxes) {
        OneNode node = change.apply(lstm());
        int[] in = java.util.Arrays.copyOf(timeAxes, 8);
        java.util.Arrays.fill(in, timeAxes.length, 8, -1);
        return node.operator().timeObstacle(node.call(Arena.ofAuto()), in, new int[] {0, -1, -1});
    }

    @Test
    void time_alongTheSequenceOrTheBatch_passesForwards() {
        assertThat(obstacle(n -> n, 0)).isNull();
        assertThat(obstacle(n -> n.with("direction", "reverse"), 1)).isNull();
        assertThat(obstacle(n -> n.with("direction", "reverse"), 0))
                .isEqualTo("is reverse and needs the whole sequence");
        assertThat(obstacle(n -> n, 2)).isEqualTo("mixes time steps");
        assertThat(obstacle(n -> n, -1, 1))
                .isEqualTo("has weights or lengths that differ from step to step");
        assertThat(
                        obstacle(
                                n ->
                                        n.absent()
                                                .constant(
                                                        OneNode.tensor(
                                                                DType.INT32, Shape.of(2), 1, 1)),
                                0))
                .isEqualTo("has sequence_lens, which count the steps of the whole sequence");
    }

    @Test
    void time_ofABidirectionalNode_needsTheWholeSequence() {
        OneNode node =
                OneNode.of("RNN")
                        .fed(zeros(T, N, I))
                        .constant(zeros(2, H, I))
                        .constant(zeros(2, H, H))
                        .with("direction", "bidirectional");
        Call call = node.call(Arena.ofAuto());
        assertThat(node.operator().timeObstacle(call, new int[] {0, -1, -1}, new int[] {0, -1}))
                .isEqualTo("is bidirectional and needs the whole sequence");
    }

    // ---- element types

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"FLOAT64", "FLOAT16", "BFLOAT16"})
    void otherElementTypes_areComputedAsFloat32(DType dtype) {
        for (String op : List.of("RNN", "GRU", "LSTM")) {
            int g = op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
            Tensor[] in = {
                OneNode.random(1, Shape.of(T, N, I)),
                OneNode.random(2, Shape.of(2, g * H, I)),
                OneNode.random(3, Shape.of(2, g * H, H)),
                OneNode.random(4, Shape.of(2, 2 * g * H)),
            };
            OneNode narrow = OneNode.of(op).with("direction", "bidirectional").outputs(2);
            OneNode plain = OneNode.of(op).with("direction", "bidirectional").outputs(2);
            for (int i = 0; i < in.length; i++) {
                Tensor t = convert(in[i], dtype);
                narrow = i == 0 ? narrow.fed(t) : narrow.constant(t);
                Tensor same = convert(t, DType.FLOAT32);
                plain = i == 0 ? plain.fed(same) : plain.constant(same);
            }
            List<Tensor> got = narrow.run(Kernels.vector());
            List<Tensor> want = plain.run(Kernels.vector());
            for (int i = 0; i < got.size(); i++) {
                assertThat(got.get(i).dtype()).isEqualTo(dtype);
                // Narrow states are rounded after each time step, not only at the end.
                double rounding = dtype == DType.FLOAT64 ? 0 : dtype == DType.FLOAT16 ? 4e-3 : 3e-2;
                for (long k = 0; k < got.get(i).elements(); k++) {
                    assertThat(got.get(i).getDouble(k))
                            .isCloseTo(want.get(i).getDouble(k), within(rounding));
                }
            }
        }
    }

    private static Tensor convert(Tensor t, DType dtype) {
        double[] v = new double[(int) t.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = t.getDouble(i);
        }
        return OneNode.tensor(dtype, t.shape(), v);
    }
}
