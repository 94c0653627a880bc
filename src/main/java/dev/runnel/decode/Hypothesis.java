package dev.runnel.decode;

import java.util.Arrays;
import java.util.List;

/// A sequence that was found.
///
/// @param tokens those chosen, without the end token
/// @param score `ln p / n^lengthPenalty`, at most 0; NaN where no search was made
/// @param ended whether the end token came, and not the limit
public record Hypothesis(List<Integer> tokens, double score, boolean ended) {
    public Hypothesis {
        tokens = List.copyOf(tokens);
    }

    static Hypothesis of(int[] tokens, double score, boolean ended) {
        return new Hypothesis(Arrays.stream(tokens).boxed().toList(), score, ended);
    }
}
