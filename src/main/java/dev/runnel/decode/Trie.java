package dev.runnel.decode;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;

/// Allows the tokens by which what was chosen since the last terminator goes on to one of a set of
/// words; after a whole word also the terminators, behind which the next word begins. (Fredkin,
/// "Trie memory", 1960.)
///
/// The end token is allowed where it is a terminator, and nowhere else: without it among them, a
/// stream ends by its limit only, in the middle of a word perhaps. With the end token and a
/// separator as terminators, a stream says one word or several; as a word must follow a separator,
/// one comes last only at the limit.
public final class Trie implements Constraint {
    // Nodes are numbered in breadth-first order, so the children of each lie side by side, sorted
    // by token: those of n from first[n] to first[n + 1].
    private final int[] token;
    private final int[] first;
    private final boolean[] whole;
    private final int[] terminators;
    private final int greatest;

    private Trie(int[] token, int[] first, boolean[] whole, int[] terminators) {
        this.token = token;
        this.first = first;
        this.whole = whole;
        this.terminators = terminators;
        this.greatest =
                Math.max(
                        Arrays.stream(token).max().orElseThrow(),
                        Arrays.stream(terminators).max().orElseThrow());
    }

    /// A trie of these words.
    ///
    /// @param terminators what may follow a whole word: the end token, or a separator
    /// @throws IllegalArgumentException if there is no word or terminator, a word is empty, or has
    ///   a terminator in it, or a token is negative
    public static Trie of(Collection<int[]> words, int... terminators) {
        if (words.isEmpty() || terminators.length == 0) {
            throw new IllegalArgumentException(
                    "a trie of "
                            + words.size()
                            + " words and "
                            + terminators.length
                            + " terminators, expected at least one of each");
        }
        for (int t : terminators) {
            if (t < 0) {
                throw new IllegalArgumentException("terminator is " + t + ", expected at least 0");
            }
        }
        int[][] sorted = words.stream().map(int[]::clone).toArray(int[][]::new);
        int nodes = 1;
        for (int[] word : sorted) {
            nodes += word.length;
            for (int t : terminators) {
                if (word.length == 0 || Arrays.stream(word).anyMatch(x -> x == t)) {
                    throw new IllegalArgumentException(
                            "word "
                                    + Arrays.toString(word)
                                    + " is empty or has terminator "
                                    + t
                                    + " in it");
                }
            }
        }
        requireTokens(sorted);
        Arrays.sort(sorted, Comparator.comparing(w -> w, Arrays::compare));
        return build(sorted, nodes, terminators.clone());
    }

    private static void requireTokens(int[][] words) {
        for (int[] word : words) {
            for (int t : word) {
                if (t < 0) {
                    throw new IllegalArgumentException(
                            "word "
                                    + Arrays.toString(word)
                                    + " has token "
                                    + t
                                    + ", expected at least 0");
                }
            }
        }
    }

    private static Trie build(int[][] words, int most, int[] terminators) {
        int[] token = new int[most];
        int[] first = new int[most + 1];
        boolean[] whole = new boolean[most];
        // Of each node: the words below it, from … to, and its depth.
        int[] from = new int[most];
        int[] to = new int[most];
        int[] depth = new int[most];
        to[0] = words.length;
        int nodes = 1;
        for (int n = 0; n < nodes; n++) {
            first[n] = nodes;
            int d = depth[n];
            int w = from[n];
            for (; w < to[n] && words[w].length == d; w++) {
                whole[n] = true;
            }
            while (w < to[n]) {
                int child = nodes++;
                token[child] = words[w][d];
                depth[child] = d + 1;
                from[child] = w;
                while (w < to[n] && words[w][d] == token[child]) {
                    w++;
                }
                to[child] = w;
            }
        }
        first[nodes] = nodes;
        return new Trie(
                Arrays.copyOf(token, nodes),
                Arrays.copyOf(first, nodes + 1),
                Arrays.copyOf(whole, nodes),
                terminators);
    }

    /// @throws IllegalArgumentException if a token is none of that vocabulary
    void requireVocabulary(int size) {
        if (greatest >= size) {
            throw new IllegalArgumentException(
                    "a word or terminator of the trie has token "
                            + greatest
                            + ", the vocabulary has 0 to "
                            + (size - 1));
        }
    }

    /// @throws IllegalArgumentException if a word or terminator has a token that is none
    @Override
    public void allow(Tokens soFar, TokenMask allowed) {
        requireVocabulary(allowed.vocabularySize());
        int begin = soFar.length();
        while (begin > soFar.fed() && !isTerminator(soFar.get(begin - 1))) {
            begin--;
        }
        int n = 0;
        for (int i = begin; i < soFar.length() && n >= 0; i++) {
            n = child(n, soFar.get(i));
        }
        if (n < 0) {
            return; // such a word cannot be finished
        }
        for (int c = first[n]; c < first[n + 1]; c++) {
            allowed.allow(token[c]);
        }
        if (whole[n]) {
            for (int t : terminators) {
                allowed.allow(t);
            }
        }
    }

    private boolean isTerminator(int t) {
        for (int x : terminators) {
            if (x == t) {
                return true;
            }
        }
        return false;
    }

    private int child(int n, int t) {
        int c = Arrays.binarySearch(token, first[n], first[n + 1], t);
        return Math.max(c, -1);
    }
}
