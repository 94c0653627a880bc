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
    int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description =
                    "At a temperature above 0, choose among the best that make the share P of the"
                            + " probability.")
    double topP;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Which dice, at a temperature above 0 (default: ${DEFAULT-VALUE}).")
    long seed;

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
        double t = temperature == null ? usual : temperature;
        require(
                t >= 0 && t < Double.POSITIVE_INFINITY,
                "--temperature is " + t + ", expected at least 0");
        require(topK >= 0, "--top-k is " + topK + ", expected at least 1");
        require(topP > 0 && topP <= 1, "--top-p is " + topP + ", expected above 0, at most 1");
        if (beam != null) {
            require(beam >= 1 && beam <= WIDEST, "--beam is " + beam + ", expected 1 to " + WIDEST);
            require(
                    temperature == null || temperature == 0,
                    "--beam searches for the best sequence: --temperature does not go with it");
            return Strategy.beam(beam);
        }
        return t == 0
                ? Strategy.greedy()
                : Strategy.sample(seed).temperature(t).topK(topK).topP(topP);
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
