package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.State;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// One stream that is being generated: its state, the tokens so far, its dice. Made by
/// [Decoder#begin()]; any decoder of the same settings goes on with it, one at a time.
public final class Decoding implements AutoCloseable {
    /// Returned in the place of a token when there is none.
    public static final int NONE = -1;

    /// Why a stream is over.
    public enum Ending {
        /// The end token was chosen.
        END_TOKEN,
        /// As many tokens as the limit allows.
        LIMIT,
        /// The constraint, or the model by scores of −∞, allowed nothing.
        NOTHING_ALLOWED,
        /// [Decoding#cancel].
        CANCELLED
    }

    private final State[] states;
    private final Search search;
    private final Dice dice = new Dice();
    private final Map<String, byte[]> inputs = new LinkedHashMap<>();
    private final Set<String> once = new HashSet<>();
    private int polled;
    private volatile boolean cancelled;

    /// What is fed instead of a token next.
    private byte @Nullable [] vector;

    Decoding(Model model, @Nullable State from, Strategy strategy, int limit, int end) {
        states = new State[strategy.rows()];
        int made = 0;
        try {
            for (; made < states.length; made++) {
                states[made] = model.newState();
            }
            if (from != null) {
                states[0].copyFrom(from);
            }
        } catch (RuntimeException e) {
            while (made > 0) {
                states[--made].close();
            }
            throw e;
        }
        search =
                strategy instanceof Strategy.Beam beam
                        ? new BeamSearch(beam, limit, end, states)
                        : new SingleSearch(strategy, limit, end, dice);
        if (strategy instanceof Strategy.Sampling sampling) {
            dice.seed(sampling.seed());
        }
    }

    /// Sets the dice of [Strategy#sample]: each stream its own.
    public Decoding seed(long seed) {
        dice.seed(seed);
        return this;
    }

    /// The dice's seed, as set last.
    public long seed() {
        return dice.seed();
    }

    /// Sets an input other than the tokens', such as a feature vector that the model reads at every
    /// step. It is copied.
    public Decoding set(String input, MemorySegment value) {
        inputs.put(input, value.toArray(ValueLayout.JAVA_BYTE));
        once.remove(input);
        return this;
    }

    /// Sets an input other than the tokens' for the next step; for those after it, it is zero: a
    /// feature vector that enters at t = 0. It is copied.
    public Decoding setOnce(String input, MemorySegment value) {
        set(input, value);
        once.add(input);
        return this;
    }

    /// The next token that is decided and was not polled yet; [#NONE] if there is none for now.
    public int poll() {
        return polled < search.decided() ? search.best().get(polled++) : NONE;
    }

    /// Whether no token will be chosen any more; some may be left to [#poll].
    public boolean isFinished() {
        return cancelled || search.ending != null;
    }

    /// Why the stream is over; null while it is not.
    public @Nullable Ending ending() {
        return cancelled && search.ending == null ? Ending.CANCELLED : search.ending;
    }

    /// Ends the stream before its next step; any thread may.
    public void cancel() {
        cancelled = true;
    }

    /// The tokens chosen since the last that were fed, as far as they are decided, without the end
    /// token.
    public int[] tokens() {
        return search.best().chosen(search.decided());
    }

    /// What was found, best first: by beam search the sequences that ended, at the limit also open
    /// ones; else the one there is.
    public List<Hypothesis> hypotheses() {
        return search.hypotheses();
    }

    /// The stream's state, which has not seen the last token yet; by beam search that of the best
    /// open path. It belongs to the stream.
    public State state() {
        return states[search.path(0).state];
    }

    @Override
    public void close() {
        for (State s : states) {
            s.close();
        }
    }

    // ---- for the decoder

    Search search() {
        return search;
    }

    State state(int open) {
        return states[search.path(open).state];
    }

    Map<String, byte[]> inputs() {
        return inputs;
    }

    /// The inputs were read by a step.
    void stepped() {
        if (!once.isEmpty()) {
            once.forEach(input -> Arrays.fill(inputs.get(input), (byte) 0));
            once.clear();
        }
    }

    byte @Nullable [] vector() {
        return vector;
    }

    void setVector(byte @Nullable [] value) {
        vector = value;
    }

    /// What was fed is no news to the caller.
    void skipFed() {
        polled = search.best().length();
    }
}
