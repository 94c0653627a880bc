package dev.runnel.tools;

import com.sun.management.ThreadMXBean;

import org.HdrHistogram.Histogram;

import java.lang.management.ManagementFactory;
import java.util.concurrent.locks.LockSupport;

/// Measures how long calls take, on the calling thread.
///
/// **Back to back**: each call begins when the one before is done; its time is that of the call
/// alone. **Paced**: calls are due at fixed times, whether or not the one before is done, and a
/// call's time counts from when it was due. So a pause shows in all calls that it delayed, and
/// calls that were due and never begun count with the time they have waited (no coordinated
/// omission).
///
/// The clock's own cost, about 20 ns, is in each time.
public final class CallMeter {
    private static final long LONGEST_NANOS = 600_000_000_000L;
    private static final int DIGITS = 3;

    /// Parked threads wake some 50 µs late; the rest is waited for awake.
    private static final long AWAKE_NANOS = 200_000;

    private static final int MANY = Integer.MAX_VALUE;

    /// What is measured.
    ///
    /// @param <E> what a call may throw
    public interface Calls<E extends Exception> {
        /// Readies the input of the next call; not measured.
        void prepare(long call);

        /// Makes the next call, or with it some of those after it that are due as well.
        ///
        /// @param due how many are due, at least 1; back to back as many as may be wanted
        /// @return how many were made, 1 to `due`
        int make(long call, int due) throws E;
    }

    /// What was measured.
    ///
    /// @param calls number of calls made
    /// @param busyNanos time spent in calls
    /// @param elapsedNanos from the start to the end of the last call
    /// @param heapBytes allocated on the heap by this thread
    /// @param nanos times of calls
    public record Timing(
            long calls, long busyNanos, long elapsedNanos, long heapBytes, Histogram nanos) {}

    private CallMeter() {}

    /// Makes calls back to back for `seconds`, at least one.
    public static <E extends Exception> Timing backToBack(Calls<E> calls, double seconds) throws E {
        return measure(calls, seconds, 0);
    }

    /// Makes calls that are due `callsPerSecond` times a second, for `seconds`.
    ///
    /// @throws IllegalArgumentException if `callsPerSecond` is not positive
    public static <E extends Exception> Timing paced(
            Calls<E> calls, double seconds, double callsPerSecond) throws E {
        if (!(callsPerSecond > 0)) {
            throw new IllegalArgumentException(
                    "calls per second is " + callsPerSecond + ", expected more than 0");
        }
        return measure(calls, seconds, 1e9 / callsPerSecond);
    }

    private static <E extends Exception> Timing measure(
            Calls<E> calls, double seconds, double period) throws E {
        Histogram nanos = new Histogram(1, LONGEST_NANOS, DIGITS);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long heap = threads.getCurrentThreadAllocatedBytes();
        long baseline = threads.getCurrentThreadAllocatedBytes() - heap;
        heap = threads.getCurrentThreadAllocatedBytes();
        long duration = (long) (seconds * 1e9);
        long busy = 0;
        long made = 0;
        long start = System.nanoTime();
        long after = start;
        long due = 0;
        while (made == 0 || after - start < duration && due < duration) {
            calls.prepare(made);
            if (period > 0) {
                await(start + due);
            }
            long before = System.nanoTime();
            long now = Math.min(before - start, duration - 1);
            int count = calls.make(made, period > 0 ? due(now, made, period) : MANY);
            after = System.nanoTime();
            busy += after - before;
            for (long last = made + count; made < last; made++) {
                record(nanos, after - (period > 0 ? start + (long) (made * period) : before));
            }
            due = (long) (made * period);
        }
        long allocated = threads.getCurrentThreadAllocatedBytes() - heap - baseline;
        for (long missed = made; period > 0 && due < after - start && due < duration; ) {
            record(nanos, after - start - due);
            due = (long) (++missed * period);
        }
        return new Timing(made, busy, after - start, Math.max(0, allocated), nanos);
    }

    /// How many calls from number `made` on are due at `now`.
    private static int due(long now, long made, double period) {
        return Math.clamp((long) (now / period) + 1 - made, 1, MANY);
    }

    private static void record(Histogram histogram, long nanos) {
        histogram.recordValue(Math.clamp(nanos, 1, LONGEST_NANOS));
    }

    private static void await(long time) {
        for (long left = time - System.nanoTime(); left > 0; left = time - System.nanoTime()) {
            if (left > AWAKE_NANOS) {
                LockSupport.parkNanos(left - AWAKE_NANOS);
            } else {
                Thread.onSpinWait();
            }
        }
    }
}
