package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// How long does a whole sequence of 100 steps take, for one stream and for 32?
///
/// ```
/// benchmarks/run SequenceLatency
/// ```
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

    /// Whole sequences go other ways through Runnel's kernels than the steps of `Model.warmUp`.
    private static final long WARM_UP_NANOS = 5_000_000_000L;

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, workload(model));
        long end = System.nanoTime() + (engine.equals("runnel") ? WARM_UP_NANOS : 0);
        while (System.nanoTime() < end) {
            call.run();
        }
    }
}
