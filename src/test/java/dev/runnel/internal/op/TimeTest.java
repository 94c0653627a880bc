package dev.runnel.internal.op;

import static dev.runnel.internal.op.LayoutTest.count;
import static dev.runnel.internal.op.LayoutTest.longs;
import static dev.runnel.internal.op.LayoutTest.pad;
import static dev.runnel.internal.op.LayoutTest.reshape;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.util.Arrays;

/// How time passes through operators that move elements: which nodes may be run step by step.
class TimeTest {
    private static final Tensor X = count(DType.FLOAT32, 2, 5, 3);
    private static final Tensor LAST = Tensor.ofLongs(Shape.SCALAR, -1);

    /// The obstacle where input 0 has its time axis at `in`, other inputs none.
    private static String obstacle(OneNode node, int in, int... out) {
        Call call = node.call(Arena.ofAuto());
        int[] axes = new int[call.inputCount()];
        Arrays.fill(axes, -1);
        axes[0] = in;
        return obstacle(node, axes, out);
    }

    private static String obstacle(OneNode node, int[] in, int[] out) {
        Call call = node.call(Arena.ofAuto());
        call.setOutputTypes(node.operator().infer(call));
        return String.valueOf(node.operator().timeObstacle(call, in, out));
    }

    private static OneNode slice(long start, long end, long step) {
        return LayoutTest.slice(
                X, new long[] {start}, new long[] {end}, new long[] {1}, new long[] {step});
    }

    @Test
    void reshape_passesTimeThatKeepsItsPlace() {
        assertThat(obstacle(reshape(X, 2, 15), 1, 1)).isEqualTo("null");
        assertThat(obstacle(reshape(X, 1, 2, 5, 3), 1, 2)).isEqualTo("null");
        assertThat(obstacle(reshape(X, 10, 3), 1, 0))
                .isEqualTo("merges the time axis of [2, 5, 3] with axes before it into [10, 3]");
        assertThat(obstacle(reshape(X, 5, 6), 1, 0)).contains("merges");
    }

    @Test
    void transpose_movesTime() {
        OneNode node = OneNode.of("Transpose").fed(X).with("perm", new long[] {1, 0, 2});
        assertThat(obstacle(node, 1, 0)).isEqualTo("null");
        assertThat(obstacle(node, 1, 1)).isEqualTo("loses the time axis");
    }

    @Test
    void slice_passesAllStepsOrTheLast() {
        assertThat(obstacle(slice(0, Long.MAX_VALUE, 1), 1, 1)).isEqualTo("null");
        assertThat(obstacle(slice(-1, Long.MAX_VALUE, 1), 1, -1)).isEqualTo("null");
        assertThat(obstacle(slice(0, 1, 1), 1, -1)).isEqualTo("picks time steps");
        assertThat(obstacle(slice(0, -1, 1), 1, 1)).isEqualTo("picks time steps");
        assertThat(obstacle(slice(1, Long.MAX_VALUE, 1), 1, 1)).isEqualTo("picks time steps");
        assertThat(obstacle(slice(-1, Long.MIN_VALUE, -1), 1, 1)).isEqualTo("picks time steps");
        assertThat(obstacle(slice(0, 1, 1), 2, 2)).isEqualTo("null");
    }

    @Test
    void gather_picksTheLastStepOrLooksUp() {
        OneNode last = OneNode.of("Gather").fed(X).constant(LAST).with("axis", 1);
        assertThat(obstacle(last, 1, -1)).isEqualTo("null");
        assertThat(obstacle(last, 2, 1)).isEqualTo("null");
        assertThat(obstacle(last, 0, 0)).isEqualTo("null");
        OneNode first = OneNode.of("Gather").fed(X).constant(longs(0)).with("axis", 1);
        assertThat(obstacle(first, 1, -1)).isEqualTo("picks time steps");
        OneNode embedding =
                OneNode.of("Gather").constant(count(DType.FLOAT32, 9, 4)).fed(longs(1, 2, 3));
        assertThat(obstacle(embedding, new int[] {-1, 0}, new int[] {0})).isEqualTo("null");
        assertThat(obstacle(embedding, new int[] {0, 0}, new int[] {0})).contains("differs");
    }

    @Test
    void joining_passesTimeAlongOtherAxes() {
        OneNode concat = OneNode.of("Concat").fed(X).fed(X).with("axis", 2);
        assertThat(obstacle(concat, new int[] {1, 1}, new int[] {1})).isEqualTo("null");
        assertThat(obstacle(concat, new int[] {2, -1}, new int[] {2}))
                .isEqualTo("joins tensors along the time axis");
        OneNode split = OneNode.of("Split").fed(X).with("axis", 0).outputs(2);
        assertThat(obstacle(split, 1, 1, 1)).isEqualTo("null");
        assertThat(obstacle(split, 0, -1, -1)).isEqualTo("splits the time axis");
    }

    @Test
    void pad_passesTimeThatIsNotPadded() {
        OneNode node = pad(X, "constant", 0, 0, 1, 0, 0, 1);
        assertThat(obstacle(node, 1, 1)).isEqualTo("null");
        assertThat(obstacle(node, 2, 2)).isEqualTo("pads the time axis");
    }

    @Test
    void tile_passesTimeThatIsNotRepeated() {
        OneNode node = OneNode.of("Tile").fed(X).constant(longs(1, 1, 2));
        assertThat(obstacle(node, 1, 1)).isEqualTo("null");
        assertThat(obstacle(node, 2, 2)).isEqualTo("repeats time steps");
    }

    @Test
    void elementwise_needsAlignedTime() {
        OneNode node = OneNode.of("Less").fed(X).fed(count(DType.FLOAT32, 5, 1));
        assertThat(obstacle(node, new int[] {1, 0}, new int[] {1})).isEqualTo("null");
        assertThat(obstacle(node, new int[] {1, -1}, new int[] {1})).isEqualTo("null");
        assertThat(obstacle(node, new int[] {0, 0}, new int[] {0})).contains("does not align");
        OneNode cast = OneNode.of("Cast").fed(X).with("to", 7);
        assertThat(obstacle(cast, 1, 1)).isEqualTo("null");
    }

    @Test
    void range_numbersTheSteps() {
        OneNode node =
                OneNode.of("Range")
                        .constant(Tensor.ofLongs(Shape.SCALAR, 0))
                        .constant(Tensor.ofLongs(Shape.SCALAR, 4))
                        .constant(Tensor.ofLongs(Shape.SCALAR, 1));
        assertThat(obstacle(node, new int[] {-1, -1, -1}, new int[] {0}))
                .isEqualTo("numbers the time steps");
    }

    @Test
    void scatterNd_passesTimeInsideItsBlocks() {
        OneNode node =
                OneNode.of("ScatterND")
                        .fed(X)
                        .constant(Tensor.ofLongs(Shape.of(1, 1), 1))
                        .fed(count(DType.FLOAT32, 1, 5, 3));
        assertThat(obstacle(node, new int[] {1, -1, 1}, new int[] {1})).isEqualTo("null");
        assertThat(obstacle(node, new int[] {0, -1, 0}, new int[] {0})).contains("scatters");
    }
}
