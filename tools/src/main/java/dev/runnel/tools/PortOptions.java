package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.graph.Graph;
import dev.runnel.graph.ValueInfo;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/// What a model's inputs are in one step, and its state: options of commands on one model.
final class PortOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(
            names = "--bind",
            paramLabel = "NAME=NUMBER",
            description = "Fix an input to a number, as in --bind sr=16000.")
    private Map<String, Double> bound = new LinkedHashMap<>();

    @Option(
            names = "--dimension",
            paramLabel = "SYMBOL=SIZE",
            description = "Fix a symbolic dimension of the inputs, as in --dimension batch=1.")
    private Map<String, Long> dimensions = new LinkedHashMap<>();

    @Option(
            names = "--shape",
            paramLabel = "INPUT=SHAPE",
            converter = {CommandLine.UseDefaultConverter.class, Dims.class},
            description =
                    "The shape of an input in one step, where the model leaves it open, as in"
                            + " --shape input=1x576.")
    private Map<String, long[]> shapes = new LinkedHashMap<>();

    @Option(
            names = "--state",
            paramLabel = "OUT=IN",
            description =
                    "Carry an output to an input of the next step, as in --state stateN=state."
                            + " States of recurrent nodes are found without this.")
    private Map<String, String> states = new LinkedHashMap<>();

    @Option(
            names = "--stateful",
            description =
                    "Keep the state of recurrent nodes that start from zero from step to step.")
    private boolean stateful;

    static final class Dims implements CommandLine.ITypeConverter<long[]> {
        @Override
        public long[] convert(String text) {
            try {
                long[] dims =
                        text.isEmpty()
                                ? new long[0]
                                : Arrays.stream(text.split("[x,]", -1))
                                        .mapToLong(Long::parseLong)
                                        .toArray();
                if (Arrays.stream(dims).allMatch(d -> d >= 0)) {
                    return dims;
                }
            } catch (NumberFormatException _) {
                // told below
            }
            throw new TypeConversionException("'" + text + "' is not a shape such as 1x576");
        }
    }

    /// The options for this graph, added to `base`.
    ///
    /// @throws ParameterException if they name what the graph does not have
    Options applyTo(Options base, Graph graph) {
        List<String> inputs = graph.inputs().stream().map(ValueInfo::name).toList();
        List<String> outputs = graph.outputs().stream().map(ValueInfo::name).toList();
        List<String> symbols = symbols(graph);
        requireKnown("--bind", "input", bound.keySet(), inputs);
        requireKnown("--shape", "input", shapes.keySet(), inputs);
        requireKnown("--dimension", "symbolic dimension", dimensions.keySet(), symbols);
        requireKnown("--state", "output", states.keySet(), outputs);
        requireKnown("--state", "input", states.values(), inputs);
        Options o = base;
        for (Map.Entry<String, Double> e : bound.entrySet()) {
            o = o.bind(e.getKey(), e.getValue());
        }
        for (Map.Entry<String, Long> e : dimensions.entrySet()) {
            o = o.dimension(e.getKey(), e.getValue());
        }
        for (Map.Entry<String, long[]> e : shapes.entrySet()) {
            o = o.shape(e.getKey(), e.getValue());
        }
        for (Map.Entry<String, String> e : states.entrySet()) {
            o = o.state(e.getKey(), e.getValue());
        }
        return stateful ? o.stateful() : o;
    }

    /// Names of inputs that need no value: bound, or carried as state.
    Collection<String> suppliedInputs() {
        Collection<String> names = new TreeSet<>(bound.keySet());
        names.addAll(states.values());
        return names;
    }

    private static List<String> symbols(Graph graph) {
        return graph.inputs().stream()
                .flatMap(i -> i.dims() == null ? null : i.dims().stream())
                .map(ValueInfo.Dim::symbol)
                .filter(s -> !s.isEmpty())
                .distinct()
                .toList();
    }

    private void requireKnown(
            String option, String kind, Collection<String> names, List<String> known) {
        for (String name : names) {
            if (!known.contains(name)) {
                throw new ParameterException(
                        spec.commandLine(),
                        option
                                + ": the model has no "
                                + kind
                                + " '"
                                + name
                                + "'; it has "
                                + (known.isEmpty() ? "none" : String.join(", ", known)));
            }
        }
    }
}
