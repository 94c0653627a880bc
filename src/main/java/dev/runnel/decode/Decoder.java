package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.function.IntPredicate;

/// A worker's bench for generating: feeds a model its own choices, for one stream or many in one
/// pass over the weights. As a [Session], used by one thread at a time.
///
/// A model to decode takes a token, or a vector, and yields a score for each token of its
/// vocabulary. Each [Decoding] is fed first, with a prompt, a start token or a feature vector; from
/// then on each token it chooses is its next input. After [Model#warmUp] a token costs no garbage
/// beyond the arrays of the strategy, which grow with the stream.
public final class Decoder implements AutoCloseable {
    private final DecoderBuilder settings;
    private final Session session;
    private final TokenPort port;
    private final Scores scores;
    private final List<State> states = new ArrayList<>();
    private final List<Decoding> one = new ArrayList<>();

    Decoder(DecoderBuilder settings, Session session, TokenPort port, Scores scores) {
        this.settings = settings;
        this.session = session;
        this.port = port;
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

    /// A stream from the model's start. Close it before the model.
    public Decoding begin() {
        return settings.begin(null);
    }

    /// A stream that starts where `from` is, such as an encoder's result; it is copied.
    ///
    /// @throws IllegalArgumentException if the state is another model's
    public Decoding begin(State from) {
        return settings.begin(from);
    }

    /// Feeds tokens that were not chosen: a start token, a prompt, what a partner says. The model
    /// sees the last of them with the next step.
    ///
    /// @throws IllegalArgumentException if there is no such token
    /// @throws IllegalStateException if a beam search has begun
    public void feed(Decoding decoding, int... tokens) {
        for (int token : tokens) {
            requireToken(token);
        }
        Search search = decoding.search();
        search.reopen();
        Path path = search.path(0);
        for (int token : tokens) {
            flush(decoding, path);
            path.feed(token);
        }
        decoding.skipFed();
    }

    /// Feeds a vector in the place of a token: float32, as long as the input that tokens go to.
    ///
    /// @throws IllegalArgumentException if its size is not that of the input
    /// @throws IllegalStateException if a beam search has begun
    public void feed(Decoding decoding, MemorySegment vector) {
        port.requireVector(vector);
        Search search = decoding.search();
        search.reopen();
        Path path = search.path(0);
        flush(decoding, path);
        decoding.setVector(vector.toArray(ValueLayout.JAVA_BYTE));
        path.pending = true;
        decoding.skipFed();
    }

    /// What the model makes of these tokens: Σ ln p(token | all before it). They are fed.
    ///
    /// @throws IllegalArgumentException if there is no such token
    /// @throws IllegalStateException if nothing was fed yet that they could follow, or a beam
    ///   search has begun
    public double score(Decoding decoding, int... tokens) {
        double sum = 0;
        for (int token : tokens) {
            requireToken(token);
            Path path = decoding.search().path(0);
            requirePending(path);
            flush(decoding, path);
            scores.loadAll(0);
            sum += scores.get(token) - scores.logSum();
            feed(decoding, token);
        }
        return sum;
    }

    private void requireToken(int token) {
        if (token < 0 || token >= scores.vocabularySize()) {
            throw new IllegalArgumentException(
                    "token is " + token + ", expected 0 to " + (scores.vocabularySize() - 1));
        }
    }

    private static void requirePending(Path path) {
        if (!path.pending) {
            throw new IllegalStateException(
                    "there is nothing to go on from: feed a start token, a prompt or a vector"
                            + " first");
        }
    }

    /// Lets the model see what is pending.
    private void flush(Decoding decoding, Path path) {
        if (path.pending) {
            states.clear();
            put(decoding, 0);
            session.step(states);
            decoding.stepped();
        }
    }

    /// Puts an open path on the next row.
    private void put(Decoding decoding, int i) {
        Path path = decoding.search().path(i);
        int row = states.size();
        byte[] vector = decoding.vector();
        if (vector != null) {
            port.write(row, vector);
            decoding.setVector(null);
        } else {
            port.write(row, path.last());
        }
        if (!decoding.inputs().isEmpty()) {
            for (Map.Entry<String, byte[]> input : decoding.inputs().entrySet()) {
                MemorySegment value = MemorySegment.ofArray(input.getValue());
                session.input(input.getKey(), row).copyFrom(value);
            }
        }
        path.pending = false;
        states.add(decoding.state(i));
    }

    // ---- steps

    /// Makes one step of each stream that is not finished, all in one pass over the weights; poll
    /// them then.
    ///
    /// @throws IllegalArgumentException if they take more rows than the decoder was opened with
    /// @throws IllegalStateException if one was not fed yet, or the model yields NaN
    public void step(List<Decoding> decodings) {
        states.clear();
        int rows = 0;
        for (int d = 0; d < decodings.size(); d++) {
            Decoding decoding = decodings.get(d);
            if (!decoding.isFinished()) {
                requirePending(decoding.search().path(0));
                rows += decoding.search().open();
            }
        }
        if (rows > session.rows()) {
            throw new IllegalArgumentException(
                    decodings.size()
                            + " streams take "
                            + rows
                            + " rows, the decoder has "
                            + session.rows()
                            + "; open it for as many streams");
        }
        if (rows == 0) {
            return;
        }
        for (int d = 0; d < decodings.size(); d++) {
            Decoding decoding = decodings.get(d);
            for (int i = 0; !decoding.isFinished() && i < decoding.search().open(); i++) {
                put(decoding, i);
            }
        }
        session.step(states);
        int row = 0;
        for (int d = 0; d < decodings.size() && row < rows; d++) {
            Decoding decoding = decodings.get(d);
            if (!decoding.isFinished()) {
                int open = decoding.search().open();
                decoding.stepped();
                decoding.search().choose(scores, row);
                row += open;
            }
        }
    }

    /// The stream's next token; [Decoding#NONE] when it is over.
    ///
    /// @throws IllegalStateException if it was not fed yet, or the model yields NaN
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
    /// @throws IllegalStateException if it was not fed yet, or the model yields NaN
    public void run(Decoding decoding, IntPredicate more) {
        int token = next(decoding);
        while (token != Decoding.NONE && more.test(token)) {
            token = next(decoding);
        }
    }

    /// The stream's tokens, each as soon as it is decided.
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
