package dev.runnel.tools.demo;

import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;

import org.HdrHistogram.Histogram;

import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/// Runs streams step by step and keeps the time of each.
final class Steps {
    private Histogram nanos = new Histogram(3);

    /// Runs the stream to its end.
    ///
    /// @param token is given each token as soon as it is decided
    void run(Decoder decoder, Decoding stream, IntConsumer token) {
        List<Decoding> one = List.of(stream);
        while (!stream.isFinished()) {
            long start = System.nanoTime();
            decoder.step(one);
            nanos.recordValue(System.nanoTime() - start);
            for (int t = stream.poll(); t != Decoding.NONE; t = stream.poll()) {
                token.accept(t);
            }
        }
    }

    long count() {
        return nanos.getTotalCount();
    }

    /// Forgets the times so far.
    void restart() {
        nanos = new Histogram(3);
    }

    /// `15 steps WHEN: p50 12.3 µs, p99 4.5 ms a step`.
    String text(String when) {
        return count() == 0
                ? "0 steps" // of nothing there are no percentiles
                : String.format(
                        Locale.ROOT,
                        "%d steps %s: p50 %s, p99 %s a step",
                        count(),
                        when,
                        time(nanos.getValueAtPercentile(50)),
                        time(nanos.getValueAtPercentile(99)));
    }

    private static String time(long nanos) {
        return nanos < 1_000_000
                ? String.format(Locale.ROOT, "%.1f µs", nanos / 1e3)
                : String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
    }
}
