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

/// How long does one step of N streams take in one call, and how much of the core's arithmetic does
/// it use?
///
/// ```
/// benchmarks/run BatchThroughput
/// ```
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public class BatchThroughput {
    /// The model and the rows.
    @Param({
        "LSTM-128x1",
        "LSTM-128x2",
        "LSTM-128x3",
        "LSTM-128x4",
        "LSTM-128x5",
        "LSTM-128x8",
        "LSTM-128x16",
        "LSTM-128x32",
        "LSTM-128x64",
        "LSTM-256x1",
        "LSTM-256x2",
        "LSTM-256x3",
        "LSTM-256x4",
        "LSTM-256x5",
        "LSTM-256x8",
        "LSTM-256x16",
        "LSTM-256x32",
        "LSTM-256x64",
        "LSTM-512x1",
        "LSTM-512x2",
        "LSTM-512x3",
        "LSTM-512x4",
        "LSTM-512x5",
        "LSTM-512x8",
        "LSTM-512x16",
        "LSTM-512x32",
        "LSTM-512x64"
    })
    String model = "";

    @Param({"runnel", "onnxRuntime", "oneDnn", "peakFma"})
    String engine = "";

    private Engine.Call call;

    @Setup
    public void open() throws Exception {
        call = Engines.open(engine, Workload.of(model));
    }

    @TearDown
    public void close() {
        call.close();
    }

    @Benchmark
    public void step() throws Exception {
        call.run();
    }
}
