package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.decode.TokenMask;
import dev.runnel.decode.Tokens;
import dev.runnel.graph.Graph;
import dev.runnel.tools.trace.Trace;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// The idiom chain (成语接龙): each idiom begins with the character the one before it ended with, and
/// none is said twice. A character LSTM says the idioms, character by character; at each it chooses
/// by its scores among the characters that lead to a real idiom. Where none is left it makes one
/// up, whose last character leads back to a real one.
///
/// A game has one model and one decoder; each idiom is a stream of its own.
public final class IdiomsDemo implements AutoCloseable {
    /// An idiom of the chain.
    ///
    /// @param real whether it is in the list, or made up by the model
    public record Link(String idiom, boolean real) {}

    private static final int END = 0;

    private final Idioms idioms;
    private final Vocabulary vocabulary;
    private final boolean realOnly;
    private final Model model;
    private final Decoder decoder;
    private final Steps steps = new Steps();
    private final List<Character> begun = new ArrayList<>();
    private long streams;

    /// Whether the model may say what it likes: what is timed is the model, not the list.
    private boolean free;

    /// The real idioms that may be said now.
    private NavigableSet<String> real = Collections.emptyNavigableSet();

    /// @param model the idiom model: a token in, a score for each token out
    /// @param realOnly whether to stop rather than make an idiom up
    IdiomsDemo(
            Model model,
            Vocabulary vocabulary,
            Idioms idioms,
            Strategy strategy,
            boolean realOnly) {
        this.model = model;
        this.vocabulary = vocabulary;
        this.idioms = idioms;
        this.realOnly = realOnly;
        this.decoder =
                Decoder.of(model)
                        .end(END)
                        .limit(Idioms.LENGTH - 1)
                        .strategy(strategy)
                        .constraint(this::allow)
                        .open();
    }

    /// The next idiom of the chain, or empty if no continuation is left.
    ///
    /// @param before the idiom before it, which now counts as said
    /// @param listener told each character as soon as it is decided
    public Optional<Link> next(String before, Consumer<Character> listener) {
        idioms.say(before);
        char first = Idioms.last(before);
        real = idioms.after(first);
        if (real.isEmpty() && (realOnly || idioms.open().isEmpty())) {
            return Optional.empty();
        }
        listener.accept(first);
        String idiom = say(first, listener);
        Link link = new Link(idiom, idioms.isReal(idiom));
        idioms.say(idiom);
        begun.add(first);
        return Optional.of(link);
    }

    private String say(char first, Consumer<Character> listener) {
        StringBuilder idiom = new StringBuilder().append(first);
        try (Decoding stream = decoder.begin()) {
            stream.seed(stream.seed() + streams++); // each idiom its own throw
            decoder.feed(stream, vocabulary.token(first));
            steps.run(
                    decoder,
                    stream,
                    token -> {
                        char next = vocabulary.character(token);
                        idiom.append(next);
                        listener.accept(next);
                    });
        }
        return idiom.toString();
    }

    /// Says the idioms once more, under observation.
    void trace(Trace trace, Graph graph, List<String> said) {
        try (Trace.Part part =
                trace.part("model", graph, "logits", token -> vocabulary.text(token, "<end>"))) {
            for (String idiom : said) {
                part.reset();
                for (int t = 0; t < Idioms.LENGTH - 1; t++) {
                    int next = vocabulary.token(idiom.charAt(t + 1));
                    part.step("token", vocabulary.token(idiom.charAt(t)), t == 0, next);
                }
            }
        }
    }

    /// What may come next of the idiom that is being said.
    private void allow(Tokens soFar, TokenMask allowed) {
        if (free) {
            allowed.allowAll();
            return;
        }
        StringBuilder prefix = new StringBuilder();
        for (int i = 0; i < soFar.length(); i++) {
            prefix.append(vocabulary.character(soFar.get(i)));
        }
        if (real.isEmpty()) {
            allowInventions(prefix.toString(), allowed);
        } else {
            String from = prefix.toString();
            for (String idiom : real.subSet(from, true, from + Character.MAX_VALUE, false)) {
                allowed.allow(vocabulary.token(idiom.charAt(from.length())));
            }
        }
    }

    /// Any character after `prefix`; but as the last one, if possible, only such as the chain can
    /// go on from.
    private void allowInventions(String prefix, TokenMask allowed) {
        boolean last = prefix.length() == Idioms.LENGTH - 1;
        Set<Character> open = last ? idioms.open() : Set.of();
        boolean leadsOn = open.stream().anyMatch(c -> !idioms.isSaid(prefix + c));
        for (int token = 1; token <= vocabulary.size(); token++) {
            char c = vocabulary.character(token);
            if (!last || !idioms.isSaid(prefix + c) && (!leadsOn || open.contains(c))) {
                allowed.allow(token);
            }
        }
    }

    /// The times of the game's steps so far.
    Steps steps() {
        return steps;
    }

    /// Warms the model up, then says idioms from the same beginnings again, to nobody: the times of
    /// at least so many steps at full speed.
    Steps warmSteps(int count) {
        model.warmUp();
        steps.restart();
        free = true;
        while (!begun.isEmpty() && steps.count() < count) {
            begun.forEach(first -> say(first, _ -> {}));
        }
        free = false;
        return steps;
    }

    @Override
    public void close() {
        decoder.close();
    }
}
