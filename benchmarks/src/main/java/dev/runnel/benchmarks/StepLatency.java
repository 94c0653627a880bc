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

/// How long does one step of one stream take, from the input written to the output there?
///
/// ```
/// benchmarks/run StepLatency
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
public class StepLatency {
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
