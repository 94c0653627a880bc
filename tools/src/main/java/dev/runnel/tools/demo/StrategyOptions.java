package dev.runnel.tools.demo;

import dev.runnel.decode.Strategy;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The options that say how tokens are chosen.
final class StrategyOptions {
    private static final int WIDEST = 1000;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 takes the best-scored token, more is bolder (default: the command's).")
    @Nullable Double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "At a temperature above 0, choose among the K best.")
    @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description =
                    "At a temperature above 0, choose among the best that make the share P of the"
                            + " probability.")
    @Nullable Double topP;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Which dice, at a temperature above 0 (default: 1).")
    @Nullable Long seed;

    @Option(
            names = "--beam",
            paramLabel = "N",
            description = "Search for the best sequence, keeping N open, instead.")
    @Nullable Integer beam;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    /// @param usual the temperature if none is given
    Strategy strategy(double usual) {
        if (beam != null) {
            require(beam >= 1 && beam <= WIDEST, "--beam is " + beam + ", expected 1 to " + WIDEST);
            require(
                    temperature == null || temperature == 0,
                    "--beam searches for the best sequence: --temperature does not go with it");
            refuseDice("--beam searches for the best sequence: %s does not go with it");
            return Strategy.beam(beam);
        }
        double t = temperature == null ? usual : temperature;
        require(
                t >= 0 && t < Double.POSITIVE_INFINITY,
                "--temperature is " + t + ", expected at least 0 and not infinite");
        if (t == 0) {
            refuseDice("temperature 0 takes the best: %s needs a --temperature above 0");
            return Strategy.greedy();
        }
        int k = topK == null ? 0 : topK; // 0 is all
        double p = topP == null ? 1 : topP;
        require(topK == null || k >= 1, "--top-k is " + k + ", expected at least 1");
        require(p > 0 && p <= 1, "--top-p is " + p + ", expected above 0, at most 1");
        return Strategy.sample(seed == null ? 1 : seed).temperature(t).topK(k).topP(p);
    }

    /// Nothing that was asked for is ignored.
    private void refuseDice(String message) {
        require(topK == null, message.formatted("--top-k"));
        require(topP == null, message.formatted("--top-p"));
        require(seed == null, message.formatted("--seed"));
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
