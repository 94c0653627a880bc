package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoadTimeTest {
    @ParameterizedTest
    @ValueSource(strings = {"runnel", "runnelRead", "onnxRuntime", "copyFile", "readFile"})
    void load_everyEngine_loads(String engine) {
        for (String model : new String[] {"LSTM-13", "GRU-13-first", "3xLSTM-13"}) {
            assertThatCode(() -> load(model, engine)).doesNotThrowAnyException();
        }
    }

    @Test
    void load_narrowWeights_areRunnelsOnly() {
        assertThatCode(() -> load("LSTM-13-bf16", "runnel")).doesNotThrowAnyException();
        assertThatThrownBy(() -> load("LSTM-13-int8", "onnxRuntime"))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("ONNX Runtime keeps the file's weights");
    }

    private static void load(String model, String engine) throws Exception {
        LoadTime question = new LoadTime();
        question.model = model;
        question.engine = engine;
        question.writeModel();
        try {
            question.load();
        } finally {
            question.close();
        }
    }
}
