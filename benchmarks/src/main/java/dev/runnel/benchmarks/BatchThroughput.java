package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// How long does one step of N streams take in one call, and how much of the core's arithmetic does
/// it use?
///
/// ```
/// benchmarks/run BatchThroughput
/// ```
public class BatchThroughput extends LayerBenchmark {
    /// The model and the rows.
    @Param({
        "LSTM-128x16",
        "LSTM-128x64",
        "LSTM-256x2",
        "LSTM-256x4",
        "LSTM-256x16",
        "LSTM-256x64",
        "LSTM-512x16",
        "LSTM-512x64"
    })
    String model = "";

    @Param({"runnel", "onnxRuntime", "oneDnn", "peakFma"})
    String engine = "";

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, Workload.of(model));
    }
}
