package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;

import dev.runnel.Options;
import dev.runnel.graph.Tensor;

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
        List<String> failures = new ArrayList<>();
        int refused = 0;
        for (int i = 0; i < NODES; i++) {
            RandomOperator drawn = new RandomOperator(SEED + i);
            Map<String, Tensor> want;
            try {
                want = OnnxRuntimeTest.onnxRuntime(drawn.bytes(), drawn.inputs);
            } catch (OrtException e) {
                refused++;
                continue;
            }
            try {
                compare(drawn, want, failures);
            } catch (RuntimeException | java.io.IOException e) {
                failures.add(drawn + ": " + e);
            }
        }
        assertThat(failures).isEmpty();
        assertThat(refused).as("draws that ONNX Runtime refuses").isLessThan(NODES / 20);
    }

    private static void compare(
            RandomOperator drawn, Map<String, Tensor> want, List<String> failures)
            throws java.io.IOException {
        byte[] bytes = drawn.bytes();
        Tensor y = OnnxRuntimeTest.got(want, "y");
        Tensor scalar =
                OnnxRuntimeTest.got(
                        OnnxRuntimeTest.runnel(bytes, drawn.inputs, Options.KernelSet.SCALAR), "y");
        Tensor vector =
                OnnxRuntimeTest.got(
                        OnnxRuntimeTest.runnel(bytes, drawn.inputs, Options.KernelSet.VECTOR), "y");
        String difference = OnnxRuntimeTest.difference("y", scalar, y);
        if (difference != null) {
            failures.add(drawn + ": " + difference);
        } else if (!OnnxRuntimeTest.sameBits(scalar, vector)) {
            failures.add(drawn + ": scalar and vector kernels differ");
        }
    }
}
