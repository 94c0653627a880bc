package dev.runnel.tools;

import dev.runnel.MalformedModelException;
import dev.runnel.Options;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.Models;
import dev.runnel.formats.Recipe;
import dev.runnel.formats.StoredPrecision;
import dev.runnel.formats.file.AtomicFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Rounding;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;

@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = {
            "Converts a model, or weights and a recipe, to .rnl or .onnx, and shows what that"
                    + " costs.",
            "%nIN is of any format that can be read, and known by its content. OUT is written as"
                + " its ending says. It appears as a whole or not at all, and after it was read"
                + " back and compared with IN: on random inputs (floating-point ones in [-1, 1),"
                + " integers in the range of the embedding that they look up; the steps of one"
                + " stream, if the model can be stepped), or on the data sets of --verify.",
            "%nOf each output it prints the largest and the mean |got - want| and the"
                    + " signal-to-noise ratio; of weights that --weights rounded, the rows that are"
                    + " off by most. Of int8 weights it shows the outputs twice: as the file has"
                    + " them, and as the int8 kernels do, which pack them once more, by at most"
                    + " half a step of their scale off; by how much, it shows for each tensor.",
            "%nExit code 1 if IN cannot be converted, OUT not be written, or an error is greater"
                    + " than --max-error; OUT is then as it was before.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel convert vad.onnx vad.rnl",
            "  runnel convert vad.rnl vad.onnx --force",
            "  runnel convert vad.onnx vad.rnl --verify models/vad --max-error 1e-4",
            "  runnel convert vad.onnx small.rnl --weights int8 --samples 100",
            "  runnel convert --suggest-recipe tagger.pt tagger.yaml",
            "  runnel convert tagger.pt tagger.rnl --recipe tagger.yaml",
        })
final class ConvertCommand implements Callable<Integer> {
    private static final int DEFAULT_SAMPLES = 8;
    private static final int WORST_ROWS = 5;

    /// As what kernels pack weights, to be measured.
    private static final List<Precision> F32 = List.of(Precision.F32);

    private static final List<Precision> INT8 = List.of(Precision.F32, Precision.INT8);

    @Spec private CommandSpec spec;
    @Mixin private PortOptions ports;

    @Parameters(index = "0", paramLabel = "IN", description = "A model or a file of weights.")
    private Path in;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "OUT",
            description = "The file to write, which ends in .rnl or .onnx.")
    private @Nullable Path out;

    @Option(
            names = "--recipe",
            paramLabel = "FILE",
            description = "How the layers of IN are wired, if it holds nothing but weights.")
    private @Nullable Path recipe;

    @Option(
            names = "--suggest-recipe",
            description =
                    "Convert nothing: draft a recipe for the weights of IN, and write it to OUT or"
                            + " print it.")
    private boolean suggest;

    @Option(
            names = "--weights",
            paramLabel = "PRECISION",
            description =
                    "As what to store the weights: f32, bf16, f16, or int8 with a scale for each"
                            + " sum (default: as they are).")
    private @Nullable StoredPrecision weights;

    @Option(
            names = "--verify",
            paramLabel = "DIR",
            description =
                    "Compare on the data sets of this case, as runnel verify --stream knows it,"
                            + " with the original and with the stored outputs.")
    private @Nullable Path verify;

    @Option(
            names = "--samples",
            paramLabel = "N",
            description = "Compare on so many random inputs (default: 8); 0 does not compare.")
    private @Nullable Integer samples;

    @Option(names = "--seed", paramLabel = "N", description = "Of the random inputs (default: 1).")
    private long seed = 1;

    @Option(
            names = "--max-error",
            paramLabel = "E",
            description = "Write nothing if an output is further off than this.")
    private @Nullable Double maxError;

    @Option(names = "--force", description = "Replace OUT if it is there.")
    private boolean force;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    ConvertCommand() {}

    @Override
    public Integer call() throws IOException {
        requireUsage();
        if (suggest) {
            return suggestRecipe();
        }
        if (out == null) {
            throw usage("OUT is missing: the file to write, which ends in .rnl or .onnx");
        }
        String name = String.valueOf(out.getFileName()).toLowerCase(Locale.ROOT);
        if (!name.endsWith(".rnl") && !name.endsWith(".onnx")) {
            throw usage("OUT is " + out + ", expected a name that ends in .rnl or .onnx");
        }
        requireWritable(out);
        List<Case> cases = verify == null ? List.of() : Case.find(List.of(verify), in);
        Graph original = read();
        Options options = ports.applyTo(Options.defaults(), original);
        List<String> kept = new ArrayList<>();
        Graph stored = weights == null ? original : weights.store(original, kept::add);
        try (WriteProgress progress = new WriteProgress(stored, out, terminal())) {
            Models.write(
                    stored,
                    out,
                    (written, bytes) -> {
                        progress.end();
                        List<OutputErrors> errors = errors(original, written, options, cases);
                        report(original, written, bytes, errors, kept);
                        requireErrorsWithinLimit(errors);
                    });
        }
        return 0;
    }

    private void requireErrorsWithinLimit(List<OutputErrors> errors) {
        if (maxError == null) {
            return;
        }
        double worst = errors.stream().mapToDouble(OutputErrors::max).max().orElse(0);
        if (!(worst <= maxError)) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "the error is %.2e, more than --max-error %s; nothing was written",
                            worst,
                            maxError));
        }
        if (!errors.stream().allMatch(OutputErrors::isSound)) {
            throw new IllegalStateException(
                    "values are NaN in both, of which --max-error can say nothing; nothing was"
                            + " written");
        }
    }

    private void requireWritable(Path target) throws IOException {
        AtomicFile.requireWritable(target);
        if (Files.exists(target)) {
            if (Files.exists(in) && Files.isSameFile(in, target)) {
                throw usage("OUT is IN: " + target + "; write to a file of another name");
            }
            if (!force) {
                throw new IOException(target + ": is there already; --force replaces it");
            }
        }
    }

    private void requireUsage() {
        boolean converts =
                weights != null
                        || recipe != null
                        || verify != null
                        || samples != null
                        || maxError != null;
        if (suggest && converts) {
            throw usage(
                    "--suggest-recipe converts nothing: --weights, --recipe, --verify, --samples"
                            + " and --max-error have no use beside it");
        }
        if (verify != null && samples != null) {
            throw usage("--verify and --samples exclude each other");
        }
        if (samples != null && samples < 0) {
            throw usage("--samples is " + samples + ", expected at least 0");
        }
        if (maxError != null && !(maxError >= 0)) {
            throw usage("--max-error is " + maxError + ", expected at least 0");
        }
        if (maxError != null && samples != null && samples == 0) {
            throw usage("--max-error needs a comparison, which --samples 0 leaves out");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private @Nullable PrintWriter terminal() {
        return Boolean.getBoolean("runnel.terminal") ? spec.commandLine().getErr() : null;
    }

    /// The graph of IN: the one that the recipe makes of its weights, or its own.
    private Graph read() throws IOException {
        if (recipe != null) {
            requireWeights("--recipe");
            return Recipe.read(recipe).graph(ModelFile.weights(in));
        }
        return switch (ModelFile.read(in)) {
            case ModelFile.OfGraph(Graph graph) -> graph;
            case ModelFile.OfWeights(Checkpoint checkpoint) ->
                    throw new UnsupportedModelException(
                            checkpoint.name()
                                    + ": holds weights, but does not say how they are wired; runnel"
                                    + " convert --suggest-recipe "
                                    + in
                                    + " recipe.yaml drafts a recipe for --recipe");
        };
    }

    private int suggestRecipe() throws IOException {
        requireWeights("--suggest-recipe");
        String text = Recipe.suggest(ModelFile.weights(in));
        if (out == null) {
            spec.commandLine().getOut().print(text);
        } else {
            requireWritable(out);
            AtomicFile.write(out, text);
        }
        return 0;
    }

    private void requireWeights(String option) throws IOException {
        if (!ModelFile.mayBeWeights(in)) {
            throw usage(
                    option
                            + " is for files of weights (PyTorch, safetensors, NumPy, Keras), but "
                            + in
                            + " is none");
        }
    }

    private List<OutputErrors> errors(
            Graph original, Graph written, Options options, List<Case> cases) throws IOException {
        List<OutputErrors> errors = new ArrayList<>();
        for (Precision kernels : weights == StoredPrecision.INT8 ? INT8 : F32) {
            for (Case c : cases) {
                errors.addAll(onCase(original, written, options, kernels, c));
            }
            if (verify == null) {
                random(original, written, options, kernels).ifPresent(errors::add);
            }
        }
        return errors;
    }

    private static List<OutputErrors> onCase(
            Graph original, Graph written, Options options, Precision kernels, Case c)
            throws IOException {
        try {
            return OutputErrors.onCase(original, written, options, kernels, c);
        } catch (Disagreement e) {
            throw new IllegalStateException(c.folder() + ": " + e.getMessage(), e);
        }
    }

    private Optional<OutputErrors> random(
            Graph original, Graph written, Options options, Precision kernels) {
        int calls = samples == null ? DEFAULT_SAMPLES : samples;
        if (calls == 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    OutputErrors.onRandom(original, written, options, kernels, calls, seed));
        } catch (Disagreement e) {
            throw new IllegalStateException(
                    "what was written yields something else: " + e.getMessage(), e);
        } catch (MalformedModelException
                | UnsupportedModelException
                | IllegalArgumentException
                | IllegalStateException e) {
            throw new IllegalStateException(
                    "it cannot be run on random inputs: "
                            + Failures.describe(e)
                            + "; --bind, --shape and --dimension say what inputs are,"
                            + " --samples 0 converts without a comparison",
                    e);
        }
    }

    private void report(
            Graph original, Graph written, long bytes, List<OutputErrors> errors, List<String> kept)
            throws IOException {
        PrintWriter to = spec.commandLine().getOut();
        to.println(in + " → " + out);
        to.println(String.format(Locale.ROOT, "parameters  %,d", original.parameters()));
        to.println(String.format(Locale.ROOT, "bytes       %,d → %,d", Files.size(in), bytes));
        String unused = original.metadata().get("unused_tensors");
        if (recipe != null && unused != null) {
            to.println(
                    unused.split(", ").length + " tensors in no layer: " + Printable.line(unused));
        }
        errors.forEach(e -> to.print(Printable.lines(e.text())));
        if (!kept.isEmpty()) {
            to.println(
                    "weights that stay float32, as they have values that "
                            + String.valueOf(weights).toLowerCase(Locale.ROOT)
                            + " has not: "
                            + Printable.line(String.join(", ", kept)));
        }
        List<WeightErrors> worst =
                weights == null ? List.of() : WeightErrors.worst(original, written, WORST_ROWS);
        if (weights != null
                && weights != StoredPrecision.F32
                && WriteProgress.constantBytes(written) >= WriteProgress.constantBytes(original)) {
            to.println(
                    "no weight takes fewer bits: only constant float32 ones of recurrent and dense"
                            + " layers do");
        }
        if (!worst.isEmpty()) {
            to.println("weights that are off by most");
            worst.forEach(row -> to.println("  " + Printable.line(row.toString())));
        }
        List<Rounding> packed = errors.isEmpty() ? List.of() : errors.getLast().roundings();
        if (weights == StoredPrecision.INT8 && !packed.isEmpty()) {
            to.println("weights as the int8 kernels pack them, off from those of " + out);
            to.print(Roundings.text(packed));
        }
        to.flush();
    }
}
