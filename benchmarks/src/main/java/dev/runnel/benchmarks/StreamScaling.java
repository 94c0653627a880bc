package dev.runnel.benchmarks;

import ai.onnxruntime.OrtException;

import dev.runnel.tools.CallMeter;

import org.HdrHistogram.Histogram;
import org.openjdk.jmh.annotations.AuxCounters;
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

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/// How many live streams do two threads serve: steps a second at most, and how late a step's result
/// is when each stream has 100 steps a second? The streams' steps are due one after another, as
/// evenly spread as can be, and times count from when a step was due, see [CallMeter].
///
/// Runnel and ONNX Runtime step all streams that are due in a call, up to 64: one, as long as they
/// keep up. `onnxRuntimeOneByOne` steps one in a call, each stream having tensors of its own.
///
/// ```
/// benchmarks/run StreamScaling
/// ```
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 1)
@Measurement(iterations = 1)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public class StreamScaling {
    private static final int THREADS = 2;
    private static final double SECONDS = 1;
    private static final double STEPS_A_SECOND = 100;

    /// The model and the streams.
    @Param({"LSTM-128x1", "LSTM-128x10", "LSTM-128x100", "LSTM-128x1000", "LSTM-128x10000"})
    String model = "";

    @Param({"runnel", "onnxRuntime", "onnxRuntimeOneByOne"})
    String engine = "";

    /// What two threads did.
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Service {
        /// Steps a second, call after call.
        public double stepsPerSecondAtMost;

        /// At 100 steps a second for each stream, µs from when a step was due.
        public double pacedP50Micros;

        public double pacedP99Micros;

        /// Bytes of memory of a stream's states.
        public double stateBytesPerStream;

        public double heapBytesPerStep;
    }

    private final List<StreamWorker> workers = new ArrayList<>();
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

    @Setup
    public void open() throws OrtException {
        Workload streams = Workload.of(model);
        int threadCount = Math.min(THREADS, streams.rows());
        for (int t = 0; t < threadCount; t++) {
            int share = (streams.rows() + t) / threadCount;
            workers.add(StreamWorker.of(engine, streams, share));
        }
    }

    @TearDown
    public void close() {
        threads.shutdown();
        workers.forEach(StreamWorker::close);
    }

    @Benchmark
    public void serve(Service service) throws Exception {
        List<CallMeter.Timing> full = onAll(w -> CallMeter.backToBack(w, SECONDS));
        long steps = 0;
        long heapBytes = 0;
        for (CallMeter.Timing t : full) {
            steps += t.calls();
            service.stepsPerSecondAtMost += t.calls() * 1e9 / t.elapsedNanos();
            heapBytes += t.heapBytes();
        }
        service.heapBytesPerStep = heapBytes / (double) steps;
        Histogram paced =
                all(onAll(w -> CallMeter.paced(w, SECONDS, STEPS_A_SECOND * w.streams())));
        service.pacedP50Micros = paced.getValueAtPercentile(50) / 1e3;
        service.pacedP99Micros = paced.getValueAtPercentile(99) / 1e3;
        service.stateBytesPerStream = workers.getFirst().stateBytes();
    }

    private interface Measure {
        CallMeter.Timing of(StreamWorker worker) throws Exception;
    }

    private List<CallMeter.Timing> onAll(Measure measurement) throws Exception {
        List<Callable<CallMeter.Timing>> tasks = new ArrayList<>();
        for (StreamWorker worker : workers) {
            tasks.add(() -> measurement.of(worker));
        }
        List<CallMeter.Timing> timings = new ArrayList<>();
        for (Future<CallMeter.Timing> done : threads.invokeAll(tasks)) {
            timings.add(done.get());
        }
        return timings;
    }

    private static Histogram all(List<CallMeter.Timing> timings) {
        Histogram all = new Histogram(timings.getFirst().nanos());
        timings.forEach(t -> all.add(t.nanos()));
        return all;
    }
}
