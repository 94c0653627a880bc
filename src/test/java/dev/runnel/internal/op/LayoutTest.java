package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.util.List;

/// Operators that only move elements. What is expected was worked out with NumPy.
class LayoutTest {
    /// 0, 1, 2, … in that shape.
    static Tensor count(DType dtype, long... dims) {
        Shape shape = Shape.of(dims);
        double[] v = new double[(int) shape.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = dtype == DType.BOOL ? i % 3 % 2 : i;
        }
        return tensor(dtype, shape, v);
    }

    static Tensor longs(long... values) {
        return Tensor.ofLongs(Shape.of(values.length), values);
    }

    static List<Tensor> run(OneNode node) {
        return node.run(Kernels.scalar());
    }

    static void yields(OneNode node, Shape shape, double... values) {
        Tensor y = run(node).getFirst();
        assertThat(y.shape()).isEqualTo(shape);
        assertThat(doubles(y)).containsExactly(values);
    }

    static double[] doubles(Tensor t) {
        double[] v = new double[(int) t.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = t.getDouble(i);
        }
        return v;
    }

    static void refused(OneNode node, String message) {
        assertThatThrownBy(() -> run(node))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining(message);
    }

    static boolean isView(OneNode node) {
        Call call = node.call(Arena.ofAuto());
        call.setOutputTypes(node.operator().infer(call));
        return node.operator().compile(call) == Program.VIEW;
    }

    static OneNode reshape(Tensor x, long... shape) {
        return OneNode.of("Reshape").fed(x).constant(longs(shape));
    }

    // ---- Reshape, Flatten, Squeeze, Unsqueeze

    @Test
    void reshape_copiesZeroAndInfersMinusOne() {
        Tensor x = count(DType.FLOAT32, 2, 3, 4);
        assertThat(run(reshape(x, 0, -1)).getFirst().shape()).isEqualTo(Shape.of(2, 12));
        assertThat(run(reshape(x, 4, 0, -1)).getFirst().shape()).isEqualTo(Shape.of(4, 3, 2));
        assertThat(
                        run(reshape(count(DType.INT8, 0, 3), 3, 0).with("allowzero", 1))
                                .getFirst()
                                .shape())
                .isEqualTo(Shape.of(3, 0));
        assertThat(run(reshape(count(DType.INT8, 1))).getFirst().shape()).isEqualTo(Shape.SCALAR);
    }

    @Test
    void reshape_thatDoesNotFitIsRefused() {
        Tensor x = count(DType.FLOAT32, 2, 3);
        refused(
                reshape(x, 4, -1),
                "test: node 'n' (Reshape): shape is [4, -1], which does not fit the 6 elements of"
                        + " input shape [2, 3]");
        refused(reshape(x, -1, -1), "at most one is -1");
        refused(reshape(x, -2, 3), "at most one is -1");
        refused(reshape(x, 1, 1, 0), "whose 0 at axis 2 has nothing to copy");
        refused(reshape(x, 0, -1).with("allowzero", 1), "does not fit");
        refused(reshape(x, 1L << 40, 1L << 40), "impossible shape");
    }

    @Test
    void flatten_splitsAtTheAxis() {
        Tensor x = count(DType.FLOAT64, 2, 3, 4);
        long[][] expected = {{1, 24}, {2, 12}, {6, 4}, {24, 1}};
        for (int axis = 0; axis <= 3; axis++) {
            assertThat(run(OneNode.of("Flatten").fed(x).with("axis", axis)).getFirst().shape())
                    .isEqualTo(Shape.of(expected[axis]));
        }
        assertThat(run(OneNode.of("Flatten").fed(x).with("axis", -1)).getFirst().shape())
                .isEqualTo(Shape.of(6, 4));
        refused(OneNode.of("Flatten").fed(x).with("axis", 4), "axis is 4");
    }

    @Test
    void squeeze_dropsAxesOfExtentOne() {
        Tensor x = count(DType.FLOAT32, 1, 3, 1, 2);
        assertThat(run(OneNode.of("Squeeze").fed(x)).getFirst().shape()).isEqualTo(Shape.of(3, 2));
        assertThat(run(OneNode.of("Squeeze").fed(x).constant(longs(-2))).getFirst().shape())
                .isEqualTo(Shape.of(1, 3, 2));
        refused(
                OneNode.of("Squeeze").fed(x).constant(longs(1)),
                "axes names axis 1 of [1, 3, 1, 2], expected one of extent 1");
    }

    @Test
    void unsqueeze_countsAxesOfTheResult() {
        Tensor x = count(DType.FLOAT32, 3, 2);
        assertThat(run(OneNode.of("Unsqueeze").fed(x).constant(longs(0, -1))).getFirst().shape())
                .isEqualTo(Shape.of(1, 3, 2, 1));
        refused(OneNode.of("Unsqueeze").fed(x).constant(longs(0, -4)), "expected no axis twice");
        refused(OneNode.of("Unsqueeze").fed(x).constant(longs(3)), "axes entry is 3");
    }

    // ---- Transpose

    @ParameterizedTest
    @EnumSource(DType.class)
    void transpose_movesElementsOfEveryType(DType dtype) {
        Tensor x = count(dtype, 2, 3, 5);
        OneNode node = OneNode.of("Transpose").fed(x).with("perm", new long[] {2, 0, 1});
        Tensor y = run(node).getFirst();
        assertThat(y.shape()).isEqualTo(Shape.of(5, 2, 3));
        for (int i = 0; i < 30; i++) {
            assertThat(y.getDouble(i)).isEqualTo(x.getDouble((i % 6) * 5 + i / 6));
        }
    }

    @Test
    void transpose_reversesByDefault() {
        yields(
                OneNode.of("Transpose").fed(count(DType.FLOAT32, 2, 3)),
                Shape.of(3, 2),
                0,
                3,
                1,
                4,
                2,
                5);
    }

    @Test
    void transpose_movesWholeBlocks() {
        yields(
                OneNode.of("Transpose")
                        .fed(count(DType.INT16, 2, 2, 3))
                        .with("perm", new long[] {1, 0, 2}),
                Shape.of(2, 2, 3),
                0,
                1,
                2,
                6,
                7,
                8,
                3,
                4,
                5,
                9,
                10,
                11);
        yields(
                OneNode.of("Transpose")
                        .fed(count(DType.FLOAT32, 2, 2, 2))
                        .with("perm", new long[] {1, 0, 2}),
                Shape.of(2, 2, 2),
                0,
                1,
                4,
                5,
                2,
                3,
                6,
                7);
    }

    @Test
    void transpose_ofFourAxes() {
        Tensor x = count(DType.INT32, 2, 3, 4, 5);
        Tensor y =
                run(OneNode.of("Transpose").fed(x).with("perm", new long[] {3, 1, 0, 2}))
                        .getFirst();
        int i = 0;
        for (int d = 0; d < 5; d++) {
            for (int b = 0; b < 3; b++) {
                for (int a = 0; a < 2; a++) {
                    for (int c = 0; c < 4; c++) {
                        assertThat(y.getLong(i++)).isEqualTo(((a * 3 + b) * 4 + c) * 5 + d);
                    }
                }
            }
        }
    }

    @Test
    void transpose_ofAxesOfExtentOneHasNoStep() {
        assertThat(
                        isView(
                                OneNode.of("Transpose")
                                        .fed(count(DType.FLOAT32, 1, 4, 1, 3))
                                        .with("perm", new long[] {1, 2, 0, 3})))
                .isTrue();
        assertThat(isView(OneNode.of("Transpose").fed(count(DType.FLOAT32, 2, 2)))).isFalse();
    }

    @Test
    void transpose_withoutPermutationIsRefused() {
        Tensor x = count(DType.FLOAT32, 2, 3);
        for (long[] perm : new long[][] {{0}, {0, 0}, {0, 2}, {0, 1, 2}, {-1, 0}}) {
            refused(OneNode.of("Transpose").fed(x).with("perm", perm), "expected a permutation");
        }
    }

    // ---- Slice

    static OneNode slice(Tensor x, long[] starts, long[] ends, long[] axes, long[] steps) {
        return OneNode.of("Slice")
                .fed(x)
                .constant(longs(starts))
                .constant(longs(ends))
                .constant(longs(axes))
                .constant(longs(steps));
    }

    private static OneNode slice(long start, long end, long step) {
        return slice(
                count(DType.FLOAT32, 5),
                new long[] {start},
                new long[] {end},
                new long[] {0},
                new long[] {step});
    }

    @Test
    void slice_clampsAsNumPyDoes() {
        yields(slice(1, 4, 1), Shape.of(3), 1, 2, 3);
        yields(slice(0, Long.MAX_VALUE, 2), Shape.of(3), 0, 2, 4);
        yields(slice(-1, Long.MIN_VALUE, -1), Shape.of(5), 4, 3, 2, 1, 0);
        yields(slice(Long.MAX_VALUE, 0, -2), Shape.of(2), 4, 2);
        yields(slice(-100, 2, 1), Shape.of(2), 0, 1);
        yields(slice(3, -100, -1), Shape.of(4), 3, 2, 1, 0);
        yields(slice(3, 3, 1), Shape.of(0));
        yields(slice(4, 1, 1), Shape.of(0));
        yields(slice(100, 200, 1), Shape.of(0));
        yields(slice(-2, -1, 1), Shape.of(1), 3);
        yields(slice(0, 5, Long.MAX_VALUE), Shape.of(1), 0);
        yields(slice(4, -6, Long.MIN_VALUE), Shape.of(1), 4);
        yields(slice(-100, Long.MIN_VALUE, -1), Shape.of(1), 0);
    }

    @Test
    void slice_ofSeveralAxes() {
        yields(
                slice(
                        count(DType.INT64, 3, 4),
                        new long[] {-1, 1},
                        new long[] {-4, 3},
                        new long[] {0, -1},
                        new long[] {-2, 1}),
                Shape.of(2, 2),
                9,
                10,
                1,
                2);
        yields(
                OneNode.of("Slice")
                        .fed(count(DType.UINT8, 2, 3))
                        .constant(tensor(DType.INT32, Shape.of(2), 1, 0))
                        .constant(tensor(DType.INT32, Shape.of(2), 2, 2)),
                Shape.of(1, 2),
                3,
                4);
    }

    @Test
    void slice_ofNothing() {
        yields(
                slice(
                        count(DType.FLOAT32, 0, 2),
                        new long[] {-1, 0},
                        new long[] {-10, 2},
                        new long[] {0, 1},
                        new long[] {-1, 1}),
                Shape.of(0, 2));
    }

    @Test
    void slice_ofEverythingHasNoStep() {
        assertThat(isView(slice(0, Long.MAX_VALUE, 1))).isTrue();
        assertThat(isView(slice(0, 4, 1))).isFalse();
    }

    @Test
    void slice_withBadParametersIsRefused() {
        refused(slice(0, 1, 0), "steps is [0], expected no 0");
        Tensor x = count(DType.FLOAT32, 2, 2);
        long[] zeros = {0, 0};
        refused(slice(x, zeros, zeros, new long[] {1, -1}, new long[] {1, 1}), "no axis twice");
        refused(slice(x, zeros, new long[1], zeros, zeros), "ends has 1 entries, expected 2");
        refused(
                slice(x, new long[1], new long[1], new long[] {2}, new long[] {1}),
                "axes entry is 2");
        refused(
                OneNode.of("Slice").fed(x).constant(longs(0, 0, 0)).constant(longs(1, 1, 1)),
                "axis is 2");
        refused(
                OneNode.of("Slice").fed(x).constant(count(DType.FLOAT32, 1)).constant(longs(1)),
                "starts is float32[1], expected a list of integers");
    }

    // ---- Expand, Tile

    @Test
    void expand_repeatsAxesOfExtentOne() {
        yields(
                OneNode.of("Expand").fed(count(DType.FLOAT32, 3, 1)).constant(longs(2, 1, 2)),
                Shape.of(2, 3, 2),
                0,
                0,
                1,
                1,
                2,
                2,
                0,
                0,
                1,
                1,
                2,
                2);
        yields(
                OneNode.of("Expand").fed(count(DType.BOOL, 2)).constant(longs(1)),
                Shape.of(2),
                0,
                1);
        refused(
                OneNode.of("Expand").fed(count(DType.FLOAT32, 3)).constant(longs(2)),
                "which do not broadcast");
        refused(
                OneNode.of("Expand").fed(count(DType.FLOAT32, 3)).constant(longs(-1)),
                "impossible shape");
    }

    @Test
    void tile_repeatsWholeAxes() {
        yields(
                OneNode.of("Tile").fed(count(DType.INT8, 2, 2)).constant(longs(2, 3)),
                Shape.of(4, 6),
                0,
                1,
                0,
                1,
                0,
                1,
                2,
                3,
                2,
                3,
                2,
                3,
                0,
                1,
                0,
                1,
                0,
                1,
                2,
                3,
                2,
                3,
                2,
                3);
        yields(OneNode.of("Tile").fed(count(DType.INT8, 2)).constant(longs(0)), Shape.of(0));
        assertThat(isView(OneNode.of("Tile").fed(count(DType.INT8, 2)).constant(longs(1))))
                .isTrue();
        refused(
                OneNode.of("Tile").fed(count(DType.INT8, 2)).constant(longs(1, 1)),
                "repeats has 2");
        refused(OneNode.of("Tile").fed(count(DType.INT8, 2)).constant(longs(-1)), "no negative");
        refused(
                OneNode.of("Tile").fed(count(DType.INT8, 2)).constant(longs(Long.MAX_VALUE)),
                "impossible shape");
    }

    // ---- Concat, Split

    @Test
    void concat_putsSideBySide() {
        yields(
                OneNode.of("Concat")
                        .fed(count(DType.FLOAT32, 2, 1))
                        .constant(count(DType.FLOAT32, 2, 2))
                        .fed(count(DType.FLOAT32, 2, 0))
                        .with("axis", -1),
                Shape.of(2, 3),
                0,
                0,
                1,
                1,
                2,
                3);
        yields(
                OneNode.of("Concat").fed(longs(7)).fed(longs(8, 9)).with("axis", 0),
                Shape.of(3),
                7,
                8,
                9);
    }

    @Test
    void concat_ofWhatDoesNotFitIsRefused() {
        Tensor x = count(DType.FLOAT32, 2, 3);
        refused(OneNode.of("Concat").fed(x).fed(x), "attribute 'axis' is missing");
        refused(
                OneNode.of("Concat").fed(x).fed(count(DType.FLOAT32, 3, 3)).with("axis", 1),
                "input 1 has shape [3, 3], expected that of input 0, [2, 3], but for axis 1");
        refused(
                OneNode.of("Concat").fed(x).fed(count(DType.INT32, 2, 3)).with("axis", 1),
                "input 1 has element type int32, expected float32 as input 0");
        refused(
                OneNode.of("Concat").fed(x).fed(count(DType.FLOAT32, 3)).with("axis", 0),
                "input 1");
    }

    @Test
    void split_givenExtents() {
        List<Tensor> y =
                run(
                        OneNode.of("Split")
                                .fed(count(DType.INT32, 2, 4))
                                .constant(longs(1, 0, 3))
                                .with("axis", 1)
                                .outputs(3));
        assertThat(doubles(y.get(0))).containsExactly(0, 4);
        assertThat(y.get(1).shape()).isEqualTo(Shape.of(2, 0));
        assertThat(doubles(y.get(2))).containsExactly(1, 2, 3, 5, 6, 7);
    }

    @Test
    void split_intoEqualPartsTheLastShorter() {
        List<Tensor> y =
                run(
                        OneNode.of("Split")
                                .fed(count(DType.INT32, 7))
                                .with("num_outputs", 3)
                                .outputs(3));
        assertThat(y)
                .extracting(Tensor::shape)
                .containsExactly(Shape.of(3), Shape.of(3), Shape.of(1));
        assertThat(doubles(y.get(2))).containsExactly(6);
    }

    @Test
    void split_thatDoesNotAddUpIsRefused() {
        Tensor x = count(DType.INT32, 4);
        refused(
                OneNode.of("Split").fed(x).constant(longs(1, 2)).outputs(2),
                "split is [1, 2], expected 2 extents, one for each output, of sum 4 = axis 0 of"
                        + " [4]");
        refused(OneNode.of("Split").fed(x).constant(longs(4)).outputs(2), "expected 2 extents");
        refused(OneNode.of("Split").fed(x).constant(longs(-1, 5)).outputs(2), "expected 2 extents");
        refused(
                OneNode.of("Split").fed(x).constant(longs(Long.MAX_VALUE, 5)).outputs(2),
                "expected 2 extents");
        refused(OneNode.of("Split").fed(x).with("num_outputs", 3).outputs(2), "num_outputs is 3");
        refused(OneNode.of("Split").fed(count(DType.INT8, 5)).outputs(4), "into 4 outputs of 2");
    }

    // ---- Pad

    static OneNode pad(Tensor x, String mode, long... pads) {
        return OneNode.of("Pad").fed(x).constant(longs(pads)).with("mode", mode);
    }

    @Test
    void pad_byConstant() {
        yields(
                pad(count(DType.FLOAT32, 2, 2), "constant", 0, 1, 1, 0)
                        .fed(tensor(DType.FLOAT32, Shape.SCALAR, 9)),
                Shape.of(3, 3),
                9,
                0,
                1,
                9,
                2,
                3,
                9,
                9,
                9);
        yields(pad(count(DType.INT64, 2), "constant", 1, 2), Shape.of(5), 0, 0, 1, 0, 0);
        yields(pad(count(DType.BOOL, 0), "constant", 1, 1), Shape.of(2), 0, 0);
        yields(
                OneNode.of("Pad")
                        .fed(count(DType.UINT16, 2, 2))
                        .constant(longs(1, 0))
                        .constant(tensor(DType.UINT16, Shape.of(1), 7))
                        .constant(longs(-1)),
                Shape.of(2, 3),
                7,
                0,
                1,
                7,
                2,
                3);
    }

    @Test
    void pad_negativeTakesAway() {
        yields(pad(count(DType.FLOAT32, 5), "constant", -1, -2), Shape.of(2), 1, 2);
        yields(pad(count(DType.FLOAT32, 5), "constant", -2, 1), Shape.of(4), 2, 3, 4, 0);
        yields(pad(count(DType.FLOAT32, 3), "constant", -5, 4), Shape.of(2), 0, 0);
        yields(pad(count(DType.FLOAT32, 5), "reflect", -1, 2), Shape.of(6), 1, 2, 3, 4, 3, 2);
        yields(pad(count(DType.FLOAT32, 5), "edge", 2, -3), Shape.of(4), 0, 0, 0, 1);
    }

    @Test
    void pad_byReflection() {
        yields(
                pad(count(DType.FLOAT32, 4), "reflect", 2, 3),
                Shape.of(9),
                2,
                1,
                0,
                1,
                2,
                3,
                2,
                1,
                0);
        // np.pad([0, 1, 2], (5, 6), 'reflect')
        yields(
                pad(count(DType.FLOAT32, 3), "reflect", 5, 6),
                Shape.of(14),
                1,
                0,
                1,
                2,
                1,
                0,
                1,
                2,
                1,
                0,
                1,
                2,
                1,
                0);
        yields(pad(count(DType.FLOAT32, 1), "reflect", 2, 1), Shape.of(4), 0, 0, 0, 0);
    }

    @Test
    void pad_byEdgeInTwoAxes() {
        yields(
                pad(count(DType.FLOAT64, 2, 2), "edge", 1, 1, 0, 1),
                Shape.of(3, 4),
                0,
                0,
                1,
                1,
                0,
                0,
                1,
                1,
                2,
                2,
                3,
                3);
    }

    @Test
    void pad_byWrapping() {
        yields(
                pad(count(DType.FLOAT16, 3), "wrap", 4, 5),
                Shape.of(12),
                2,
                0,
                1,
                2,
                0,
                1,
                2,
                0,
                1,
                2,
                0,
                1);
        yields(
                pad(count(DType.INT8, 2, 2), "wrap", 1, 0, 0, 1),
                Shape.of(3, 3),
                2,
                3,
                2,
                0,
                1,
                0,
                2,
                3,
                2);
    }

    @Test
    void pad_withBadParametersIsRefused() {
        Tensor x = count(DType.FLOAT32, 2);
        refused(
                pad(x, "middle", 0, 0),
                "mode is 'middle', expected constant, reflect, edge or wrap");
        refused(pad(x, "constant", 0), "pads has 1 entries, expected 2, two for each of 1 axes");
        refused(pad(x, "constant", -3, 0), "leaves less than nothing");
        refused(pad(x, "edge", -2, 1), "leaves nothing to copy from");
        refused(pad(x, "constant", Long.MAX_VALUE, 1), "pads axis 0 by 9223372036854775807");
        refused(pad(x, "constant", 1, 1).fed(longs(1)), "input 2 has element type int64");
        refused(pad(x, "constant", 1, 1).fed(count(DType.FLOAT32, 2)), "expected one element");
    }
}
