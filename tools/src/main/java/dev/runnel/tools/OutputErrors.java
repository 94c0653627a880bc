package dev.runnel.tools;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Rounding;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How far the outputs of a model are from those of the original, or from stored ones, on the same
/// inputs.
///
/// @param on what was fed: `8 random steps of one stream, seed 1`
/// @param against whose outputs count as right
/// @param outputs by name
/// @param roundings what weights of the model lost when its kernels packed them
record OutputErrors(
        String on, String against, Map<String, Deviation> outputs, List<Rounding> roundings) {
    /// What sequences are long, and other open dimensions wide, if a model cannot be stepped.
    private static final int OPEN = 8;

    /// Feeds random values to both: the steps of one stream, so that what goes wrong in a state
    /// shows; or independent calls, if the model cannot be stepped.
    ///
    /// @param options how to compile them
    /// @param weights as what to pack those of the converted one
    /// @throws Disagreement if an output has another type or shape
    static OutputErrors onRandom(
            Graph original,
            Graph converted,
            Options options,
            Precision weights,
            int calls,
            long seed)
            throws Disagreement {
        Options o = options.kernels(KernelSet.SCALAR);
        boolean steps;
        try (Model model = Model.compile(original, o.stateful())) {
            steps = model.stepObstacle().isEmpty();
        }
        if (steps) {
            return onRandom(original, converted, o.stateful(), weights, calls, seed, 1);
        }
        try {
            return onRandom(original, converted, o, weights, calls, seed, OPEN);
        } catch (MalformedModelException | IllegalArgumentException e) {
            // Not every dimension that a file leaves open may be of any size.
            return onRandom(original, converted, o, weights, calls, seed, 1);
        }
    }

    private static OutputErrors onRandom(
            Graph original,
            Graph converted,
            Options options,
            Precision weights,
            int calls,
            long seed,
            int open)
            throws Disagreement {
        Map<String, Deviation> deviations = new LinkedHashMap<>();
        try (Replay want = Replay.ofStream(Model.compile(original, options));
                Replay got = Replay.ofStream(Model.compile(converted, options.weights(weights)))) {
            for (Map<String, Tensor> inputs :
                    RandomCalls.of(original, want.model(), calls, seed, open)) {
                add(deviations, OutputPair.of("", want.run(inputs), got.run(inputs)));
            }
            String on =
                    want.steps() ? " random steps of one stream, seed " : " random calls, seed ";
            return new OutputErrors(
                    calls + on + seed, original(weights), deviations, got.model().roundings());
        }
    }

    /// Feeds the data sets of a case to both, as `runnel verify --stream` does.
    ///
    /// @return the errors against the original, and against the stored outputs
    /// @throws Disagreement if none are stored, or one has another type or shape
    /// @throws IOException if a file cannot be read
    static List<OutputErrors> onCase(
            Graph original, Graph converted, Options options, Precision weights, Case c)
            throws IOException, Disagreement {
        Options o = options.kernels(KernelSet.SCALAR);
        List<Case.DataSet> sets = c.dataSets();
        List<Map<String, Tensor>> inputs = new ArrayList<>();
        for (Case.DataSet set : sets) {
            inputs.add(set.inputs(original));
        }
        Map<String, Deviation> toOriginal = new LinkedHashMap<>();
        Map<String, Deviation> toStored = new LinkedHashMap<>();
        List<Rounding> roundings;
        try (Replay want = Replay.of(original, o, c.carried(), inputs);
                Replay got = Replay.of(converted, o.weights(weights), c.carried(), inputs)) {
            for (int i = 0; i < inputs.size(); i++) {
                Map<String, Tensor> outputs = got.run(inputs.get(i));
                String set = "set " + sets.get(i).index() + " ";
                add(toOriginal, OutputPair.of(set, want.run(inputs.get(i)), outputs));
                add(toStored, OutputPair.of(sets.get(i), original, outputs));
            }
            roundings = got.model().roundings();
        }
        String on = c.folder() + ", " + sets.size() + (sets.size() == 1 ? " set" : " sets");
        List<OutputErrors> errors = new ArrayList<>();
        errors.add(new OutputErrors(on, original(weights), toOriginal, roundings));
        String stored = "the stored outputs" + kernels(weights);
        errors.add(new OutputErrors(on, stored, toStored, roundings));
        return errors;
    }

    private static String original(Precision weights) {
        return "the original" + kernels(weights);
    }

    /// Kernels of fewer bits pack weights once more, whatever they are stored as.
    private static String kernels(Precision weights) {
        return weights == Precision.F32
                ? ""
                : ", run with --weights " + weights.name().toLowerCase(Locale.ROOT);
    }

    private static void add(Map<String, Deviation> deviations, List<OutputPair> pairs) {
        for (OutputPair pair : pairs) {
            deviations.computeIfAbsent(pair.name(), k -> new Deviation()).add(pair);
        }
    }

    /// The largest |got − want| of all outputs.
    double max() {
        return outputs.values().stream().mapToDouble(Deviation::max).max().orElse(0);
    }

    /// Whether all values are numbers, so that [#max] speaks of all.
    boolean isSound() {
        return outputs.values().stream().allMatch(d -> d.nans() == 0);
    }

    /// The errors as a table.
    String text() {
        StringBuilder s = new StringBuilder();
        s.append("error against ").append(against).append(" (").append(on).append(")\n");
        int width = outputs.keySet().stream().mapToInt(String::length).max().orElse(0);
        outputs.forEach(
                (name, d) -> {
                    s.append("  ").append(name).append(" ".repeat(width - name.length()));
                    s.append(
                            d.max() == 0
                                    ? "  none"
                                    : String.format(
                                            Locale.ROOT,
                                            "  max %.2e  mean %.2e  SNR %.1f dB",
                                            d.max(),
                                            d.mean(),
                                            d.decibels()));
                    s.append('\n');
                    if (d.nans() > 0) {
                        s.append(
                                String.format(
                                        Locale.ROOT,
                                        "  warning: %s: %,d of %,d values are NaN in both\n",
                                        name,
                                        d.nans(),
                                        d.count()));
                    }
                });
        return s.toString();
    }
}
