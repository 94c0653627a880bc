package dev.runnel.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.internal.memory.Weights;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

class BroadcastTest {
    private final Call call =
            new Call(
                    "m.onnx",
                    new Node("n", "", "Add", List.of(), List.of("y"), Map.of()),
                    List.of(),
                    new Weights(Arena.ofAuto(), Precision.F32));

    /// Which element of operand k meets each element of the output, by the walk.
    private static List<Long> walked(Broadcast walk, int k) {
        List<Long> elements = new ArrayList<>();
        Broadcast.Cursor cursor = walk.cursor();
        do {
            for (int i = 0; i < walk.length(); i++) {
                elements.add(cursor.at(k) + i * walk.step(k));
            }
        } while (cursor.next());
        return elements;
    }

    /// The same by definition.
    private static List<Long> expected(Shape out, Shape operand) {
        List<Long> elements = new ArrayList<>();
        for (long i = 0; i < out.elements(); i++) {
            long rest = i;
            long element = 0;
            long stride = 1;
            for (int a = out.rank() - 1; a >= 0; a--) {
                long at = rest % out.dim(a);
                rest /= out.dim(a);
                int own = a - out.rank() + operand.rank();
                if (own >= 0) {
                    element += (operand.dim(own) == 1 ? 0 : at) * stride;
                    stride *= operand.dim(own);
                }
            }
            elements.add(element);
        }
        return elements;
    }

    @Test
    void shape_aligned_at_the_last_axis() {
        assertThat(Broadcast.shape(call, Shape.of(2, 1, 4), Shape.of(3, 1), Shape.SCALAR))
                .isEqualTo(Shape.of(2, 3, 4));
        assertThat(Broadcast.shape(call, Shape.of(2, 0), Shape.of(1))).isEqualTo(Shape.of(2, 0));
    }

    @Test
    void shape_with_different_extents_is_refused() {
        assertThatThrownBy(() -> Broadcast.shape(call, Shape.of(2, 3), Shape.of(4)))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m.onnx: node 'n' (Add): inputs have shapes [2, 3], [4], which do not"
                            + " broadcast: 3 against 4 at axis -1, expected equal extents or 1");
        assertThatThrownBy(() -> Broadcast.shape(call, Shape.of(0), Shape.of(3)))
                .isInstanceOf(MalformedModelException.class);
    }

    @Test
    void shape_too_large_is_refused() {
        assertThatThrownBy(() -> Broadcast.shape(call, Shape.of(1L << 40, 1), Shape.of(1L << 40)))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("impossible shape");
    }

    @Test
    void walk_meets_the_elements_that_the_definition_pairs() {
        Shape[][] cases = {
            {Shape.of(2, 3, 4), Shape.of(2, 3, 4), Shape.of(4)},
            {Shape.of(2, 3, 4), Shape.of(2, 1, 4), Shape.of(3, 1)},
            {Shape.of(2, 3, 4), Shape.SCALAR, Shape.of(1, 1, 1)},
            {Shape.of(5, 1, 4, 1), Shape.of(5, 1, 1, 1), Shape.of(4, 1)},
            {Shape.of(2, 2, 2, 2), Shape.of(2, 1, 2, 1), Shape.of(1, 2, 1, 2)},
            {Shape.SCALAR, Shape.SCALAR, Shape.of(1)},
            {Shape.of(2, 0, 3), Shape.of(3), Shape.of(0, 1)},
        };
        for (Shape[] c : cases) {
            Broadcast walk = Broadcast.of(c[0], c[1], c[2], c[0]);
            for (int k = 0; k < 3; k++) {
                Shape operand = k == 2 ? c[0] : c[k + 1];
                assertThat(walked(walk, k))
                        .as(c[0] + " from " + operand)
                        .isEqualTo(expected(c[0], operand));
            }
        }
    }

    @Test
    void walk_of_equal_shapes_is_one_run() {
        Shape s = Shape.of(2, 3, 4);
        Broadcast walk = Broadcast.of(s, s, Shape.SCALAR, s);
        assertThat(walk.length()).isEqualTo(24);
        assertThat(walk.cursor().next()).isFalse();
    }

    @Test
    void cursor_started_again_is_at_the_first_run() {
        Broadcast walk = Broadcast.of(Shape.of(2, 3), Shape.of(2, 1));
        Broadcast.Cursor cursor = walk.cursor();
        assertThat(cursor.next()).isTrue();
        assertThat(cursor.at(0)).isEqualTo(1);
        cursor.start();
        assertThat(cursor.at(0)).isZero();
    }
}
