package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;

import org.HdrHistogram.Histogram;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.function.Consumer;

/// The idiom chain (成语接龙): each idiom begins with the character the one before it ended with, and
/// none is said twice. A character LSTM says the idioms, character by character; at each it chooses
/// by its scores among the characters that lead to a real idiom. Where none is left it makes one
/// up, whose last character leads back to a real one.
///
/// A game has one model, one session, one stream: the stream starts anew with each idiom.
public final class IdiomsDemo implements AutoCloseable {
    /// An idiom of the chain.
    ///
    /// @param real whether it is in the list, or made up by the model
    public record Link(String idiom, boolean real) {}

    private final Idioms idioms;
    private final Vocabulary vocabulary;
    private final boolean realOnly;
    private final Sampler sampler;
    private final Model model;
    private final Session session;
    private final State state;
    private final MemorySegment token;
    private final MemorySegment logits;
    private final List<Character> fed = new ArrayList<>();
    private final Histogram stepNanos = new Histogram(3);

    /// @param model the idiom model: a token in, a score for each token out
    /// @param realOnly whether to stop rather than make an idiom up
    IdiomsDemo(
            Model model, Vocabulary vocabulary, Idioms idioms, Sampler sampler, boolean realOnly) {
        this.model = model;
        this.vocabulary = vocabulary;
        this.idioms = idioms;
        this.sampler = sampler;
        this.realOnly = realOnly;
        session = model.open();
        state = model.newState();
        token = session.input("token");
        logits = session.output("logits");
    }

    /// The next idiom of the chain, or empty if no continuation is left.
    ///
    /// @param before the idiom before it, which now counts as said
    /// @param listener told each character as soon as it is chosen
    public Optional<Link> next(String before, Consumer<Character> listener) {
        idioms.say(before);
        char first = Idioms.last(before);
        NavigableSet<String> real = idioms.after(first);
        if (real.isEmpty() && (realOnly || idioms.open().isEmpty())) {
            return Optional.empty();
        }
        state.reset();
        StringBuilder idiom = new StringBuilder().append(first);
        listener.accept(first);
        while (idiom.length() < Idioms.LENGTH) {
            step(Idioms.last(idiom));
            BitSet allowed = real.isEmpty() ? inventions(idiom) : continuations(idiom, real);
            char next = vocabulary.character(sampler.choose(logits, allowed));
            idiom.append(next);
            listener.accept(next);
        }
        Link link = new Link(idiom.toString(), idioms.isReal(idiom.toString()));
        idioms.say(link.idiom);
        return Optional.of(link);
    }

    private void step(char character) {
        fed.add(character);
        stepNanos.recordValue(timedStep(character));
    }

    private long timedStep(char character) {
        token.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, vocabulary.token(character));
        long start = System.nanoTime();
        session.step(state);
        return System.nanoTime() - start;
    }

    /// The characters that come after `prefix` in idioms.
    private BitSet continuations(CharSequence prefix, NavigableSet<String> idioms) {
        BitSet allowed = new BitSet();
        String from = prefix.toString();
        for (String idiom : idioms.subSet(from, true, from + Character.MAX_VALUE, false)) {
            allowed.set(vocabulary.token(idiom.charAt(prefix.length())));
        }
        return allowed;
    }

    /// Any character after `prefix`; but as the last one, if possible, only such as the chain can
    /// go on from.
    private BitSet inventions(CharSequence prefix) {
        BitSet allowed = new BitSet();
        allowed.set(1, vocabulary.size() + 1);
        if (prefix.length() == Idioms.LENGTH - 1) {
            allowed.stream()
                    .filter(v -> idioms.isSaid(prefix.toString() + vocabulary.character(v)))
                    .forEach(allowed::clear);
            BitSet open = new BitSet();
            idioms.open().forEach(character -> open.set(vocabulary.token(character)));
            if (open.intersects(allowed)) {
                allowed.and(open);
            }
        }
        return allowed;
    }

    /// Time of each step so far.
    public Histogram stepNanos() {
        return stepNanos;
    }

    /// Time of a step at full speed: warms the model up, then feeds it the same characters again.
    public Histogram warmStepNanos(int steps) {
        model.warmUp();
        Histogram warm = new Histogram(3);
        while (!fed.isEmpty() && warm.getTotalCount() < steps) {
            for (char character : fed) {
                warm.recordValue(timedStep(character));
            }
        }
        return warm;
    }

    @Override
    public void close() {
        state.close();
        session.close();
    }
}
