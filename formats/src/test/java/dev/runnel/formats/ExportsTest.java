package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Cells and scripted loops as PyTorch 1.13 exports them (`exports.py` made the files, with
/// PyTorch's own results): what is fused, and that it computes the same.
class ExportsTest {
    @ParameterizedTest
    @CsvSource({
        "lstmcell_2, LSTM, 1, 0",
        "grucell_2, GRU, 1, 0",
        "rnncell_2, RNN, 1, 0",
        "stack, LSTM, 2, 0",
        "chunk, LSTM, 1, 0",
        "hard, LSTM, 1, 0",
        "unrolled, LSTM, 4, 0",
        "s_lstm_11, LSTM, 2, 1",
        "s_lstm_16, LSTM, 2, 1",
        "s_manual_16, LSTM, 3, 1",
        "s_carried_16, LSTM, 3, 1",
        "s_while_16, LSTM, 1, 0",
    })
    void export_ofPyTorch_isFusedAndEqual(String name, String op, int fusions, int sequences)
            throws Exception {
        Path folder =
                Path.of(Objects.requireNonNull(getClass().getResource("exports/" + name)).toURI());
        Graph graph = Models.read(folder.resolve("model.onnx"));
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            Path data = folder.resolve("test_data_set_0");
            int i = 0;
            for (Port port : model.inputs()) {
                inputs.put(port.name(), TensorFile.read(data.resolve("input_" + i++ + ".pb")));
            }
            Map<String, Tensor> outputs = session.run(inputs);
            int o = 0;
            for (Port port : model.outputs()) {
                Tensor want = TensorFile.read(data.resolve("output_" + o++ + ".pb"));
                Tensor got = Objects.requireNonNull(outputs.get(port.name()));
                assertThat(got.type()).isEqualTo(want.type());
                for (long e = 0; e < want.elements(); e++) {
                    double w = want.getDouble(e);
                    assertThat(Math.abs(got.getDouble(e) - w))
                            .as("%s[%d]", port.name(), e)
                            .isLessThanOrEqualTo(1e-5 + 1e-4 * Math.abs(w));
                }
            }
            assertThat(model.fusions()).hasSize(fusions).anyMatch(f -> f.startsWith(op));
            assertThat(model.fusions())
                    .filteredOn(f -> f.contains("over the sequence"))
                    .hasSize(sequences);
        }
    }
}
