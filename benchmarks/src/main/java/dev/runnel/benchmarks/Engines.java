package dev.runnel.benchmarks;

import com.sun.management.ThreadMXBean;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/// The engines on the class path.
public final class Engines {
    private static final int CHECKED_CALLS = 3;
    private static final long SETTLE_NANOS = 10_000_000_000L;
    private static final long SETTLED_NANOS = 100_000_000;

    /// A sequence allocates some objects, a step nothing.
    private static final long MOST_HEAP_BYTES = 4096;

    private Engines() {}

    static List<Engine> all() {
        List<Engine> engines = new ArrayList<>();
        engines.add(new RunnelEngine());
        engines.add(new OnnxRuntimeEngine());
        engines.add(new NaiveOnnxRuntimeEngine());
        engines.add(new ReadBandwidth());
        engines.add(new PeakFma());
        ServiceLoader.load(Engine.class).forEach(engines::add);
        return engines;
    }

    static Engine named(String name) {
        List<Engine> all = all();
        return all.stream()
                .filter(e -> e.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "no engine '"
                                                + name
                                                + "'; there are "
                                                + all.stream().map(Engine::name).toList()
                                                + " (oneDnn and djl: build with -Ppeers)"));
    }

    /// Opens a workload, having seen that the engine computes what Runnel computes in f32.
    ///
    /// @throws IllegalStateException if it does not
    public static Engine.Call open(String engine, Workload workload) throws Exception {
        Engine subject = named(engine);
        check(subject, workload);
        Engine.Call call = subject.open(workload);
        if (subject instanceof RunnelEngine) {
            settle(call);
        }
        return call;
    }

    /// Calls until the compiler has done its work, ten seconds at most: vectors live on the heap
    /// until the code that holds them is compiled.
    static void settle(Engine.Call call) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long end = System.nanoTime() + SETTLE_NANOS;
        long heap;
        long calls;
        do {
            heap = threads.getCurrentThreadAllocatedBytes();
            long pause = System.nanoTime() + SETTLED_NANOS;
            for (calls = 0; calls == 0 || System.nanoTime() < pause; calls++) {
                call.run();
            }
            heap = threads.getCurrentThreadAllocatedBytes() - heap;
        } while (heap > MOST_HEAP_BYTES * calls && System.nanoTime() < end);
    }

    private static void check(Engine subject, Workload workload) throws Exception {
        boolean isF32 = workload.weights() == Workload.Weights.F32;
        if (subject instanceof RunnelEngine && isF32) {
            return;
        }
        float[] got = outputs(subject.open(workload));
        if (got.length > 0) {
            Workload exact = workload.weights(Workload.Weights.F32);
            float[] want = outputs(RunnelEngine.open(exact, false));
            float tolerance = workload.weights().tolerance;
            requireSame(subject.name() + " on " + workload, got, want, tolerance);
            System.gc(); // what the check has left
        }
    }

    private static float[] outputs(Engine.Call call) throws Exception {
        try (call) {
            for (int i = 0; i < CHECKED_CALLS; i++) {
                call.run();
            }
            return call.output();
        }
    }

    /// @throws IllegalStateException if an element differs by more than `tolerance`, absolute plus
    ///   relative
    static void requireSame(String what, float[] got, float[] want, float tolerance) {
        if (got.length != want.length) {
            throw new IllegalStateException(
                    what + ": output has " + got.length + " elements, Runnel's " + want.length);
        }
        for (int i = 0; i < got.length; i++) {
            if (!(Math.abs(got[i] - want[i]) <= tolerance * (1 + Math.abs(want[i])))) {
                throw new IllegalStateException(
                        what
                                + ": output["
                                + i
                                + "] is "
                                + got[i]
                                + ", Runnel's is "
                                + want[i]
                                + "; they may differ by "
                                + tolerance
                                + " at most");
            }
        }
    }
}
