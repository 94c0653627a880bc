package dev.runnel;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

class LargeExtentTest {
    @Test
    void gemm_ofAnEmptyMatrixOfImmenseExtent_isRefused() {
        ValueInfo x = ValueInfo.of("x", new TensorType(DType.FLOAT32, Shape.of(0, 1L << 40)));
        ValueInfo y = ValueInfo.of("y", new TensorType(DType.FLOAT32, Shape.of(0, 0)));
        Node node = new Node("g", "", "Gemm", List.of("x", "x"), List.of("y"), Map.of());
        Graph graph = new Graph("big", List.of(x), List.of(y), Map.of(), List.of(node), Map.of());
        assertThatThrownBy(() -> Model.compile(graph))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "big: node 'g' (Gemm): has an extent, or a product of extents, beyond 2^31"
                                + " - 1");
    }
}
