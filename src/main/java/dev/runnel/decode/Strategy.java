package dev.runnel.decode;

/// How a token is chosen by the model's scores.
public sealed interface Strategy {
    /// The token with the best score; of equal ones the first.
    static Strategy greedy() {
        return new Greedy();
    }

    /// A token at random, by the model's probabilities.
    ///
    /// @param seed equal seeds give equal tokens; [Decoding#seed] gives a stream its own
    static Sampling sample(long seed) {
        return new Sampling(seed, 1, 0, 1);
    }

    /// The best sequence that a search of this width finds.
    ///
    /// @throws IllegalArgumentException if the width is not positive
    static Beam beam(int width) {
        return new Beam(width, 1);
    }

    /// The rows of a session that a stream takes.
    int rows();

    /// See [Strategy#greedy].
    record Greedy() implements Strategy {
        @Override
        public int rows() {
            return 1;
        }
    }

    /// See [Strategy#sample]. Each token has probability softmax(scores / temperature); of the most
    /// probable ones as many stay as `topK` (Fan et al. 2018) and `topP` (nucleus sampling,
    /// Holtzman et al. 2019) both let through.
    ///
    /// The draw depends on which tokens stay, not on which setting kept them: `topK` of all tokens
    /// draws as 0 does.
    ///
    /// @param temperature above 0; less than 1 makes what is probable more so, above 1 less so
    /// @param topK the number of tokens that stay; 0 for all
    /// @param topP the least share of the probability, of what `topK` left, that stays; 1 for all
    record Sampling(long seed, double temperature, int topK, double topP) implements Strategy {
        public Sampling {
            require(
                    temperature > 0 && temperature < Double.POSITIVE_INFINITY,
                    "temperature is " + temperature + ", expected above 0; greedy() is its limit");
            require(topK >= 0, "topK is " + topK + ", expected at least 1, or 0 for all");
            require(topP > 0 && topP <= 1, "topP is " + topP + ", expected above 0, at most 1");
        }

        /// @throws IllegalArgumentException if it is not a positive number
        public Sampling temperature(double value) {
            return new Sampling(seed, value, topK, topP);
        }

        /// @throws IllegalArgumentException if it is negative
        public Sampling topK(int value) {
            return new Sampling(seed, temperature, value, topP);
        }

        /// @throws IllegalArgumentException if it is not in (0, 1]
        public Sampling topP(double value) {
            return new Sampling(seed, temperature, topK, value);
        }

        @Override
        public int rows() {
            return 1;
        }
    }

    /// See [Strategy#beam]. A hypothesis of n chosen tokens, the end token included, has the score
    /// `ln p / n^lengthPenalty`. The search ends when it has `width` hypotheses that ended, and no
    /// open one has a better score at its present length than the worst of them.
    ///
    /// Where no open hypothesis may go on, the search ends as well, with those that ended; if there
    /// are none, with the open ones.
    ///
    /// @param width hypotheses that are kept open
    /// @param lengthPenalty 0 leaves ln p as it is, which favours short ones; 1 takes the mean
    record Beam(int width, double lengthPenalty) implements Strategy {
        public Beam {
            require(width > 0, "the beam's width is " + width + ", expected at least 1");
            require(
                    lengthPenalty >= 0 && lengthPenalty < Double.POSITIVE_INFINITY,
                    "lengthPenalty is " + lengthPenalty + ", expected at least 0");
        }

        /// @throws IllegalArgumentException if it is negative
        public Beam lengthPenalty(double value) {
            return new Beam(width, value);
        }

        @Override
        public int rows() {
            return width;
        }
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
