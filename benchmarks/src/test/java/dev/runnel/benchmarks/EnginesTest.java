package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnginesTest {
    /// Opening checks that the engine computes what Runnel computes.
    @ParameterizedTest
    @ValueSource(strings = {"LSTM-13", "GRU-13", "GRU0-13", "RNN-13", "LSTM-13x3"})
    void open_computesTheSame(String model) {
        for (String engine : new String[] {"onnxRuntime", "naiveOnnxRuntime"}) {
            for (int steps : new int[] {1, 5}) {
                Workload workload = Workload.of(model).steps(steps);
                assertThatCode(() -> Engines.open(engine, workload).close())
                        .doesNotThrowAnyException();
            }
        }
    }

    /// Of the engines that there are: oneDnn only with the profile `peers`.
    @ParameterizedTest
    @CsvSource({
        "runnel, BF16",
        "runnel, INT8",
        "onnxRuntime, INT8",
        "oneDnn, F32",
        "oneDnn, BF16",
        "oneDnn, INT8"
    })
    void open_narrowWeights_computesTheSame(String engine, Workload.Weights weights) {
        requireThere(engine);
        for (String model : new String[] {"LSTM-13", "LSTM-64", "LSTM-13x3"}) {
            for (int steps : new int[] {1, 5}) {
                Workload workload = Workload.of(model).weights(weights).steps(steps);
                assertThatCode(() -> Engines.open(engine, workload).close())
                        .doesNotThrowAnyException();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"LSTM-13", "GRU-13", "RNN-13", "LSTM-13x3", "GRU-13x3"})
    void open_djl_computesTheSame(String model) {
        requireThere("djl");
        for (int steps : new int[] {1, 5}) {
            Workload workload = Workload.of(model).steps(steps);
            assertThatCode(() -> Engines.open("djl", workload).close()).doesNotThrowAnyException();
        }
    }

    private static void requireThere(String engine) {
        assumeTrue(
                Engines.all().stream().anyMatch(e -> e.name().equals(engine)),
                engine + " is not there: build with -Ppeers");
    }

    @ParameterizedTest
    @CsvSource({"LSTM-13, BF16", "GRU-13, INT8"})
    void onnxRuntime_hasNoOtherNarrowWeights(String model, Workload.Weights weights) {
        Workload workload = Workload.of(model).weights(weights);
        assertThatThrownBy(() -> Engines.open("onnxRuntime", workload))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage(workload.op() + " with weights of " + weights);
    }

    @Test
    void requireSame_difference_namesTheElement() {
        assertThatThrownBy(
                        () ->
                                Engines.requireSame(
                                        "x", new float[] {0, 1}, new float[] {0, 1.1f}, 1e-4f))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "x: output[1] is 1.0, Runnel's is 1.1; they may differ by 1.0E-4 at most");
    }

    @Test
    void unknownEngine_isRefused() {
        assertThatThrownBy(() -> Engines.open("abacus", Workload.of("LSTM-8")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("no engine 'abacus'; there are [runnel, onnxRuntime, ");
    }

    @Test
    void unknownModel_isRefused() {
        assertThatThrownBy(() -> Workload.of("LSTM128"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("model is 'LSTM128', expected one such as LSTM-128 or LSTM-128x16");
    }
}
