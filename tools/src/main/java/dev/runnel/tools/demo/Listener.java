package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.decode.Ctc;
import dev.runnel.graph.Graph;
import dev.runnel.tools.trace.Trace;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/// Hears the digits in speech, frame by frame, by the model in `listen/`: log-mel, LSTMs, CTC.
final class Listener implements AutoCloseable {
    /// Samples a second that the model was trained on.
    static final int RATE = 8000;

    // A step sees `WINDOW` samples and begins `HOP` after the one before.
    private static final int WINDOW = 360;
    private static final int HOP = 240;
    private static final int BLANK = 10;

    // Silence that the model needs to hear the first and the last digit.
    private static final int BEFORE = RATE * 3 / 20;
    private static final int AFTER = RATE * 3 / 10;

    private static final int PIECE = HOP;
    private static final int PEAKS = 4; // of the waveform, a step

    private final Model model;
    private final Session session;
    private final MemorySegment audio;
    private final MemorySegment score;
    private final Ctc ctc;
    private final float[] window = new float[WINDOW];
    private int filled;
    private final List<float[]> windows = new ArrayList<>();
    private int steps;
    private long samples;
    private long waited;
    private long taken;

    /// @param beam sequences that are kept; 1 takes the best of each step
    Listener(int beam) throws IOException {
        this(Embedded.model("listen/listen.onnx"), beam);
    }

    Listener(Graph graph, int beam) {
        model = Model.compile(graph);
        session = model.open();
        audio = session.input("audio");
        score = session.output("score");
        ctc = beam == 1 ? Ctc.greedy(BLANK + 1, BLANK) : Ctc.beam(BLANK + 1, BLANK, beam);
    }

    /// Listens to the end.
    ///
    /// @param sound of any rate
    /// @param digit is given each digit as soon as it is decided
    /// @throws IOException if the source fails
    void hear(Samples sound, IntConsumer digit) throws IOException {
        session.reset();
        ctc.reset();
        filled = 0;
        windows.clear();
        steps = 0;
        samples = 0;
        waited = 0;
        long start = System.nanoTime();
        accept(new float[BEFORE], BEFORE, digit);
        Samples resampled = Resampler.of(timed(sound), RATE);
        float[] piece = new float[PIECE];
        for (int n = resampled.read(piece); n >= 0; n = resampled.read(piece)) {
            accept(piece, n, digit);
            samples += n;
        }
        accept(new float[AFTER], AFTER, digit);
        ctc.finish(digit);
        taken = System.nanoTime() - start - waited;
    }

    private Samples timed(Samples sound) {
        return new Samples() {
            @Override
            public int rate() {
                return sound.rate();
            }

            @Override
            public int read(float[] to) throws IOException {
                long start = System.nanoTime();
                int count = sound.read(to);
                waited += System.nanoTime() - start;
                return count;
            }
        };
    }

    private void accept(float[] sound, int count, IntConsumer digit) {
        for (int from = 0; from < count; ) {
            int n = Math.min(count - from, WINDOW - filled);
            System.arraycopy(sound, from, window, filled, n);
            from += n;
            filled += n;
            if (filled == WINDOW) {
                MemorySegment.copy(window, 0, audio, ValueLayout.JAVA_FLOAT, 0, WINDOW);
                if (steps++ < Trace.MOST_STEPS) {
                    windows.add(window.clone());
                }
                session.step();
                ctc.accept(score, digit);
                filled = WINDOW - HOP;
                System.arraycopy(window, HOP, window, 0, filled);
            }
        }
    }

    /// Listens to the same once more, under observation.
    void trace(Trace trace) throws IOException {
        try (Trace.Part part =
                trace.part(
                        "model",
                        Embedded.model("listen/listen.onnx"),
                        "score",
                        token -> token == BLANK ? "<blank>" : Integer.toString(token))) {
            MemorySegment input = part.input("audio");
            for (int t = 0; t < steps; t++) {
                if (t < windows.size()) {
                    MemorySegment.copy(windows.get(t), 0, input, ValueLayout.JAVA_FLOAT, 0, WINDOW);
                }
                int begin = t * HOP - BEFORE;
                part.stepToBest(
                        begin < 0
                                ? "<before>"
                                : begin >= samples
                                        ? "<after>"
                                        : String.format(
                                                Locale.ROOT, "%.2f s", (double) begin / RATE));
            }
        }
        trace.sound(peaks());
    }

    /// The loudest sample in each piece of what each step brought.
    private float[] peaks() {
        float[] peaks = new float[windows.size() * PEAKS];
        for (int n = 0; n < peaks.length; n++) {
            float[] piece = windows.get(n / PEAKS);
            for (int i = 0; i < HOP / PEAKS; i++) {
                float sample = piece[n % PEAKS * (HOP / PEAKS) + i];
                peaks[n] = Math.max(peaks[n], Math.abs(sample));
            }
        }
        return peaks;
    }

    /// Seconds of sound heard last.
    double seconds() {
        return (double) samples / RATE;
    }

    /// Seconds that hearing it took, without waiting for it.
    double secondsTaken() {
        return taken / 1e9;
    }

    @Override
    public void close() {
        session.close();
        model.close();
    }
}
