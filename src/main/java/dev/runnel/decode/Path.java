package dev.runnel.decode;

import java.util.Arrays;
import java.util.Objects;

/// A row of the model that is being generated: its tokens, the last of which the model has yet to
/// see, and the log-probability of those chosen.
final class Path implements Tokens {
    private int[] tokens = new int[64];
    private int length;
    private int fed;

    /// ln p of the tokens chosen; for a finished one the score.
    double score;

    /// Which of the stream's states is this row's.
    int state;

    /// Whether the last token, or a vector, is yet to be stepped.
    boolean pending;

    @Override
    public int length() {
        return length;
    }

    @Override
    public int fed() {
        return fed;
    }

    @Override
    public int get(int index) {
        Objects.checkIndex(index, length);
        return tokens[index];
    }

    int last() {
        return tokens[length - 1];
    }

    /// The number of tokens chosen.
    int chosen() {
        return length - fed;
    }

    /// The tokens chosen before index `end`.
    int[] chosen(int end) {
        return Arrays.copyOfRange(tokens, fed, Math.max(fed, end));
    }

    void choose(int token) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * length);
        }
        tokens[length++] = token;
        pending = true;
    }

    /// Appends a token that the caller fed: what was chosen before it counts as fed, too.
    void feed(int token) {
        choose(token);
        fed = length;
    }

    void become(Path other) {
        if (tokens.length < other.length) {
            tokens = new int[other.tokens.length];
        }
        System.arraycopy(other.tokens, 0, tokens, 0, other.length);
        length = other.length;
        fed = other.fed;
        score = other.score;
        pending = other.pending;
    }

    /// How many tokens, from the first on, are the same; both have at least `from`, which are.
    int common(Path other, int from) {
        int most = Math.min(length, other.length);
        int n = from;
        while (n < most && tokens[n] == other.tokens[n]) {
            n++;
        }
        return n;
    }
}
