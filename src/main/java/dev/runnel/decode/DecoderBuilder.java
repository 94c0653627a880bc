package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// What decoders of a model have in common. To be set by one thread; the decoders it opens keep
/// what is set then. They share the constraint and the embedding, also where several threads use
/// them at once.
public final class DecoderBuilder {
    private static final int NO_END = -1;
    private static final int DEFAULT_LIMIT = 256;

    private final Model model;
    private @Nullable String input;
    private @Nullable String output;
    private @Nullable MemorySegment embedding;
    private boolean probabilities;
    private int end = NO_END;
    private int limit = DEFAULT_LIMIT;
    private Strategy strategy = Strategy.greedy();
    private @Nullable Constraint constraint;
    private float repetitionPenalty = 1;

    DecoderBuilder(Model model) {
        this.model = model;
    }

    /// The input that tokens go to; not needed if it is the only one. One int64 or int32 is the
    /// token's number; float32 for each token is a 1 among zeros.
    public DecoderBuilder input(String name) {
        input = Objects.requireNonNull(name);
        return this;
    }

    /// The vectors that stand for tokens, for an input that takes vectors.
    ///
    /// @param vectors float32[V, E] in the machine's byte order; not copied
    public DecoderBuilder embedding(MemorySegment vectors) {
        embedding = vectors.asReadOnly();
        return this;
    }

    /// The output with the scores, float32[…, V]: logits or log-probabilities, whose softmax is
    /// meant. Not needed if it is the only one.
    public DecoderBuilder logits(String name) {
        output = Objects.requireNonNull(name);
        probabilities = false;
        return this;
    }

    /// The output with the scores, float32[…, V]: probabilities, of which none is negative.
    public DecoderBuilder probabilities(String name) {
        output = Objects.requireNonNull(name);
        probabilities = true;
        return this;
    }

    /// The token that ends a stream; by default none does.
    public DecoderBuilder end(int token) {
        end = token;
        return this;
    }

    /// The most tokens to choose after something was fed, 256 by default, an end token included.
    /// Each feed lets as many follow.
    ///
    /// @throws IllegalArgumentException if it is not positive
    public DecoderBuilder limit(int tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException("limit is " + tokens + ", expected at least 1");
        }
        limit = tokens;
        return this;
    }

    /// How tokens are chosen; greedy by default.
    public DecoderBuilder strategy(Strategy value) {
        strategy = Objects.requireNonNull(value);
        return this;
    }

    /// Which tokens may be chosen; by default all.
    public DecoderBuilder constraint(Constraint value) {
        constraint = Objects.requireNonNull(value);
        return this;
    }

    /// Makes tokens that were there before, fed ones included, less likely: their positive scores
    /// are divided by `penalty`, negative ones multiplied (Keskar et al. 2019). 1, the default,
    /// changes nothing.
    ///
    /// @throws IllegalArgumentException if it is not a positive number as a float
    public DecoderBuilder repetitionPenalty(double penalty) {
        float value = (float) penalty;
        if (!(value > 0 && value < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "repetitionPenalty is " + penalty + ", expected a positive float, 1 for none");
        }
        repetitionPenalty = value;
        return this;
    }

    /// A decoder for one stream at a time.
    ///
    /// @throws IllegalArgumentException if the model has no such ports, they are not of a kind that
    ///   tokens and scores can be, or the end token or one of a [Trie] is not in the vocabulary
    /// @throws IllegalStateException if the model cannot be stepped, or is closed
    public Decoder open() {
        return open(1);
    }

    /// A decoder for that many streams at a time.
    ///
    /// @throws IllegalArgumentException as [#open()], and if `streams` is not positive or too many
    /// @throws IllegalStateException if the model cannot be stepped, or is closed
    public Decoder open(int streams) {
        Session session = model.open(rows(streams));
        boolean done = false;
        try {
            Port scored = port("output", model.outputs(), output, ".logits(name)");
            Port fed = port("input", model.inputs(), input, ".input(name)");
            int size = vocabularySize(scored);
            if (end != NO_END && (end < 0 || end >= size)) {
                throw new IllegalArgumentException(
                        "the end token is " + end + ", expected 0 to " + (size - 1));
            }
            if (constraint instanceof Trie trie) {
                trie.requireVocabulary(size);
            }
            Scores scores =
                    new Scores(
                            session.output(scored.name()),
                            session.rows(),
                            size,
                            probabilities,
                            constraint,
                            repetitionPenalty);
            Decoder decoder =
                    new Decoder(
                            new StreamSettings(model, fed.name(), strategy, limit, end),
                            session,
                            TokenPort.of(fed, session, size, embedding),
                            sidePorts(fed, session),
                            scores);
            done = true;
            return decoder;
        } finally {
            if (!done) {
                session.close();
            }
        }
    }

    private int rows(int streams) {
        if (streams < 1) {
            throw new IllegalArgumentException("streams is " + streams + ", expected at least 1");
        }
        long rows = (long) streams * strategy.rows();
        if (rows > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    streams
                            + " streams of "
                            + strategy.rows()
                            + " rows each are more than a session can have");
        }
        return (int) rows;
    }

    private List<SidePort> sidePorts(Port fed, Session session) {
        List<SidePort> all = new ArrayList<>();
        for (int i = 0; i < model.inputs().size(); i++) {
            Port port = model.inputs().get(i);
            if (!port.name().equals(fed.name())) {
                all.add(SidePort.of(i, port, session));
            }
        }
        return List.copyOf(all);
    }

    private Port port(String kind, List<Port> ports, @Nullable String name, String how) {
        List<String> names = ports.stream().map(Port::name).toList();
        if (name == null && ports.size() != 1) {
            throw new IllegalArgumentException(
                    model.name() + " has the " + kind + "s " + names + "; name one: " + how);
        }
        return ports.stream()
                .filter(p -> name == null || p.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        model.name()
                                                + " has no "
                                                + kind
                                                + " '"
                                                + name
                                                + "'; it has "
                                                + names));
    }

    /// V of float32[…, V], all other extents being 1.
    private static int vocabularySize(Port scored) {
        long elements = scored.type().shape().elements();
        int rank = scored.type().shape().rank();
        if (scored.dtype() != DType.FLOAT32
                || rank == 0
                || scored.type().shape().dim(rank - 1) != elements
                || elements < 2) {
            throw new IllegalArgumentException(
                    "output '"
                            + scored.name()
                            + "' is "
                            + scored.type()
                            + " in one step; scores are float32[…, V], all other extents being 1");
        }
        return Math.toIntExact(elements);
    }
}
