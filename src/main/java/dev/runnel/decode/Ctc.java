package dev.runnel.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/// Tokens from scores that come frame by frame, as speech recognisers trained by connectionist
/// temporal classification yield them (Graves et al. 2006): one score for each token and one for
/// the blank; a token in several frames is one token unless a blank parts them. Takes frames as
/// they come and hands over each token as soon as it is decided. Of one stream, used by one thread
/// at a time.
///
/// The beam keeps the `width` most probable sequences, the probabilities of all alignments of each
/// added up (Hannun et al. 2014), as far as they are not less probable than the best by `margin`
/// nats; a token is decided when all of them begin with it. Width 1 is greedy: the best score of
/// each frame, decided at once. Once its arrays have grown, to what is undecided at most, it
/// allocates nothing.
public final class Ctc {
    private static final double NEVER = Double.NEGATIVE_INFINITY;
    private static final int NONE = -1;
    private static final double DEFAULT_MARGIN = 8;

    private final int vocabularySize;
    private final int blank;
    private final int width;
    private final double margin;
    private final float[] scores;

    /// The token of the last frame, for the greedy way.
    private int last;

    private final PrefixTree tree = new PrefixTree();

    // The sequences kept, the most probable first: node in the tree, ln p of its alignments that
    // end in a blank, and of those that do not, both relative to the first one's. So scores need
    // not add up to one: what is common to a frame's makes no difference.
    private final int[] node;
    private final double[] byBlank;
    private final double[] byToken;
    private int kept;

    // The same after the frame, and what it comes from: an old one, or one more token behind it.
    private final double[] stayByBlank;
    private final double[] stayByToken;
    private final int[] from;
    private final int[] token;
    private final double[] total;
    private final int[] newNode;
    private final double[] newByBlank;
    private final double[] newByToken;
    private int found;

    private Ctc(int vocabularySize, int blank, int width, double margin) {
        if (vocabularySize < 2
                || blank < 0
                || blank >= vocabularySize
                || width < 1
                || !(margin > 0)) {
            throw new IllegalArgumentException(
                    "vocabularySize is "
                            + vocabularySize
                            + ", blank "
                            + blank
                            + ", width "
                            + width
                            + ", margin "
                            + margin
                            + "; expected at least 2, one of its tokens, at least 1, above 0");
        }
        this.vocabularySize = vocabularySize;
        this.blank = blank;
        this.width = width;
        this.margin = margin;
        this.scores = new float[vocabularySize];
        this.node = new int[width];
        this.byBlank = new double[width];
        this.byToken = new double[width];
        this.stayByBlank = new double[width];
        this.stayByToken = new double[width];
        this.from = new int[width];
        this.token = new int[width];
        this.total = new double[width];
        this.newNode = new int[width];
        this.newByBlank = new double[width];
        this.newByToken = new double[width];
        reset();
    }

    /// The best score of each frame.
    ///
    /// @param vocabularySize the number of scores of a frame, that of the blank included
    /// @param blank the blank's place among them
    /// @throws IllegalArgumentException if there are less than two scores, or no such place
    public static Ctc greedy(int vocabularySize, int blank) {
        return new Ctc(vocabularySize, blank, 1, DEFAULT_MARGIN);
    }

    /// The most probable sequence among `width`, with a margin of 8 nats: one in 3,000.
    ///
    /// @param vocabularySize the number of scores of a frame, that of the blank included
    /// @param blank the blank's place among them
    /// @throws IllegalArgumentException if there are less than two scores, no such place, or the
    ///   width is not positive
    public static Ctc beam(int vocabularySize, int blank, int width) {
        return beam(vocabularySize, blank, width, DEFAULT_MARGIN);
    }

    /// The most probable sequence among `width`.
    ///
    /// @param margin sequences that are less probable than the best by more nats are dropped, which
    ///   decides tokens sooner; infinite for none
    /// @throws IllegalArgumentException as [#beam(int, int, int)], and if the margin is not
    ///   positive
    public static Ctc beam(int vocabularySize, int blank, int width, double margin) {
        return new Ctc(vocabularySize, blank, width, margin);
    }

    /// Forgets all frames.
    public void reset() {
        last = blank;
        tree.clear();
        node[0] = tree.root();
        tree.setEntry(node[0], 0);
        byBlank[0] = 0;
        byToken[0] = NEVER;
        kept = 1;
    }

    /// Takes the scores of the next frame.
    ///
    /// @param frame float32[V]: logits or log-probabilities, in the machine's byte order
    /// @param decided is given each token that no later frame can change
    /// @throws IllegalArgumentException if there are more or less than V scores
    /// @throws IllegalStateException if one is NaN or +∞, or all are −∞; the frame counts for
    ///   nothing then
    public void accept(MemorySegment frame, IntConsumer decided) {
        if (frame.byteSize() != 4L * vocabularySize) {
            throw new IllegalArgumentException(
                    "the frame has "
                            + frame.byteSize()
                            + " bytes, expected "
                            + 4L * vocabularySize
                            + " for "
                            + vocabularySize
                            + " scores");
        }
        MemorySegment.copy(frame, JAVA_FLOAT_UNALIGNED, 0, scores, 0, vocabularySize);
        int best = best();
        if (width == 1) {
            if (best != last && best != blank) {
                decided.accept(best);
            }
            last = best;
            return;
        }
        stay();
        extend();
        keep();
        decide(decided);
    }

    /// Ends the stream: hands over what the most probable sequence still has, and is ready for the
    /// next one.
    public void finish(IntConsumer decided) {
        try {
            if (width > 1) {
                tree.forEachToken(node[0], decided);
            }
        } finally {
            reset();
        }
    }

    private int best() {
        int best = 0;
        for (int v = 0; v < vocabularySize; v++) {
            if (!(scores[v] < Float.POSITIVE_INFINITY)) {
                throw new IllegalStateException("the score of token " + v + " is " + scores[v]);
            }
            if (scores[v] > scores[best]) {
                best = v;
            }
        }
        if (scores[best] == Float.NEGATIVE_INFINITY) {
            throw new IllegalStateException(
                    "all scores of the frame are −∞: no token is possible, nor the blank");
        }
        return best;
    }

    private static double sum(double a, double b) {
        double most = Math.max(a, b);
        return most == NEVER
                ? NEVER
                : most + StrictMath.log1p(StrictMath.exp(Math.min(a, b) - most));
    }

    /// What each kept sequence is worth if the frame adds nothing to it: a blank, or its last token
    /// once more.
    private void stay() {
        for (int e = 0; e < kept; e++) {
            int t = tree.token(node[e]);
            stayByBlank[e] = sum(byBlank[e], byToken[e]) + scores[blank];
            stayByToken[e] = t == NONE ? NEVER : byToken[e] + scores[t];
        }
    }

    /// What it is worth with one more token: joined with a kept sequence that is the same, else a
    /// candidate to be kept.
    private void extend() {
        found = 0;
        for (int e = 0; e < kept; e++) {
            for (int v = 0; v < vocabularySize; v++) {
                int entry = v == blank ? NONE : tree.entry(tree.child(node[e], v));
                if (entry != NONE) {
                    stayByToken[entry] = sum(stayByToken[entry], extended(e, v));
                }
            }
        }
        for (int e = 0; e < kept; e++) {
            offer(e, NONE, sum(stayByBlank[e], stayByToken[e]));
        }
        for (int e = 0; e < kept; e++) {
            for (int v = 0; v < vocabularySize; v++) {
                if (v != blank && tree.entry(tree.child(node[e], v)) == NONE) {
                    offer(e, v, extended(e, v));
                }
            }
        }
    }

    private double extended(int e, int v) {
        // A token that follows itself needs a blank between.
        double before = v == tree.token(node[e]) ? byBlank[e] : sum(byBlank[e], byToken[e]);
        return before + scores[v];
    }

    private void offer(int entry, int next, double value) {
        if (value == NEVER) {
            return;
        }
        int at = found;
        if (at == width) {
            if (value <= total[at - 1]) {
                return;
            }
            at--;
        } else {
            found++;
        }
        for (; at > 0 && value > total[at - 1]; at--) {
            from[at] = from[at - 1];
            token[at] = token[at - 1];
            total[at] = total[at - 1];
        }
        from[at] = entry;
        token[at] = next;
        total[at] = value;
    }

    private void keep() {
        while (total[found - 1] < total[0] - margin) {
            found--;
        }
        for (int i = 0; i < found; i++) {
            boolean stays = token[i] == NONE;
            newNode[i] = stays ? node[from[i]] : tree.grow(node[from[i]], token[i]);
            newByBlank[i] = stays ? stayByBlank[from[i]] : NEVER;
            newByToken[i] = stays ? stayByToken[from[i]] : total[i];
        }
        for (int e = 0; e < kept; e++) {
            tree.setEntry(node[e], NONE);
        }
        for (int i = 0; i < found; i++) {
            tree.setEntry(newNode[i], i);
        }
        for (int e = 0; e < kept; e++) {
            tree.prune(node[e]);
        }
        System.arraycopy(newNode, 0, node, 0, found);
        // Relative to the best one, so that an endless stream does not run out of range.
        for (int i = 0; i < found; i++) {
            byBlank[i] = newByBlank[i] - total[0];
            byToken[i] = newByToken[i] - total[0];
        }
        kept = found;
    }

    private void decide(IntConsumer decided) {
        int only = tree.descend();
        while (only != NONE) {
            decided.accept(only);
            only = tree.descend();
        }
    }
}
