package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.graph.Graph;
import dev.runnel.tools.trace.Trace;

import java.io.IOException;
import java.text.Normalizer;
import java.util.TreeSet;
import java.util.function.IntConsumer;

/// Continues a text, character by character, by the model in `write/`.
final class Writer implements AutoCloseable {
    private final Vocabulary vocabulary;
    private final Model model;
    private final Decoder decoder;

    /// @param length the number of characters to write
    Writer(Strategy strategy, int length) throws IOException {
        vocabulary = new Vocabulary(Embedded.text("write/vocabulary.txt"), 0);
        model = Model.compile(graph());
        decoder = Decoder.of(model).input("token").strategy(strategy).limit(length).open();
    }

    /// A text in the characters that the model knows: typographic marks become their ASCII twins,
    /// letters lose their accents, the rest is a space.
    ///
    /// @param unknown is given the characters that became spaces
    String readable(String text, TreeSet<String> unknown) {
        StringBuilder known = new StringBuilder();
        Normalizer.normalize(text.replace("\r\n", "\n"), Normalizer.Form.NFKD)
                .codePoints()
                .filter(c -> Character.getType(c) != Character.NON_SPACING_MARK)
                .map(Writer::ascii)
                .forEach(
                        c -> {
                            if (vocabulary.contains(c)) {
                                known.appendCodePoint(c);
                            } else {
                                known.append(' ');
                                unknown.add(Character.toString(c));
                            }
                        });
        return known.toString();
    }

    private static int ascii(int c) {
        return switch (c) {
            case '\u2018', '\u2019', '\u201A', '\u02BC', '`' -> '\'';
            case '\u201C', '\u201D', '\u201E', '\u00AB', '\u00BB', '"' -> '\''; // the only one
            case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015' -> '-';
            case '\t' -> ' ';
            default -> c;
        };
    }

    /// Reads the prompt and what was written after it once more, under observation.
    void trace(Trace trace, String prompt, String written) throws IOException {
        String begun = prompt.isEmpty() ? "\n" : prompt;
        int[] tokens = tokens(begun + written);
        try (Trace.Part part = trace.part("model", graph(), "logits", this::text)) {
            for (int t = 0; t < tokens.length - 1; t++) {
                part.step("token", tokens[t], t < begun.length(), tokens[t + 1]);
            }
        }
    }

    private String text(int token) {
        return String.valueOf(vocabulary.character(token));
    }

    private static Graph graph() throws IOException {
        return Embedded.model("write/write.onnx");
    }

    int[] tokens(String readable) {
        return readable.chars().map(c -> vocabulary.token((char) c)).toArray();
    }

    /// Goes on from `prompt`.
    ///
    /// @param prompt readable; empty for the beginning of a text
    /// @param character is given each character as soon as it is decided
    void write(String prompt, IntConsumer character) {
        try (Decoding text = decoder.begin()) {
            decoder.feed(text, tokens(prompt.isEmpty() ? "\n" : prompt));
            decoder.run(
                    text,
                    token -> {
                        character.accept(vocabulary.character(token));
                        return true;
                    });
        }
    }

    /// Nats a character of a text, all but its first counted.
    double surprise(String readable) {
        int[] tokens = tokens(readable);
        try (Decoding text = decoder.begin()) {
            decoder.feed(text, tokens[0]);
            double sum = 0;
            for (int i = 1; i < tokens.length; i++) {
                sum -= decoder.score(text, tokens[i]);
            }
            return sum / (tokens.length - 1);
        }
    }

    @Override
    public void close() {
        decoder.close();
        model.close();
    }
}
