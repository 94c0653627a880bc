package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/// What the questions about calls have in common: parameters `model` and `engine`, and the call of
/// an engine on a model as what is measured, in µs.
///
/// An engine is a parameter, not a method, so that a question is written once for all of them and
/// those of a profile can join. In a fork only one is called, so that the JIT compiler sees one.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 1, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public abstract class LayerBenchmark {
    Engine.Call call = NONE;

    private static final Engine.Call NONE =
            new Engine.Call() {
                @Override
                public void run() {}

                @Override
                public float[] output() {
                    return new float[0];
                }

                @Override
                public void close() {}
            };

    @TearDown
    public void close() {
        call.close();
    }

    @Benchmark
    public void call() throws Exception {
        call.run();
    }
}
