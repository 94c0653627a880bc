package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtException;

import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Operators on quantised numbers with random shapes, scales and zero points against ONNX Runtime:
/// integers are equal. More of them: `-Drunnel.random.quantized=5000`; others:
/// `-Drunnel.random.seed=7`.
class RandomQuantizedTest {
    private static final int NODES = Integer.getInteger("runnel.random.quantized", 400);
    private static final long SEED = Long.getLong("runnel.random.seed", 20_261_125);

    @Test
    void randomQuantizedOperators_equalOnnxRuntime() {
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        List<String> failures = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            RandomQuantized drawn = new RandomQuantized(SEED + i);
            Map<String, Tensor> want;
            try {
                want = OnnxRuntime.run(drawn.model(), drawn.inputs);
            } catch (OrtException e) {
                refused.add(drawn + ": " + e.getMessage());
                continue;
            }
            String difference;
            try {
                difference =
                        Agreement.near(
                                new Runs(drawn.model()).run(KernelSet.SCALAR, drawn.inputs),
                                want,
                                1e-5,
                                1e-4);
            } catch (RuntimeException e) {
                difference = e.toString();
            }
            if (difference != null) {
                failures.add(drawn + ": " + difference);
            }
        }
        assertThat(failures).isEmpty();
        assertThat(refused).as("draws that ONNX Runtime refuses").hasSizeLessThan(NODES / 20);
    }
}
