package dev.runnel.decode;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Objects;

/// A row of the model that is being generated: its tokens, the last of which the model has yet to
/// see, and the log-probability of those chosen.
final class Path implements Tokens {
    private int[] tokens = new int[64];
    private int length;
    private int fed;

    /// The tokens before `saidLength` as a set; null until it is asked for.
    private @Nullable TokenMask said;

    private int saidLength;

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
        return Arrays.copyOfRange(tokens, fed, end);
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

    /// A vector was fed: as [#feed], but no token stands for it.
    void feedVector() {
        fed = length;
        pending = true;
    }

    /// The tokens there are. Only those that came since it was last asked for are looked at.
    TokenMask said(int vocabularySize) {
        TokenMask mask = said;
        if (mask == null) {
            mask = new TokenMask(vocabularySize);
            said = mask;
        }
        for (; saidLength < length; saidLength++) {
            mask.allow(tokens[saidLength]);
        }
        return mask;
    }

    void become(Path other) {
        if (tokens.length < other.length) {
            tokens = new int[other.tokens.length];
        }
        if (other.said == null) {
            said = null;
        } else {
            if (said == null) {
                said = new TokenMask(other.said.vocabularySize());
            }
            said.become(other.said);
        }
        saidLength = other.saidLength;
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
