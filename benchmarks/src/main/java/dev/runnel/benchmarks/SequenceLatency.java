package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/// How long does a whole sequence of 100 steps take, for one stream and for 32?
///
/// ```
/// benchmarks/run SequenceLatency
/// ```
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public class SequenceLatency {
    static final int STEPS = 100;

    /// The model and the rows.
    @Param({"LSTM-128x1", "LSTM-256x1", "LSTM-512x1", "LSTM-1024x1", "LSTM-256x32", "LSTM-1024x32"})
    String model = "";

    @Param({"runnel", "onnxRuntime", "oneDnn", "djl", "peakFma"})
    String engine = "";

    private Engine.Call call;

    static Workload workload(String model) {
        return Workload.of(model).steps(STEPS);
    }

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, workload(model));
    }

    @TearDown
    public void close() {
        call.close();
    }

    @Benchmark
    public void sequence() throws Exception {
        call.run();
    }
}
