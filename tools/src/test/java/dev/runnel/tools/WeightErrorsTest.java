package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.formats.StoredPrecision;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

class WeightErrorsTest {
    private static Tensor matrix(float... values) {
        return Tensor.ofFloats(Shape.of(2, 2), values);
    }

    private static Node node(String name, String op, String in, String weight, String out) {
        return new Node(name, "", op, List.of(in, weight), List.of(out), Map.of());
    }

    private static Attribute branch(Map<String, Tensor> constants, String out, Node... nodes) {
        ValueInfo y = new ValueInfo(out, DType.FLOAT32, null);
        return new Attribute.OfGraph(
                new Graph("", List.of(), List.of(y), constants, List.of(nodes), Map.of()));
    }

    /// Two branches with a `w` each, one of which is turned first, and a `v` around them.
    private static Graph graph() {
        Map<String, Attribute> branches = new HashMap<>();
        branches.put(
                "then_branch",
                branch(
                        Map.of("w", matrix(1, 0, 0.503f, 1)),
                        "b",
                        node("m/1", "MatMul", "x", "w", "a"),
                        node("m/2", "MatMul", "a", "v", "b")));
        Node turn = new Node("t", "", "Transpose", List.of("w"), List.of("w.T"), Map.of());
        branches.put(
                "else_branch",
                branch(
                        Map.of("w", matrix(1, 0.502f, 0, 1)),
                        "b",
                        turn,
                        node("m", "MatMul", "x", "w.T", "b")));
        return new Graph(
                "g",
                List.of(new ValueInfo("x", DType.FLOAT32, null)),
                List.of(new ValueInfo("y", DType.FLOAT32, null)),
                Map.of("v", matrix(0, 1, 1, 0.501f)),
                List.of(new Node("if/0", "", "If", List.of("c"), List.of("y"), branches)),
                Map.of());
    }

    @Test
    void weightsOfBranches_areNamedByTheirBranch_andBySumsOfTheirLayers() {
        Graph graph = graph();
        Graph stored = StoredPrecision.INT8.store(graph);
        List<WeightErrors> worst = WeightErrors.worst(graph, stored, 9);
        assertThat(worst.stream().map(e -> e.toString().replaceAll("  max.*", "")))
                .containsExactlyInAnyOrder(
                        "if/0.then_branch/w column 0", "if/0.else_branch/w row 0", "v column 1");
    }
}
