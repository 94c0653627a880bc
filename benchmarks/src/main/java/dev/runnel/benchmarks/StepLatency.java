package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// How long does one step of one stream take, from the input written to the output there?
///
/// ```
/// benchmarks/run StepLatency
/// ```
public class StepLatency extends LayerBenchmark {
    @Param({
        "LSTM-32",
        "LSTM-64",
        "LSTM-100",
        "LSTM-128",
        "LSTM-129",
        "LSTM-256",
        "LSTM-512",
        "LSTM-1024",
        "LSTM-2048",
        "GRU-128",
        "GRU-512",
        "GRU0-128",
        "GRU0-512",
        "RNN-128"
    })
    String model = "";

    @Param({"runnel", "onnxRuntime", "naiveOnnxRuntime", "oneDnn", "djl", "readBandwidth"})
    String engine = "";

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, Workload.of(model));
    }
}
