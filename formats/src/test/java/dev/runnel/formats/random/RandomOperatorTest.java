package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtException;

import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Single operators with random shapes and attributes against ONNX Runtime, on both sets of
/// kernels. More of them: `-Drunnel.random.operators=5000`; others: `-Drunnel.random.seed=7`.
class RandomOperatorTest {
    private static final int NODES = Integer.getInteger("runnel.random.operators", 600);
    private static final long SEED = Long.getLong("runnel.random.seed", 20_261_124);

    @Test
    void randomOperators_equalOnnxRuntime() {
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        List<String> failures = new ArrayList<>();
        int refused = 0;
        for (int i = 0; i < NODES; i++) {
            RandomOperator drawn = new RandomOperator(SEED + i);
            Map<String, Tensor> want;
            try {
                want = OnnxRuntime.run(drawn.model(), drawn.inputs);
            } catch (OrtException e) {
                refused++;
                continue;
            }
            String difference;
            try {
                difference = difference(drawn, want);
            } catch (RuntimeException e) {
                difference = e.toString();
            }
            if (difference != null) {
                failures.add(drawn + ": " + difference);
            }
        }
        assertThat(failures).isEmpty();
        assertThat(refused).as("draws that ONNX Runtime refuses").isLessThan(NODES / 20);
    }

    private static @Nullable String difference(RandomOperator drawn, Map<String, Tensor> want) {
        Runs runs = new Runs(drawn.model());
        Map<String, Tensor> scalar = runs.run(KernelSet.SCALAR, drawn.inputs);
        String difference = Agreement.near(scalar, want, 1e-5, 1e-4);
        if (difference != null) {
            return difference;
        }
        difference = Agreement.same(runs.run(KernelSet.VECTOR, drawn.inputs), scalar);
        return difference == null ? null : "by vector kernels " + difference;
    }
}
