package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// How long does one step of one stream take with weights of 16 or 8 bits? Each is checked against
/// f32 within what its precision allows.
///
/// ```
/// benchmarks/run Precision
/// ```
public class Precision extends LayerBenchmark {
    /// The model and the weights.
    @Param({
        "LSTM-128-f32",
        "LSTM-128-bf16",
        "LSTM-128-int8",
        "LSTM-256-f32",
        "LSTM-256-bf16",
        "LSTM-256-int8",
        "LSTM-512-f32",
        "LSTM-512-bf16",
        "LSTM-512-int8",
        "LSTM-1024-f32",
        "LSTM-1024-bf16",
        "LSTM-1024-int8",
        "LSTM-2048-f32",
        "LSTM-2048-bf16",
        "LSTM-2048-int8"
    })
    String model = "";

    @Param({"runnel", "onnxRuntime", "oneDnn"})
    String engine = "";

    @Setup
    public void open() throws Exception {
        int dash = model.lastIndexOf('-');
        Workload.Weights weights =
                Workload.Weights.valueOf(
                        model.substring(dash + 1).toUpperCase(java.util.Locale.ROOT));
        call = Engines.open(engine, Workload.of(model.substring(0, dash)).weights(weights));
    }
}
