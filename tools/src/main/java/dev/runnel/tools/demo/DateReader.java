package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.tools.trace.Trace;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.text.Normalizer;
import java.util.List;
import java.util.Locale;

/// Translates dates in many forms, English and Chinese, to ISO 8601, by the models in `translate/`:
/// an LSTM reads the text, and its state is where the one that says the date begins.
final class DateReader implements AutoCloseable {
    private static final int END = 0;
    private static final int UNKNOWN = 1;
    static final int MOST_CHARACTERS = 200;
    private static final int MOST_DIGITS = "1979-05-03".length();

    private final Vocabulary letters;
    private final Vocabulary digits;
    private final Model encoder;
    private final Model model;
    private final Session reader;
    private final Decoder decoder;

    DateReader(Strategy strategy) throws IOException {
        List<String> lines = Embedded.text("translate/vocabulary.txt").lines().toList();
        letters = new Vocabulary(lines.get(0), 2);
        digits = new Vocabulary(lines.get(1), 1);
        encoder = Model.compile(Embedded.model("translate/encoder.onnx"));
        model = Model.compile(Embedded.model("translate/decoder.onnx"));
        reader = encoder.open();
        decoder =
                Decoder.of(model)
                        .input("token")
                        .end(END)
                        .limit(MOST_DIGITS)
                        .strategy(strategy)
                        .open();
    }

    /// What the model makes of a text.
    ///
    /// @param date which need not exist; empty if the model finds none
    /// @param probability that the model gives it
    record Reading(String date, double probability) {}

    /// The date in a text, which need not exist; empty if the model finds none.
    String date(String text) {
        return read(text).date();
    }

    /// @throws IllegalArgumentException if the text is longer than [#MOST_CHARACTERS]
    Reading read(String text) {
        String normal = normal(text);
        if (normal.isEmpty()) {
            return new Reading("", 1);
        }
        try (State read = encoder.newState();
                State from = model.newState()) {
            for (char c : normal.toCharArray()) {
                step(read, token(c));
            }
            step(read, END);
            handOver(read, from);
            StringBuilder date = new StringBuilder();
            try (Decoding stream = decoder.begin(from)) {
                decoder.feed(stream, END);
                decoder.run(
                        stream,
                        token -> {
                            date.append(digits.character(token));
                            return true;
                        });
            }
            return new Reading(date.toString(), probability(from, date.toString()));
        }
    }

    private double probability(State from, String date) {
        try (Decoding again = decoder.begin(from)) {
            decoder.feed(again, END);
            double nats = decoder.score(again, date.chars().map(this::digit).toArray());
            return Math.exp(nats + decoder.score(again, END));
        }
    }

    private int digit(int c) {
        return digits.token((char) c);
    }

    /// The text as the encoder knows it.
    private static String normal(String text) {
        String normal =
                Normalizer.normalize(text, Normalizer.Form.NFKC)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[\\s\\p{Z}]+", " ")
                        .strip();
        if (normal.length() > MOST_CHARACTERS) {
            throw new IllegalArgumentException(
                    "the text has %d characters, expected at most %d"
                            .formatted(normal.length(), MOST_CHARACTERS));
        }
        return normal;
    }

    private int token(char c) {
        return letters.contains(c) ? letters.token(c) : UNKNOWN;
    }

    private static void handOver(State read, State from) {
        for (String tensor : List.of("h", "c")) {
            from.tensor(tensor).copyFrom(read.tensor(tensor));
        }
    }

    /// Reads the text and says the date once more, under observation.
    void trace(Trace trace, String text, String date) throws IOException {
        String normal = normal(text);
        if (normal.isEmpty()) {
            return;
        }
        try (Trace.Part read =
                        trace.part(
                                "encoder",
                                Embedded.model("translate/encoder.onnx"),
                                null,
                                token -> letters.text(token, "<end>", "<unknown>"));
                Trace.Part say =
                        trace.part(
                                "decoder",
                                Embedded.model("translate/decoder.onnx"),
                                "logits",
                                token -> digits.text(token, "<end>"))) {
            for (char c : normal.toCharArray()) {
                read.step("token", token(c), true, Trace.NONE);
            }
            read.step("token", END, true, Trace.NONE);
            handOver(read.state(), say.state());
            int last = END;
            for (int t = 0; t <= Math.min(date.length(), MOST_DIGITS - 1); t++) {
                int next = t < date.length() ? digits.token(date.charAt(t)) : END;
                say.step("token", last, t == 0, next);
                last = next;
            }
        }
    }

    private void step(State state, int token) {
        reader.input("token").set(ValueLayout.JAVA_LONG_UNALIGNED, 0, token);
        reader.step(state);
    }

    @Override
    public void close() {
        decoder.close();
        reader.close();
        model.close();
        encoder.close();
    }
}
