package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// [Model#plan] says what [Model#compile] says, and reads no weights.
class PlannedModelTest {
    private static Tensor tensor(Arena arena, long... dims) {
        TensorType type = new TensorType(DType.FLOAT32, Shape.of(dims));
        return new Tensor(type, arena.allocate(type.byteSize(), 64));
    }

    private static Node node(String op, List<String> inputs, String output) {
        return new Node(op, "", op, inputs, List.of(output), Map.of());
    }

    /// An LSTM, a projected one, a product, a Gemm, a convolution, and a product of constants.
    private static Graph graph(Arena arena) {
        Map<String, Tensor> c = new HashMap<>();
        c.put("W", tensor(arena, 1, 4 * 7, 5));
        c.put("R", tensor(arena, 1, 4 * 7, 7));
        c.put("W2", tensor(arena, 1, 4 * 8, 7));
        c.put("R2", tensor(arena, 1, 4 * 8, 3));
        c.put("P2", tensor(arena, 1, 3, 8));
        c.put("m", tensor(arena, 3, 6));
        c.put("g", tensor(arena, 6, 9));
        c.put("k", tensor(arena, 4, 1, 2));
        c.put("one", Tensor.ofLongs(Shape.of(1), 1));
        c.put("row", Tensor.ofLongs(Shape.of(2), -1, 6));
        c.put("image", Tensor.ofLongs(Shape.of(3), 1, 1, -1));
        c.put("a", Tensor.ofFloats(Shape.of(1, 2), 1, 2));
        c.put("b", Tensor.ofFloats(Shape.of(2, 1), 3, 4));
        List<Node> nodes =
                List.of(
                        node("LSTM", List.of("x", "W", "R"), "y1"),
                        node("Squeeze", List.of("y1", "one"), "y1.s"),
                        new Node(
                                "lstmp",
                                "dev.runnel",
                                "LSTM",
                                List.of("y1.s", "W2", "R2", "", "", "", "", "", "P2"),
                                List.of("y2"),
                                Map.of("hidden_size", new Attribute.OfLong(8))),
                        node("MatMul", List.of("y2", "m"), "y3"),
                        new Node("r", "", "Reshape", List.of("y3", "row"), List.of("y4"), Map.of()),
                        node("Gemm", List.of("y4", "g"), "y5"),
                        new Node(
                                "i",
                                "",
                                "Reshape",
                                List.of("y5", "image"),
                                List.of("y6"),
                                Map.of()),
                        node("Conv", List.of("y6", "k"), "y7"),
                        new Node("ab", "", "MatMul", List.of("a", "b"), List.of("ab"), Map.of()),
                        node("Add", List.of("y7", "ab"), "y"));
        return new Graph(
                "g",
                List.of(
                        new ValueInfo(
                                "x",
                                DType.FLOAT32,
                                List.of(
                                        ValueInfo.Dim.of("T"),
                                        ValueInfo.Dim.of(1),
                                        ValueInfo.Dim.of(5)))),
                List.of(new ValueInfo("y", DType.FLOAT32, null)),
                c,
                nodes,
                Map.of());
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void planned_saysTheSame_withoutReadingWeights(Precision precision) {
        Options options = Options.defaults().stateful().weights(precision);
        Arena arena = Arena.ofShared();
        Graph graph = graph(arena);
        try (Model compiled = Model.compile(graph, options)) {
            arena.close(); // whoever reads weights now fails
            try (Model planned = Model.plan(graph, options)) {
                assertThat(planned.describe()).isEqualTo(compiled.describe()).contains("LSTM");
                assertThat(planned.weightBytes()).isEqualTo(compiled.weightBytes()).isPositive();
                assertThat(planned.stateBytes()).isEqualTo(compiled.stateBytes()).isPositive();
                assertThat(planned.stepObstacle()).isEqualTo(compiled.stepObstacle());
                assertThat(planned.inputs()).isEqualTo(compiled.inputs());
                assertThat(planned.outputs()).isEqualTo(compiled.outputs());
                assertThat(planned.states()).isEqualTo(compiled.states());
                assertThat(planned.parameters()).isEqualTo(compiled.parameters());
            }
        }
    }

    @Test
    void planned_cannotBeRun() {
        try (Arena arena = Arena.ofShared();
                Model planned = Model.plan(graph(arena), Options.defaults().stateful())) {
            String message =
                    "the model g was planned only and has no weights; call Model.compile to run it";
            assertThatThrownBy(planned::open)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(message);
            assertThatThrownBy(planned::newState).hasMessage(message);
            assertThatThrownBy(planned::roundings).hasMessage(message);
        }
    }
}
