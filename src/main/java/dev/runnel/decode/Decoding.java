package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.State;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// One stream that is being generated: its state, the tokens so far, its dice. Made by
/// [Decoder#begin()]; any decoder of the same settings goes on with it, one at a time. Used by one
/// thread at a time, but for [#cancel].
public final class Decoding implements AutoCloseable {
    /// Returned in the place of a token when there is none.
    public static final int NONE = -1;

    /// Why a stream is over.
    public enum Ending {
        /// The end token was chosen.
        END_TOKEN,
        /// As many tokens as the limit allows.
        LIMIT,
        /// The constraint, or the model by scores of −∞, allowed nothing after what was said; by
        /// beam search after none of the open paths, if none had ended.
        NOTHING_ALLOWED,
        /// [Decoding#cancel], or [Decoding#close].
        CANCELLED,
        /// The model's scores were none, or the constraint threw: [Decoding#failure].
        FAILED
    }

    private final Model model;
    private final State[] states;
    private final Search search;
    private final Dice dice = new Dice();
    private final Inputs inputs;
    private int polled;
    private volatile boolean cancelled;
    private @Nullable Throwable failure;

    /// What is fed instead of a token next.
    private byte @Nullable [] vector;

    Decoding(
            Model model,
            @Nullable State from,
            Inputs inputs,
            Strategy strategy,
            int limit,
            int end) {
        this.model = model;
        this.inputs = inputs;
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
    /// step from now on. It is copied. An input that was never set is zero.
    ///
    /// @param value one row of the input, elements in the machine's byte order
    /// @throws IllegalArgumentException if the model has no such input, it is the one that tokens
    ///   go to, or the value is not of its size
    public Decoding set(String input, MemorySegment value) {
        inputs.set(input, value, false);
        return this;
    }

    /// Sets an input other than the tokens' for the next step; for those after it, it is zero: a
    /// feature vector that enters at t = 0. It is copied.
    ///
    /// The next step is that of the first token not stepped yet. Of a prompt, all but the last
    /// token are stepped while it is fed: to enter with its first token the vector is set before
    /// the prompt is fed. With a single token the order makes no difference.
    ///
    /// @param value one row of the input, elements in the machine's byte order
    /// @throws IllegalArgumentException as [#set]
    public Decoding setOnce(String input, MemorySegment value) {
        inputs.set(input, value, true);
        return this;
    }

    /// The next token that is decided and was not polled yet; [#NONE] if there is none for now, or
    /// the stream is over.
    ///
    /// @throws IllegalStateException if there is none because the stream failed; [#failure] is the
    ///   cause
    public int poll() {
        if (polled < search.decided()) {
            return search.best().get(polled++);
        }
        requireSound();
        return NONE;
    }

    /// Whether no token will be chosen any more; some may be left to [#poll].
    public boolean isFinished() {
        return cancelled || search.ending != null;
    }

    /// Why the stream is over; null while it is not.
    public @Nullable Ending ending() {
        return cancelled && search.ending == null ? Ending.CANCELLED : search.ending;
    }

    /// What went wrong, if the stream is [Ending#FAILED]: an [IllegalStateException] that says
    /// which score was NaN, +∞ or a negative probability, or what the constraint threw. Else null.
    public @Nullable Throwable failure() {
        return failure;
    }

    /// Ends the stream before its next step, for good; any thread may. What is fed to it from then
    /// on is ignored.
    public void cancel() {
        cancelled = true;
    }

    /// The tokens chosen since a token or vector was fed last, as far as they are decided, without
    /// the end token; those polled, too.
    public int[] tokens() {
        return search.best().chosen(search.decided());
    }

    /// What was found, best first. By beam search the sequences that ended, so none before one has;
    /// at the limit, or if nothing else is allowed, also open ones. Else the one there is.
    public List<Hypothesis> hypotheses() {
        return search.hypotheses();
    }

    /// The stream's state, which has not seen the last token yet; by beam search that of the best
    /// open path. It belongs to the stream.
    public State state() {
        return states[search.path(0).state];
    }

    /// Frees the stream's states; a decoder that still has it in a batch leaves it out. Does
    /// nothing if it is closed already.
    ///
    /// @throws IllegalStateException if it is being stepped by another thread; close it again when
    ///   that is done
    @Override
    public void close() {
        cancel();
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

    Inputs inputs() {
        return inputs;
    }

    byte @Nullable [] vector() {
        return vector;
    }

    boolean isCancelled() {
        return cancelled;
    }

    /// @throws IllegalArgumentException if it is not of that model
    void requireOf(Model other) {
        if (model != other) {
            throw new IllegalArgumentException(
                    "the stream is of model "
                            + model.name()
                            + ", the decoder of "
                            + (model.name().equals(other.name()) ? "another " : "")
                            + other.name());
        }
    }

    /// @throws IllegalStateException if it failed
    void requireSound() {
        if (failure != null) {
            throw failed(failure);
        }
    }

    /// @throws IllegalStateException if it takes nothing that the caller feeds
    void requireFeedable() {
        requireSound();
        search.requireFeedable();
    }

    /// @throws IllegalStateException if there is nothing that the model has yet to see
    void requirePending() {
        if (!search.path(0).pending) {
            throw new IllegalStateException(
                    "there is nothing to go on from: feed a start token, a prompt or a vector"
                            + " first");
        }
    }

    /// Appends what the caller fed; that is no news to it.
    void feed(int token) {
        search.path(0).feed(token);
        fed();
    }

    void feed(byte[] value) {
        search.path(0).feedVector();
        vector = value;
        fed();
    }

    private void fed() {
        search.ending = null;
        polled = search.path(0).length();
    }

    /// The model has seen all that was pending.
    void stepped() {
        for (int i = 0; i < search.open(); i++) {
            search.path(i).pending = false;
        }
        vector = null;
        inputs.stepped();
    }

    /// Ends it for good.
    ///
    /// @return what to throw to who asks for tokens
    IllegalStateException fail(Throwable cause) {
        failure = cause;
        search.ending = Ending.FAILED;
        return failed(cause);
    }

    private static IllegalStateException failed(Throwable cause) {
        String why = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        return new IllegalStateException("the stream failed: " + why, cause);
    }
}
