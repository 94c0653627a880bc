package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.graph.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;

/// Measures a model's steps: states of its own, stepped on random input that changes from call to
/// call. Only the call of `step` is timed.
public final class StepMeter {
    private static final int INPUT_SETS = 16;
    private static final double WARM_UP_SECONDS = 0.3;
    private static final long MOST_WARM_UP_NANOS = 10_000_000_000L;

    /// What was measured. A call steps all rows; a step is one row's.
    ///
    /// @param rows streams in a call
    /// @param steps steps measured: calls times rows
    /// @param p50Ns median time of a call
    /// @param p99Ns 99th percentile of a call's time
    /// @param p999Ns 99.9th percentile of a call's time
    /// @param maxNs the longest call
    /// @param stepsPerSecond steps in a second of stepping; of the clock, if steps were paced
    /// @param heapBytesPerStep bytes allocated on the heap
    public record Result(
            int rows,
            long steps,
            long p50Ns,
            long p99Ns,
            long p999Ns,
            long maxNs,
            double stepsPerSecond,
            double heapBytesPerStep) {}

    private StepMeter() {}

    /// Steps without measuring, until the compiler has done its work: [Model#warmUp], then the
    /// calls that will be measured, until a while passes without one that allocates, for 10 seconds
    /// at most. (Vectors live on the heap until the code that holds them is compiled.)
    public static void warmUp(Model model, int rows) {
        model.warmUp(rows);
        long end = System.nanoTime() + MOST_WARM_UP_NANOS;
        on(
                model,
                rows,
                bench -> {
                    Result block;
                    do {
                        block = bench.measure(WARM_UP_SECONDS, 0);
                    } while (block.heapBytesPerStep > 0 && System.nanoTime() < end);
                    return block;
                });
    }

    /// Steps `rows` streams at a time, call after call, for `seconds`, at least one call.
    ///
    /// @throws IllegalStateException if the model cannot be stepped
    public static Result measure(Model model, int rows, double seconds) {
        return measure(model, rows, seconds, 0);
    }

    /// Steps `rows` streams at a time for `seconds`, each `rate` times a second as a live source
    /// would; a step's time counts from when it was due: see [CallMeter]. A rate of 0 is call after
    /// call.
    ///
    /// @throws IllegalStateException if the model cannot be stepped
    public static Result measure(Model model, int rows, double seconds, double rate) {
        return on(model, rows, bench -> bench.measure(seconds, rate));
    }

    /// A session, states for its rows and what they are fed.
    private record Bench(Session session, State[] states, Feed[] feeds) {
        Result measure(double seconds, double rate) {
            return StepMeter.measure(session, states, feeds, seconds, rate);
        }
    }

    private static Result on(Model model, int rows, Function<Bench, Result> use) {
        List<State> states = new ArrayList<>();
        try (Arena arena = Arena.ofConfined();
                Session session = model.open(rows)) {
            try {
                for (int row = 0; row < rows; row++) {
                    states.add(model.newState());
                }
                State[] all = states.toArray(State[]::new);
                return use.apply(new Bench(session, all, feeds(model, session, arena)));
            } finally {
                states.forEach(State::close);
            }
        }
    }

    /// An input's memory in the session and what is fed to it in turn.
    private record Feed(MemorySegment target, MemorySegment[] values) {}

    private static Feed[] feeds(Model model, Session session, Arena arena) {
        SplittableRandom random = new SplittableRandom(1);
        List<Feed> feeds = new ArrayList<>();
        for (Port port : model.inputs()) {
            MemorySegment target = session.input(port.name());
            MemorySegment[] values = new MemorySegment[INPUT_SETS];
            for (int i = 0; i < INPUT_SETS; i++) {
                values[i] = arena.allocate(Math.max(1, target.byteSize()), 64);
                values[i] = values[i].asSlice(0, target.byteSize());
                fill(values[i], port.dtype(), random);
            }
            feeds.add(new Feed(target, values));
        }
        return feeds.toArray(Feed[]::new);
    }

    /// Floating-point elements in [-1, 1); others 0 or 1, which every table of embeddings has.
    private static void fill(MemorySegment segment, DType dtype, SplittableRandom random) {
        int size = dtype.byteSize();
        for (long at = 0; at < segment.byteSize(); at += size) {
            float x = (float) random.nextDouble(-1, 1);
            switch (dtype) {
                case FLOAT32 -> segment.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, x);
                case FLOAT64 -> segment.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, at, x);
                case FLOAT16 ->
                        segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(x));
                case BFLOAT16 ->
                        segment.set(
                                ValueLayout.JAVA_SHORT_UNALIGNED,
                                at,
                                (short) (Float.floatToRawIntBits(x) >>> 16));
                default -> segment.set(ValueLayout.JAVA_BYTE, at, (byte) (x < 0 ? 0 : 1));
            }
        }
    }

    private static Result measure(
            Session session, State[] states, Feed[] feeds, double seconds, double rate) {
        CallMeter.Calls<RuntimeException> calls =
                new CallMeter.Calls<>() {
                    @Override
                    public void prepare(long call) {
                        int set = (int) (call % INPUT_SETS);
                        for (Feed feed : feeds) {
                            long size = feed.target.byteSize();
                            MemorySegment.copy(feed.values[set], 0, feed.target, 0, size);
                        }
                    }

                    @Override
                    public int make(long call, int due) {
                        if (states.length == 1) {
                            session.step(states[0]);
                        } else {
                            session.step(states);
                        }
                        return 1;
                    }
                };
        CallMeter.Timing t =
                rate > 0
                        ? CallMeter.paced(calls, seconds, rate)
                        : CallMeter.backToBack(calls, seconds);
        long steps = t.calls() * states.length;
        return new Result(
                states.length,
                steps,
                t.nanos().getValueAtPercentile(50),
                t.nanos().getValueAtPercentile(99),
                t.nanos().getValueAtPercentile(99.9),
                t.nanos().getMaxValue(),
                steps * 1e9 / (rate > 0 ? t.elapsedNanos() : t.busyNanos()),
                t.heapBytes() / (double) steps);
    }
}
