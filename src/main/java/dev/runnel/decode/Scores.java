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

    // For sampling: a heap of tokens, the best on top; the ones taken off it, in order.
    private final int[] heap;
    private final int[] taken;
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
        this.taken = new int[vocabularySize];
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
    /// @throws IllegalStateException if a score is NaN
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
    void loadAll(int row) {
        MemorySegment.copy(output, JAVA_FLOAT_UNALIGNED, row * rowBytes, scores, 0, scores.length);
        for (int v = 0; v < scores.length; v++) {
            if (Float.isNaN(scores[v])) {
                throw new IllegalStateException(
                        "the model's score of token "
                                + v
                                + " is NaN; look for NaN or infinities in its input and weights");
            }
            if (probabilities) {
                scores[v] = Functions.log(scores[v]);
            }
        }
    }

    /// Divides positive scores of tokens that were there before, and multiplies negative ones
    /// (Keskar et al. 2019).
    private void penalise(Path path) {
        mask.forbidAll();
        for (int i = 0; i < path.length(); i++) {
            int v = path.get(i);
            if (v < scores.length && !mask.isAllowed(v)) {
                mask.allow(v);
                scores[v] =
                        scores[v] > 0
                                ? scores[v] / repetitionPenalty
                                : scores[v] * repetitionPenalty;
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

    /// A token at random; −1 if none is allowed.
    int draw(Strategy.Sampling sampling, Dice dice) {
        int best = best();
        if (best < 0) {
            return -1;
        }
        double sum = 0;
        int n = 0;
        if (sampling.topK() == 0) {
            for (int v = 0; v < scores.length; v++) {
                taken[n] = v;
                weights[n] = weight(v, best, sampling.temperature());
                sum += weights[n++];
            }
        } else {
            for (int size = heapify(); n < sampling.topK() && size > 0; size--) {
                sum += take(n++, size, best, sampling.temperature());
            }
        }
        if (sampling.topP() < 1) {
            double enough = sampling.topP() * sum;
            sum = 0;
            n = 0;
            for (int size = heapify(); sum < enough && size > 0; size--) {
                sum += take(n++, size, best, sampling.temperature());
            }
        }
        double left = dice.next() * sum;
        for (int i = 0; i < n; i++) {
            left -= weights[i];
            if (left < 0) {
                return taken[i];
            }
        }
        return best; // what rounding leaves
    }

    private double weight(int v, int best, double temperature) {
        return Functions.exp((float) ((scores[v] - scores[best]) / temperature));
    }

    /// Takes the best token off a heap of that size, and returns its weight.
    private double take(int n, int size, int best, double temperature) {
        taken[n] = heap[0];
        weights[n] = weight(heap[0], best, temperature);
        heap[0] = heap[size - 1];
        sink(0, size - 1);
        return weights[n];
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
