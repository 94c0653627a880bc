package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.function.IntPredicate;

/// A worker's bench for generating: feeds a model its own choices, for one stream or many in one
/// pass over the weights. As a [Session], used by one thread at a time, but for [#begin()].
///
/// A model to decode takes a token, or a vector, and yields a score for each token of its
/// vocabulary. Each [Decoding] is fed first, with a prompt, a start token or a feature vector; from
/// then on each token it chooses is its next input. After [Model#warmUp] a token costs no garbage
/// beyond the arrays of the strategy, which grow with the stream.
///
/// A step that cannot be made throws, and has changed no stream. A stream whose scores are NaN once
/// it is made, or whose constraint throws, is [Decoding.Ending#FAILED] for good: who polls it gets
/// the exception, the other streams of the batch don't notice.
public final class Decoder implements AutoCloseable {
    private final StreamSettings settings;
    private final Session session;
    private final TokenPort port;
    private final List<SidePort> sidePorts;
    private final Scores scores;
    private final List<State> states = new ArrayList<>();
    private final List<Decoding> stepped = new ArrayList<>();
    private final List<Decoding> one = new ArrayList<>();

    Decoder(
            StreamSettings settings,
            Session session,
            TokenPort port,
            List<SidePort> sidePorts,
            Scores scores) {
        this.settings = settings;
        this.session = session;
        this.port = port;
        this.sidePorts = sidePorts;
        this.scores = scores;
    }

    /// Settings for decoders of `model`.
    public static DecoderBuilder of(Model model) {
        return new DecoderBuilder(model);
    }

    /// The number of tokens there are.
    public int vocabularySize() {
        return scores.vocabularySize();
    }

    // ---- streams

    /// A stream from the model's start. Close it before the model. Any thread may begin one, also
    /// while another one uses the decoder, or after that was closed.
    ///
    /// @throws IllegalStateException if the model is closed
    public Decoding begin() {
        return settings.begin(null);
    }

    /// A stream that starts where `from` is, such as an encoder's result; it is copied. Any thread
    /// may begin one, as [#begin()].
    ///
    /// @throws IllegalArgumentException if the state is another model's
    /// @throws IllegalStateException if the model or the state is closed, or the state in use
    public Decoding begin(State from) {
        return settings.begin(from);
    }

    /// Feeds tokens that were not chosen: a start token, a prompt, what a partner says. All but the
    /// last are stepped at once, alone; the model sees the last of them with the next step.
    ///
    /// A stream that has ended goes on. The limit counts anew, and [Decoding#tokens] begins anew;
    /// tokens chosen before and not polled are not handed over any more. No tokens, or a stream
    /// that was cancelled: does nothing.
    ///
    /// @throws IllegalArgumentException if there is no such token, or the stream is another model's
    /// @throws IllegalStateException if a beam search has begun or the stream has failed, or if the
    ///   stream or the decoder is closed or in use; tokens before that are fed
    public void feed(Decoding decoding, int... tokens) {
        requireFeedable(decoding, tokens);
        for (int t = 0; t < tokens.length && !decoding.isCancelled(); t++) {
            flush(decoding);
            decoding.feed(tokens[t]);
        }
    }

    /// Feeds a vector in the place of a token: float32, as long as the input that tokens go to. It
    /// is copied. What holds of tokens that are fed holds of it.
    ///
    /// @throws IllegalArgumentException if its size is not that of the input, or the stream is
    ///   another model's
    /// @throws IllegalStateException as [#feed(Decoding, int...)]
    public void feed(Decoding decoding, MemorySegment vector) {
        port.requireVector(vector);
        requireFeedable(decoding);
        if (!decoding.isCancelled()) {
            flush(decoding);
            decoding.feed(vector.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /// What the model makes of these tokens: Σ ln p(token | all before it), by its scores alone,
    /// without penalty and constraint. They are fed, as by [#feed(Decoding, int...)].
    ///
    /// @throws IllegalArgumentException if there is no such token, or the stream is another model's
    /// @throws IllegalStateException if nothing was fed yet that they could follow, a beam search
    ///   has begun, the stream was cancelled, or fails as the model yields NaN
    public double score(Decoding decoding, int... tokens) {
        requireFeedable(decoding, tokens);
        decoding.requirePending();
        double sum = 0;
        for (int token : tokens) {
            if (decoding.isCancelled()) {
                throw new IllegalStateException("the stream was cancelled");
            }
            flush(decoding);
            try {
                scores.loadAll(0);
            } catch (IllegalStateException e) {
                throw decoding.fail(e);
            }
            sum += scores.get(token) - scores.logSum();
            decoding.feed(token);
        }
        return sum;
    }

    private void requireFeedable(Decoding decoding, int... tokens) {
        decoding.requireOf(settings.model());
        decoding.requireFeedable();
        for (int token : tokens) {
            if (token < 0 || token >= scores.vocabularySize()) {
                throw new IllegalArgumentException(
                        "token is " + token + ", expected 0 to " + (scores.vocabularySize() - 1));
            }
        }
    }

    /// Lets the model see what is pending.
    private void flush(Decoding decoding) {
        if (decoding.search().path(0).pending) {
            stepped.clear();
            stepped.add(decoding);
            advance();
        }
    }

    // ---- steps

    /// Makes one step of each stream that is not over, all in one pass over the weights; poll them
    /// then. If it throws, it has changed none of them. A stream of which something is wrong after
    /// the step, as it yields NaN, fails by itself: see [Decoding#failure].
    ///
    /// @throws IllegalArgumentException if they take more rows than the decoder was opened with, or
    ///   one is another model's; or if the model finds a value out of its range, such as an index:
    ///   step them one by one then to know whose it is
    /// @throws IllegalStateException if one was not fed yet, is there twice or in use by another
    ///   thread, or if the decoder is closed
    public void step(List<Decoding> decodings) {
        stepped.clear();
        int rows = 0;
        // Whoever is cancelled from here on still makes this step.
        for (int d = 0; d < decodings.size(); d++) {
            Decoding decoding = decodings.get(d);
            decoding.requireOf(settings.model());
            if (!decoding.isFinished()) {
                decoding.requirePending();
                rows += decoding.search().open();
                stepped.add(decoding);
            }
        }
        if (rows > session.rows()) {
            throw new IllegalArgumentException(
                    stepped.size()
                            + " streams take "
                            + rows
                            + " rows, the decoder has "
                            + session.rows()
                            + "; open it for as many streams");
        }
        if (rows > 0) {
            advance();
            choose();
        }
    }

    /// Steps what is pending of the streams in `stepped`: of all, or, if it throws, of none.
    private void advance() {
        states.clear();
        for (int d = 0; d < stepped.size(); d++) {
            Decoding decoding = stepped.get(d);
            for (int i = 0; i < decoding.search().open(); i++) {
                put(decoding, i);
            }
        }
        session.step(states);
        for (int d = 0; d < stepped.size(); d++) {
            stepped.get(d).stepped();
        }
    }

    /// Puts an open path on the next row: all its inputs, so that nothing is left of who was there
    /// before.
    private void put(Decoding decoding, int i) {
        int row = states.size();
        byte[] vector = decoding.vector();
        if (vector != null) {
            port.write(row, vector);
        } else {
            port.write(row, decoding.search().path(i).last());
        }
        for (int p = 0; p < sidePorts.size(); p++) {
            SidePort side = sidePorts.get(p);
            side.write(row, decoding.inputs().value(side.index()));
        }
        states.add(decoding.state(i));
    }

    /// Lets each stream in `stepped` choose by its own rows, or fail.
    private void choose() {
        int row = 0;
        for (int d = 0; d < stepped.size(); d++) {
            Decoding decoding = stepped.get(d);
            int rows = decoding.search().open();
            try {
                decoding.search().choose(scores, row);
            } catch (RuntimeException | Error e) {
                decoding.fail(e);
            }
            row += rows;
        }
    }

    /// The stream's next token; [Decoding#NONE] when it is over.
    ///
    /// @throws IllegalArgumentException as [#step]
    /// @throws IllegalStateException as [#step] and [Decoding#poll]: if it was not fed yet, or
    ///   fails
    public int next(Decoding decoding) {
        int token = decoding.poll();
        while (token == Decoding.NONE && !decoding.isFinished()) {
            step(one(decoding));
            token = decoding.poll();
        }
        return token;
    }

    private List<Decoding> one(Decoding decoding) {
        one.clear();
        one.add(decoding);
        return one;
    }

    /// Hands over each token as soon as it is decided, until the stream is over or `more` says
    /// false.
    ///
    /// @throws IllegalArgumentException as [#next]
    /// @throws IllegalStateException as [#next]
    public void run(Decoding decoding, IntPredicate more) {
        int token = next(decoding);
        while (token != Decoding.NONE && more.test(token)) {
            token = next(decoding);
        }
    }

    /// The stream's tokens, each as soon as it is decided. The iterator throws what [#next] does.
    public PrimitiveIterator.OfInt tokens(Decoding decoding) {
        return new PrimitiveIterator.OfInt() {
            private int token = Decoding.NONE;

            @Override
            public boolean hasNext() {
                if (token == Decoding.NONE) {
                    token = Decoder.this.next(decoding);
                }
                return token != Decoding.NONE;
            }

            @Override
            public int nextInt() {
                if (!hasNext()) {
                    throw new NoSuchElementException("the stream is over: " + decoding.ending());
                }
                int t = token;
                token = Decoding.NONE;
                return t;
            }
        };
    }

    /// Frees the bench; streams live on.
    @Override
    public void close() {
        session.close();
    }
}
