package dev.runnel.decode;

import java.util.Arrays;
import java.util.Objects;

/// A set of tokens out of a vocabulary, to be filled by a [Constraint].
public final class TokenMask {
    private final int vocabularySize;
    private final long[] words;

    TokenMask(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        this.words = new long[vocabularySize + 63 >> 6];
    }

    void become(TokenMask other) {
        System.arraycopy(other.words, 0, words, 0, words.length);
    }

    /// The first allowed token from `from` on; −1 if there is none.
    int next(int from) {
        if (from >= vocabularySize) {
            return -1;
        }
        int w = from >> 6;
        long rest = words[w] & -1L << from;
        while (rest == 0) {
            if (++w == words.length) {
                return -1;
            }
            rest = words[w];
        }
        return (w << 6) + Long.numberOfTrailingZeros(rest);
    }

    /// The number of tokens there are; tokens are numbered from 0.
    public int vocabularySize() {
        return vocabularySize;
    }

    /// @throws IndexOutOfBoundsException if there is no such token
    public void allow(int token) {
        Objects.checkIndex(token, vocabularySize);
        words[token >> 6] |= 1L << token;
    }

    /// @throws IndexOutOfBoundsException if there is no such token
    public void forbid(int token) {
        Objects.checkIndex(token, vocabularySize);
        words[token >> 6] &= ~(1L << token);
    }

    public void allowAll() {
        Arrays.fill(words, -1L);
        if ((vocabularySize & 63) != 0) {
            words[words.length - 1] = (1L << vocabularySize) - 1;
        }
    }

    public void forbidAll() {
        Arrays.fill(words, 0L);
    }

    /// @throws IndexOutOfBoundsException if there is no such token
    public boolean isAllowed(int token) {
        Objects.checkIndex(token, vocabularySize);
        return (words[token >> 6] & 1L << token) != 0;
    }
}
