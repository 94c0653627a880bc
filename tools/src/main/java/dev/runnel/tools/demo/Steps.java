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

    /// `15 steps: p50 12.3 µs, p99 45.6 µs a step NOTE`.
    String text(String what, String note) {
        return count() == 0
                ? "0 " + what // of nothing there are no percentiles
                : String.format(
                        Locale.ROOT,
                        "%d %s: p50 %.1f µs, p99 %.1f µs a step %s",
                        count(),
                        what,
                        nanos.getValueAtPercentile(50) / 1e3,
                        nanos.getValueAtPercentile(99) / 1e3,
                        note);
    }
}
