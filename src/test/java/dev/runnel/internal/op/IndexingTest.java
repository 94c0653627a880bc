package dev.runnel.internal.op;

import static dev.runnel.internal.op.LayoutTest.count;
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

/// Operators that pick or place elements by indices. What is expected was worked out with NumPy.
class IndexingTest {
    private static Tensor longs(Shape shape, long... values) {
        return Tensor.ofLongs(shape, values);
    }

    // ---- Gather

    @ParameterizedTest
    @EnumSource(DType.class)
    void gather_ofEveryType(DType dtype) {
        Tensor x = count(dtype, 2, 3);
        OneNode node =
                OneNode.of("Gather").fed(x).fed(LayoutTest.longs(2, 0, -1, 1)).with("axis", 1);
        Tensor y = run(node).getFirst();
        assertThat(y.shape()).isEqualTo(Shape.of(2, 4));
        int[] from = {2, 0, 2, 1, 5, 3, 5, 4};
        for (int i = 0; i < 8; i++) {
            assertThat(y.getDouble(i)).isEqualTo(x.getDouble(from[i]));
        }
    }

    @Test
    void gather_ofBlocks() {
        Tensor x = count(DType.FLOAT32, 3, 2);
        Shape shape = Shape.of(2, 2);
        double[] expected = {2, 3, 0, 1, 4, 5, 0, 1};
        Tensor indices = longs(shape, 1, 0, -1, -3);
        yields(OneNode.of("Gather").fed(x).fed(indices), Shape.of(2, 2, 2), expected);
        yields(OneNode.of("Gather").fed(x).constant(indices), Shape.of(2, 2, 2), expected);
        Tensor ints = tensor(DType.INT32, shape, 1, 0, -1, -3);
        yields(OneNode.of("Gather").fed(x).fed(ints), Shape.of(2, 2, 2), expected);
    }

    @Test
    void gather_ofEvenlySpacedIndices() {
        Tensor x = count(DType.FLOAT32, 2, 5);
        yields(
                OneNode.of("Gather")
                        .fed(x)
                        .constant(LayoutTest.longs(-1, 2, 0, -2))
                        .with("axis", 1),
                Shape.of(2, 4),
                4,
                2,
                0,
                3,
                9,
                7,
                5,
                8);
        yields(
                OneNode.of("Gather").fed(x).constant(LayoutTest.longs(-1, 2, 0)).with("axis", 1),
                Shape.of(2, 3),
                4,
                2,
                0,
                9,
                7,
                5);
        yields(
                OneNode.of("Gather").fed(x).constant(longs(Shape.SCALAR, -1)).with("axis", 1),
                Shape.of(2),
                4,
                9);
        yields(
                OneNode.of("Gather").fed(x).constant(LayoutTest.longs(3, 3)).with("axis", -1),
                Shape.of(2, 2),
                3,
                3,
                8,
                8);
        yields(
                OneNode.of("Gather").fed(x).constant(LayoutTest.longs()).with("axis", 1),
                Shape.of(2, 0));
    }

    @Test
    void gather_outOfRangeIsRefusedWhenCompiled() {
        refused(
                OneNode.of("Gather").fed(count(DType.FLOAT32, 3)).constant(LayoutTest.longs(0, 3)),
                "test: node 'n' (Gather): index 3 (number 1 of the indices) is out of range,"
                        + " expected -3 … 2 for an axis of extent 3");
        refused(
                OneNode.of("Gather").fed(count(DType.FLOAT32, 3)).constant(count(DType.INT8, 1)),
                "indices have element type int8, expected int32 or int64");
        refused(
                OneNode.of("Gather").fed(count(DType.FLOAT32)).constant(LayoutTest.longs(0)),
                "axis is 0");
    }

    @Test
    void gather_outOfRangeIsRefusedWhenRun() {
        for (long index : new long[] {3, -4, Long.MAX_VALUE, Long.MIN_VALUE}) {
            assertThatThrownBy(
                            () ->
                                    run(
                                            OneNode.of("Gather")
                                                    .fed(count(DType.FLOAT32, 3, 2))
                                                    .fed(LayoutTest.longs(1, index))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "test: node 'n' (Gather): index "
                                    + index
                                    + " (number 1 of the indices) is out of range, expected"
                                    + " -3 … 2 for an axis of extent 3");
        }
    }

    // ---- GatherElements, ScatterElements

    @Test
    void gatherElements_alongEachAxis() {
        Tensor x = count(DType.FLOAT32, 3, 3);
        Tensor i = longs(Shape.of(2, 3), 1, 2, 0, 2, 0, -3);
        yields(OneNode.of("GatherElements").fed(x).fed(i), Shape.of(2, 3), 3, 7, 2, 6, 1, 2);
        yields(
                OneNode.of("GatherElements").fed(x).fed(i).with("axis", 1),
                Shape.of(2, 3),
                1,
                2,
                0,
                5,
                3,
                3);
        refused(
                OneNode.of("GatherElements").fed(count(DType.FLOAT32, 3, 2)).fed(i),
                "indices have shape [2, 3], expected the rank and, but for axis 0, at most the"
                        + " extents of data [3, 2]");
    }

    @Test
    void scatterElements_reduces() {
        Tensor x = count(DType.FLOAT32, 1, 4);
        Tensor i = longs(Shape.of(1, 3), 1, -1, 1);
        Tensor u = tensor(DType.FLOAT32, Shape.of(1, 3), 10, 20, 30);
        OneNode plain = OneNode.of("ScatterElements").fed(x).fed(i).fed(u).with("axis", 1);
        yields(plain, Shape.of(1, 4), 0, 30, 2, 20);
        yields(plain.with("reduction", "add"), Shape.of(1, 4), 0, 41, 2, 23);
        yields(plain.with("reduction", "mul"), Shape.of(1, 4), 0, 300, 2, 60);
        yields(plain.with("reduction", "max"), Shape.of(1, 4), 0, 30, 2, 20);
        yields(plain.with("reduction", "min"), Shape.of(1, 4), 0, 1, 2, 3);
        refused(plain.with("reduction", "mean"), "reduction is 'mean', expected none, add");
    }

    // ---- GatherND, ScatterND

    @Test
    void gatherNd_picksBlocks() {
        Tensor x = count(DType.INT32, 2, 2, 2);
        yields(
                OneNode.of("GatherND").fed(x).fed(longs(Shape.of(2, 2), 0, 1, -1, 0)),
                Shape.of(2, 2),
                2,
                3,
                4,
                5);
        yields(
                OneNode.of("GatherND")
                        .fed(x)
                        .fed(longs(Shape.of(2, 1), 1, 0))
                        .with("batch_dims", 1),
                Shape.of(2, 2),
                2,
                3,
                4,
                5);
        yields(
                OneNode.of("GatherND").fed(x).fed(longs(Shape.of(1, 1, 3), 1, 1, 0)),
                Shape.of(1, 1),
                6);
        refused(
                OneNode.of("GatherND").fed(x).fed(longs(Shape.of(1, 4), 0, 0, 0, 0)),
                "expected [..., K] with K ≤ 3");
        refused(
                OneNode.of("GatherND").fed(x).constant(longs(Shape.of(1, 2), 1, 2)),
                "index 2 (number 1 of the indices) is out of range");
    }

    @Test
    void scatterNd_placesBlocks() {
        Tensor x = count(DType.FLOAT32, 3, 2);
        Tensor i = longs(Shape.of(2, 1), 2, 0);
        Tensor u = tensor(DType.FLOAT32, Shape.of(2, 2), 10, 20, 30, 40);
        yields(
                OneNode.of("ScatterND").fed(x).constant(i).fed(u),
                Shape.of(3, 2),
                30,
                40,
                2,
                3,
                10,
                20);
        yields(OneNode.of("ScatterND").fed(x).fed(i).fed(u), Shape.of(3, 2), 30, 40, 2, 3, 10, 20);
        yields(
                OneNode.of("ScatterND").fed(x).fed(i).fed(u).with("reduction", "add"),
                Shape.of(3, 2),
                30,
                41,
                2,
                3,
                14,
                25);
        yields(
                OneNode.of("ScatterND")
                        .fed(count(DType.UINT64, 4))
                        .fed(longs(Shape.of(3, 1), 1, 1, 3))
                        .fed(tensor(DType.UINT64, Shape.of(3), 5, 7, 2))
                        .with("reduction", "max"),
                Shape.of(4),
                0,
                7,
                2,
                3);
        refused(
                OneNode.of("ScatterND").fed(x).fed(i).fed(count(DType.FLOAT32, 2)),
                "updates have shape [2], expected [2, 2] = indices [2, 1] without K=1, data [3, 2]"
                        + " from axis 1");
    }

    @Test
    void scatterNd_outOfRangeIsRefusedWhenRun() {
        assertThatThrownBy(
                        () ->
                                run(
                                        OneNode.of("ScatterND")
                                                .fed(count(DType.FLOAT32, 3))
                                                .fed(longs(Shape.of(1, 1), -4))
                                                .fed(count(DType.FLOAT32, 1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("index -4 (number 0 of the indices) is out of range");
    }
}
