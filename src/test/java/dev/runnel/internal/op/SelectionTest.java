package dev.runnel.internal.op;

import static dev.runnel.internal.op.LayoutTest.count;
import static dev.runnel.internal.op.LayoutTest.doubles;
import static dev.runnel.internal.op.LayoutTest.longs;
import static dev.runnel.internal.op.LayoutTest.refused;
import static dev.runnel.internal.op.LayoutTest.run;
import static dev.runnel.internal.op.LayoutTest.yields;
import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.List;

/// Operators that search, mask and accumulate. What is expected was worked out with NumPy.
class SelectionTest {
    private static final double NAN = Double.NaN;
    private static final double INF = Double.POSITIVE_INFINITY;

    private static Tensor floats(Shape shape, double... values) {
        return tensor(DType.FLOAT32, shape, values);
    }

    // ---- TopK, Hardmax

    private static OneNode topK(Tensor x, long k) {
        return OneNode.of("TopK").fed(x).constant(longs(k)).outputs(2);
    }

    private static void found(OneNode node, double[] values, double... indices) {
        List<Tensor> y = run(node);
        assertThat(doubles(y.get(0))).containsExactly(values);
        assertThat(doubles(y.get(1))).containsExactly(indices);
    }

    @Test
    void topK_bestFirst() {
        Tensor x = floats(Shape.of(2, 4), 3, 1, 4, 1, 5, 9, 2, 6);
        found(topK(x, 2), new double[] {4, 3, 9, 6}, 2, 0, 1, 3);
        found(topK(x, 3).with("largest", 0), new double[] {1, 1, 3, 2, 5, 6}, 1, 3, 0, 2, 0, 3);
        found(topK(x, 1).with("axis", 0), new double[] {5, 9, 4, 6}, 1, 1, 0, 1);
        found(topK(x, 0), new double[0]);
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT64", "INT8", "INT64", "UINT64"})
    void topK_ofAllSorts(DType dtype) {
        Tensor x = tensor(dtype, Shape.of(9), 5, 3, 8, 8, 1, 0, 7, 2, 8);
        double[] sorted = {8, 8, 8, 7, 5, 3, 2, 1, 0};
        found(topK(x, 9).with("sorted", 0), sorted, 2, 3, 8, 6, 0, 1, 7, 4, 5);
    }

    @Test
    void topK_withNaN() {
        found(topK(floats(Shape.of(4), 1, NAN, INF, 2), 3), new double[] {NAN, INF, 2}, 1, 2, 3);
    }

    @Test
    void topK_ofMoreThanThereAreIsRefused() {
        refused(
                topK(floats(Shape.of(2), 1, 2), 3),
                "K is [3], expected one number of at most 2, the extent of axis 0");
    }

    @Test
    void hardmax_marksTheFirst() {
        Tensor x = floats(Shape.of(2, 3), 1, 3, 3, 5, 2, 4);
        yields(OneNode.of("Hardmax").fed(x), Shape.of(2, 3), 0, 1, 0, 1, 0, 0);
        yields(OneNode.of("Hardmax").fed(x).with("axis", 0), Shape.of(2, 3), 0, 1, 0, 1, 0, 1);
    }

    // ---- CumSum

    private static OneNode cumSum(Tensor x, long axis) {
        return OneNode.of("CumSum").fed(x).constant(longs(axis));
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT64", "INT32", "INT64"})
    void cumSum_alongEachAxis(DType dtype) {
        Tensor x = count(dtype, 2, 3);
        Shape shape = Shape.of(2, 3);
        yields(cumSum(x, 1), shape, 0, 1, 3, 3, 7, 12);
        yields(cumSum(x, -2), shape, 0, 1, 2, 3, 5, 7);
        yields(cumSum(x, 1).with("exclusive", 1), shape, 0, 0, 1, 0, 3, 7);
        yields(cumSum(x, 1).with("reverse", 1), shape, 3, 3, 2, 12, 9, 5);
        yields(cumSum(x, 1).with("reverse", 1).with("exclusive", 1), shape, 3, 2, 0, 9, 5, 0);
        refused(cumSum(x, 2), "axis is 2, expected -2 … 1");
    }

    // ---- Trilu

    @Test
    void trilu_ofEachMatrix() {
        Tensor x = count(DType.INT64, 2, 2, 3);
        Shape shape = Shape.of(2, 2, 3);
        OneNode upper = OneNode.of("Trilu").fed(x);
        yields(upper, shape, 0, 1, 2, 0, 4, 5, 6, 7, 8, 0, 10, 11);
        yields(upper.constant(longs(1)), shape, 0, 1, 2, 0, 0, 5, 0, 7, 8, 0, 0, 11);
        yields(upper.with("upper", 0), shape, 0, 1, 0, 3, 4, 5, 6, 7, 0, 9, 10, 11);
    }

    @Test
    void trilu_ofFarDiagonals() {
        Tensor x = count(DType.FLOAT32, 2, 2);
        for (long k : new long[] {9, Long.MAX_VALUE}) {
            OneNode node = OneNode.of("Trilu").fed(x).constant(longs(k));
            yields(node, Shape.of(2, 2), 0, 0, 0, 0);
            yields(node.with("upper", 0), Shape.of(2, 2), 0, 1, 2, 3);
        }
        OneNode node = OneNode.of("Trilu").fed(x).constant(longs(Long.MIN_VALUE));
        yields(node, Shape.of(2, 2), 0, 1, 2, 3);
        refused(OneNode.of("Trilu").fed(longs(1, 2)), "shape [2], expected a matrix");
    }

    // ---- OneHot

    @Test
    void oneHot_alongEachAxis() {
        Tensor off = tensor(DType.FLOAT32, Shape.of(2), -1, 7);
        Tensor x = longs(2, -3, 5);
        OneNode node = OneNode.of("OneHot").fed(x).constant(longs(3)).constant(off);
        yields(node, Shape.of(3, 3), -1, -1, 7, 7, -1, -1, -1, -1, -1);
        yields(node.with("axis", 0), Shape.of(3, 3), -1, 7, -1, -1, -1, -1, 7, -1, -1);
    }

    @Test
    void oneHot_ofOtherTypes() {
        Tensor values = tensor(DType.INT8, Shape.of(2), 0, 1);
        Tensor depth = tensor(DType.FLOAT32, Shape.of(1), 2);
        Tensor x = tensor(DType.FLOAT32, Shape.of(1, 2), 1, -2);
        yields(
                OneNode.of("OneHot").fed(x).constant(depth).fed(values).with("axis", 1),
                Shape.of(1, 2, 2),
                0,
                1,
                1,
                0);
        refused(
                OneNode.of("OneHot").fed(x).constant(longs(0)).fed(values),
                "depth is 0, expected at least 1");
    }

    // ---- NonZero, Compress

    @Test
    void nonZero_coordinates() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(2, 3), 0, NAN, 1, 2, -0.0, 0.5);
        yields(OneNode.of("NonZero").constant(x), Shape.of(2, 4), 0, 0, 1, 1, 1, 2, 0, 2);
        Tensor one = tensor(DType.BOOL, Shape.SCALAR, 1);
        yields(OneNode.of("NonZero").constant(one), Shape.of(1, 1), 0);
        yields(OneNode.of("NonZero").constant(longs(0, 0)), Shape.of(1, 0));
    }

    @Test
    void compress_slices() {
        Tensor x = count(DType.INT32, 3, 2);
        OneNode rows = OneNode.of("Compress").fed(x).constant(bools(1, 0, 1)).with("axis", 0);
        yields(rows, Shape.of(2, 2), 0, 1, 4, 5);
        OneNode columns = OneNode.of("Compress").fed(x).constant(bools(0, 1)).with("axis", -1);
        yields(columns, Shape.of(3, 1), 1, 3, 5);
        yields(OneNode.of("Compress").fed(x).constant(bools(0, 1, 0, 1)), Shape.of(2), 1, 3);
        refused(OneNode.of("Compress").fed(x).constant(longs(1)), "expected a list of bools");
    }

    private static Tensor bools(double... values) {
        return tensor(DType.BOOL, Shape.of(values.length), values);
    }

    // ---- ReverseSequence

    @Test
    void reverseSequence_ofEachLength() {
        Tensor x = count(DType.FLOAT32, 3, 3);
        OneNode timeFirst = OneNode.of("ReverseSequence").fed(x).fed(longs(3, 2, 0));
        yields(timeFirst, Shape.of(3, 3), 6, 4, 2, 3, 1, 5, 0, 7, 8);
        OneNode batchFirst = timeFirst.with("batch_axis", 0).with("time_axis", 1);
        yields(batchFirst, Shape.of(3, 3), 2, 1, 0, 4, 3, 5, 6, 7, 8);
        refused(timeFirst.with("batch_axis", 1).with("time_axis", 1), "expected 0 and 1");
    }

    @Test
    void reverseSequence_longerThanItsStepsIsRefused() {
        Tensor x = count(DType.FLOAT32, 2, 1, 2);
        OneNode node = OneNode.of("ReverseSequence").fed(x);
        String message = "test: node 'n' (ReverseSequence): sequence_lens[0] is 3, expected 0 … 2";
        assertThatThrownBy(() -> run(node.fed(longs(3))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
        refused(OneNode.of("ReverseSequence").fed(x).constant(longs(3)), message);
    }

    // ---- IsNaN, IsInf

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16"})
    void isNaN_isInf(DType dtype) {
        Tensor x = tensor(dtype, Shape.of(4), 1, NAN, INF, -INF);
        yields(OneNode.of("IsNaN").fed(x), Shape.of(4), 0, 1, 0, 0);
        yields(OneNode.of("IsInf").fed(x), Shape.of(4), 0, 0, 1, 1);
        yields(OneNode.of("IsInf").fed(x).with("detect_negative", 0), Shape.of(4), 0, 0, 1, 0);
        yields(OneNode.of("IsInf").fed(x).with("detect_positive", 0), Shape.of(4), 0, 0, 0, 1);
    }
}
