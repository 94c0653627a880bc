package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

class StepMeterTest {
    private static final long I = 16;
    private static final long H = 256;

    private static Graph lstm() {
        Shape w = Shape.of(1, 4 * H, I);
        Shape r = Shape.of(1, 4 * H, H);
        return new Graph(
                "lstm",
                List.of(ValueInfo.of("x", new TensorType(DType.FLOAT32, Shape.of(1, 1, I)))),
                List.of(ValueInfo.of("y", new TensorType(DType.FLOAT32, Shape.of(1, 1, 1, H)))),
                Map.of(
                        "w", Tensor.ofFloats(w, new float[(int) w.elements()]),
                        "r", Tensor.ofFloats(r, new float[(int) r.elements()])),
                List.of(
                        new Node(
                                "n",
                                "",
                                "LSTM",
                                List.of("x", "w", "r"),
                                List.of("y"),
                                Map.of("hidden_size", new Attribute.OfLong(H)))),
                Map.of());
    }

    /// The threads that a session starts are objects: with a session for each block, none was
    /// without garbage, and the last second was as good as the tenth.
    @Test
    void warmUp_ofSeveralThreads_endsWhenStepsAllocateNothing() {
        Options two = Options.defaults().stateful().kernels(Options.KernelSet.SCALAR).threads(2);
        try (Model model = Model.compile(lstm(), two)) {
            long start = System.nanoTime();
            StepMeter.warmUp(model, 1);
            assertThat(System.nanoTime() - start).isLessThan(9_000_000_000L);
        }
    }
}
