package dev.runnel.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.scalar.Functions;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// The scores of one row at a time, in arrays that are made once: what is allowed, and the choice.
///
/// Tokens are compared by score; of equal ones the first wins. All sums are taken in one order, in
/// double, over exponentials of [Functions#exp]: the same choice on every platform.
final class Scores {
    private final MemorySegment output;
    private final long rowBytes;
    private final boolean probabilities;
    private final @Nullable Constraint constraint;
    private final float repetitionPenalty;
    private final float[] scores;
    private final TokenMask mask;

    // For sampling: a heap of tokens, the best on top; exp(score) of those let through, relative.
    private final int[] heap;
    private final double[] weights;

    Scores(
            MemorySegment output,
            int rows,
            int vocabularySize,
            boolean probabilities,
            @Nullable Constraint constraint,
            float repetitionPenalty) {
        this.output = output;
        this.rowBytes = output.byteSize() / rows;
        this.probabilities = probabilities;
        this.constraint = constraint;
        this.repetitionPenalty = repetitionPenalty;
        this.scores = new float[vocabularySize];
        this.mask = new TokenMask(vocabularySize);
        this.heap = new int[vocabularySize];
        this.weights = new double[vocabularySize];
    }

    int vocabularySize() {
        return scores.length;
    }

    float get(int token) {
        return scores[token];
    }

    /// Reads the scores of `row`, whose tokens are `path`: −∞ for what is not allowed.
    ///
    /// @throws IllegalStateException as [#loadAll]
    void load(int row, Path path) {
        loadAll(row);
        if (repetitionPenalty != 1) {
            penalise(path);
        }
        if (constraint != null) {
            mask.forbidAll();
            constraint.allow(path, mask);
            for (int v = 0; v < scores.length; v++) {
                if (!mask.isAllowed(v)) {
                    scores[v] = Float.NEGATIVE_INFINITY;
                }
            }
        }
    }

    /// Reads the scores of `row` as the model gives them.
    ///
    /// @throws IllegalStateException if one is NaN, +∞ or a negative probability
    void loadAll(int row) {
        MemorySegment.copy(output, JAVA_FLOAT_UNALIGNED, row * rowBytes, scores, 0, scores.length);
        for (int v = 0; v < scores.length; v++) {
            float s = scores[v];
            if (!(s < Float.POSITIVE_INFINITY)) {
                throw new IllegalStateException(
                        "the model's score of token "
                                + v
                                + " is "
                                + s
                                + "; look for NaN or infinities in its input and weights");
            }
            if (probabilities) {
                if (s < 0) {
                    throw new IllegalStateException(
                            "the model's probability of token "
                                    + v
                                    + " is "
                                    + s
                                    + "; if the output has logits, name it by .logits(name)");
                }
                scores[v] = Functions.log(s);
            }
        }
    }

    /// Divides positive scores of tokens that were there before, and multiplies negative ones
    /// (Keskar et al. 2019). What is possible stays so.
    private void penalise(Path path) {
        TokenMask said = path.said(scores.length);
        for (int v = said.next(0); v >= 0; v = said.next(v + 1)) {
            float s = scores[v];
            if (s != Float.NEGATIVE_INFINITY) {
                float penalised = s > 0 ? s / repetitionPenalty : s * repetitionPenalty;
                scores[v] = Math.clamp(penalised, -Float.MAX_VALUE, Float.MAX_VALUE);
            }
        }
    }

    /// The best token; −1 if none is allowed.
    int best() {
        int best = 0;
        for (int v = 1; v < scores.length; v++) {
            if (scores[v] > scores[best]) {
                best = v;
            }
        }
        return scores[best] == Float.NEGATIVE_INFINITY ? -1 : best;
    }

    /// ln Σ exp(score), so that `get(v) − logSum()` is ln p of token v.
    double logSum() {
        int best = best();
        if (best < 0) {
            return Double.NEGATIVE_INFINITY;
        }
        float top = scores[best];
        double sum = 0;
        for (float s : scores) {
            sum += Functions.exp(s - top);
        }
        return top + StrictMath.log(sum);
    }

    /// A token at random; −1 if none is allowed. It depends on which tokens are let through, not on
    /// how they were found: they are added up in the order of their numbers.
    int draw(Strategy.Sampling sampling, Dice dice) {
        int best = best();
        if (best < 0) {
            return -1;
        }
        int last = sampling.topK() == 0 ? -1 : lastOf(sampling.topK());
        double sum = weigh(last, best, sampling.temperature());
        if (sampling.topP() < 1) {
            last = lastOf(sampling.topP() * sum, last);
            sum = weigh(last, best, sampling.temperature());
        }
        double left = dice.next() * sum;
        for (int v = 0; v < scores.length; v++) {
            left -= weights[v];
            if (left < 0) {
                return v;
            }
        }
        return best; // what rounding leaves
    }

    /// Weighs the tokens that are not worse than `last`, all if it is −1, and returns the sum.
    private double weigh(int last, int best, double temperature) {
        double sum = 0;
        for (int v = 0; v < scores.length; v++) {
            weights[v] =
                    last >= 0 && isBetter(last, v)
                            ? 0
                            : Functions.exp((float) ((scores[v] - scores[best]) / temperature));
            sum += weights[v];
        }
        return sum;
    }

    /// The last of the `n` best tokens, or of all that are allowed.
    private int lastOf(int n) {
        int size = heapify();
        for (int i = Math.min(n, size); i > 1; i--) {
            take(size--);
        }
        return heap[0];
    }

    /// The last of the best tokens that together weigh `enough`; at the latest `last`.
    private int lastOf(double enough, int last) {
        int size = heapify();
        double sum = weights[heap[0]];
        while (sum < enough && heap[0] != last && size > 1) {
            take(size--);
            sum += weights[heap[0]];
        }
        return heap[0];
    }

    /// Takes the best token off a heap of that size.
    private void take(int size) {
        heap[0] = heap[size - 1];
        sink(0, size - 1);
    }

    /// Makes a heap of all allowed tokens, and returns its size.
    private int heapify() {
        int size = 0;
        for (int v = 0; v < scores.length; v++) {
            if (scores[v] != Float.NEGATIVE_INFINITY) {
                heap[size++] = v;
            }
        }
        for (int i = size / 2 - 1; i >= 0; i--) {
            sink(i, size);
        }
        return size;
    }

    private void sink(int i, int size) {
        int v = heap[i];
        int at = i;
        for (int child = 2 * at + 1; child < size; child = 2 * at + 1) {
            if (child + 1 < size && isBetter(heap[child + 1], heap[child])) {
                child++;
            }
            if (!isBetter(heap[child], v)) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = v;
    }

    private boolean isBetter(int a, int b) {
        return scores[a] > scores[b] || scores[a] == scores[b] && a < b;
    }
}
