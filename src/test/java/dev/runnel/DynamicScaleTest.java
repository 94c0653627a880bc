package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Random;

/// Quantised products before a recurrence, whose scale is made of whole sequences.
class DynamicScaleTest {
    private static Graph graph() {
        Random random = new Random(1);
        return new GraphBuilder("g")
                .input("x", DType.FLOAT32, "T", 1, 2)
                .output("y", DType.FLOAT32, "T", 1, 1, 3)
                .constant("identity", Tensor.ofLongs(Shape.of(2, 2), 1, 0, 0, 1))
                .weights("W", random, 1, 3, 2)
                .weights("R", random, 1, 3, 3)
                .node("Cast", "identity", "m", to(DType.INT8))
                .node("DynamicQuantizeLinear", "x", "q s z")
                .node("MatMulInteger", "q m z", "i")
                .node("Cast", "i", "f", to(DType.FLOAT32))
                .node("Mul", "f s", "a")
                .node("RNN", "a W R", "y", Map.of("hidden_size", new Attribute.OfLong(3)))
                .build();
    }

    private static Map<String, Attribute> to(DType type) {
        return Map.of("to", new Attribute.OfLong(type.onnxCode()));
    }

    @Test
    void sequence_isRunWhole_notStepped() {
        try (Model model = Model.compile(graph(), Options.defaults().stateful())) {
            assertThat(model.stepObstacle().orElseThrow())
                    .isEqualTo(
                            "cannot step: node 'DynamicQuantizeLinear_q' (DynamicQuantizeLinear)"
                                    + " takes its scale from all time steps; call run(x, y)");
        }
    }

    /// With one step a call, as ONNX Runtime would be fed, each has a scale of its own.
    @Test
    void oneStepACall_isStepped() {
        Options options = Options.defaults().stateful().shape("x", 1, 1, 2);
        try (Model model = Model.compile(graph(), options);
                Session session = model.open();
                State state = model.newState()) {
            float[] first = new float[2];
            for (int t = 0; t < 2; t++) {
                session.input("x").setAtIndex(ValueLayout.JAVA_FLOAT, 0, 1);
                session.step(state);
                first[t] = session.output("y").get(ValueLayout.JAVA_FLOAT, 0);
            }
            assertThat(first[0]).isNotEqualTo(first[1]); // the state goes on
        }
    }
}
