package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import java.util.Collection;

/// How to compile the model: the options that all commands share that run one.
final class ModelOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PortOptions ports;

    @Option(
            names = "--kernels",
            paramLabel = "SET",
            description =
                    "The arithmetic: vector, scalar, or auto (the default: scalar at first, vector"
                            + " once it is compiled, where it is there). All give the same bits.")
    private KernelSet kernels = KernelSet.AUTO;

    @Option(
            names = "--weights",
            paramLabel = "PRECISION",
            description =
                    "How to store the weights of recurrent and dense layers: f32,"
                            + " bf16, or int8 with a scale for each gate row; unless said"
                            + " otherwise the numbers of the file as they are.")
    private @Nullable Precision weights;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description =
                    "How many threads share the large products of recurrent layers; 1 unless said"
                            + " otherwise. All give the same bits.")
    private int threads = 1;

    /// Names of inputs that need no value: bound, or carried as state.
    Collection<String> suppliedInputs() {
        return ports.suppliedInputs();
    }

    /// Whether weights are to be packed otherwise than they are.
    boolean asksForPrecision() {
        return weights != null;
    }

    /// The options for this graph, added to `base`.
    ///
    /// @throws ParameterException if they name what the graph does not have, or are out of range
    Options applyTo(Options base, Graph graph) {
        Options o = ports.applyTo(base, graph).kernels(kernels);
        o = weights == null ? o : o.weights(weights);
        try {
            return o.threads(threads);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
        }
    }
}
