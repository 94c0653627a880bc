package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/// What decoders of a model have in common. To be set by one thread; the decoders it opens keep
/// what is set then.
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

    private DecoderBuilder copy() {
        DecoderBuilder copy = new DecoderBuilder(model);
        copy.input = input;
        copy.output = output;
        copy.embedding = embedding;
        copy.probabilities = probabilities;
        copy.end = end;
        copy.limit = limit;
        copy.strategy = strategy;
        copy.constraint = constraint;
        copy.repetitionPenalty = repetitionPenalty;
        return copy;
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

    /// The output with the scores, float32[…, V]: probabilities.
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

    /// The most tokens to choose, 256 by default; those that are fed don't count.
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

    /// Makes tokens that were there before less likely: their positive scores are divided by
    /// `penalty`, negative ones multiplied (Keskar et al. 2019). 1, the default, changes nothing.
    ///
    /// @throws IllegalArgumentException if it is not a positive number
    public DecoderBuilder repetitionPenalty(double penalty) {
        if (!(penalty > 0 && penalty < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "repetitionPenalty is " + penalty + ", expected above 0, 1 for none");
        }
        repetitionPenalty = (float) penalty;
        return this;
    }

    /// A decoder for one stream at a time.
    ///
    /// @throws IllegalArgumentException if the model has no such ports, or they are not of a kind
    ///   that tokens and scores can be
    /// @throws IllegalStateException if the model cannot be stepped, or is closed
    public Decoder open() {
        return open(1);
    }

    /// A decoder for that many streams at a time.
    ///
    /// @throws IllegalArgumentException as [#open()], and if `streams` is not positive or too many
    /// @throws IllegalStateException if the model cannot be stepped, or is closed
    public Decoder open(int streams) {
        Session session = model.open(Math.multiplyExact(streams, strategy.rows()));
        boolean done = false;
        try {
            Port scored = port("output", model.outputs(), output, ".logits(name)");
            Port fed = port("input", model.inputs(), input, ".input(name)");
            int size = vocabularySize(scored);
            if (end != NO_END && (end < 0 || end >= size)) {
                throw new IllegalArgumentException(
                        "the end token is " + end + ", expected 0 to " + (size - 1));
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
                            copy(), session, TokenPort.of(fed, session, size, embedding), scores);
            done = true;
            return decoder;
        } finally {
            if (!done) {
                session.close();
            }
        }
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

    Decoding begin(@Nullable State from) {
        return new Decoding(model, from, strategy, limit, end);
    }
}
