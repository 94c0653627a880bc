package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/// How long does a whole sequence of 100 steps of one stream take? On a core that is shared with
/// the compiler calls get faster for some seconds: so long it warms up.
///
/// ```
/// benchmarks/run SequenceLatency
/// ```
@Warmup(iterations = 3, time = 1)
public class SequenceLatency extends LayerBenchmark {
    static final int STEPS = 100;

    /// The model and the rows.
    @Param({"LSTM-128x1", "LSTM-256x1", "LSTM-512x1", "LSTM-1024x1"})
    String model = "";

    @Param({"runnel", "onnxRuntime", "oneDnn", "djl"})
    String engine = "";

    static Workload workload(String model) {
        return Workload.of(model).steps(STEPS);
    }

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, workload(model));
    }
}
