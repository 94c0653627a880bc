package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.formats.Models;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

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
import java.nio.file.StandardCopyOption;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Runs a model once on inputs from files and prints its outputs.",
            "%nEvery input needs a file (.npy, or .pb: an ONNX TensorProto) or a --bind. State"
                + " inputs are inputs like all others, unless --state carries them: then they start"
                + " from zero.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel run tagger.onnx --input words=words.npy",
            "  runnel run vad.onnx --input input=frame.npy --input state=zero.npy --bind sr=16000"
                    + " --output out/",
            "  runnel run vad.onnx --input input=frame.npy --state stateN=state --bind sr=16000",
        })
final class RunCommand implements Callable<Integer> {
    private static final int FIRST = 6;
    private static final int LONGEST_NAME = 100;

    @Spec private CommandSpec spec;
    @Mixin private ModelOptions options;

    @Parameters(paramLabel = "MODEL", description = "The model's file.")
    private Path file;

    @Option(
            names = "--input",
            paramLabel = "NAME=FILE",
            description = "The value of an input; once for each input.")
    private Map<String, Path> files = new LinkedHashMap<>();

    @Option(
            names = "--output",
            paramLabel = "DIR",
            description = "Write each output to DIR/NAME.npy; DIR is made if it is not there.")
    private @Nullable Path folder;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    RunCommand() {}

    @Override
    public Integer call() throws IOException {
        Graph graph = Models.read(file);
        Options o = Options.defaults().stateless();
        requireInputs(graph);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (Map.Entry<String, Path> e : files.entrySet()) {
            inputs.put(e.getKey(), TensorFile.read(e.getValue()));
        }
        for (ValueInfo input : graph.inputs()) {
            Tensor t = inputs.get(input.name());
            if (t != null && !isFixed(input)) {
                o = o.shape(input.name(), t.shape().dims());
            }
        }
        try (Model model = Model.compile(graph, options.applyTo(o, graph));
                Session session = model.open()) {
            Map<String, Tensor> outputs = session.run(inputs);
            PrintWriter out = spec.commandLine().getOut();
            Set<String> taken = new HashSet<>();
            for (Port port : model.outputs()) {
                Tensor value = outputs.get(port.name());
                if (value == null) {
                    continue;
                }
                out.println(port.name() + "  " + value.type() + "  " + summary(value));
                if (folder != null) {
                    write(folder, fileName(port.name(), taken), value);
                }
            }
        }
        return 0;
    }

    static boolean isFixed(ValueInfo value) {
        return value.dims() != null && value.dims().stream().allMatch(ValueInfo.Dim::isFixed);
    }

    private void requireInputs(Graph graph) {
        List<String> names = graph.inputs().stream().map(ValueInfo::name).toList();
        for (String name : files.keySet()) {
            if (!names.contains(name)) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--input: the model has no input '"
                                + name
                                + "'; it has "
                                + String.join(", ", names));
            }
        }
        for (ValueInfo input : graph.inputs()) {
            boolean supplied = options.suppliedInputs().contains(input.name());
            if (supplied == files.containsKey(input.name())) {
                throw new ParameterException(
                        spec.commandLine(),
                        supplied
                                ? "input '"
                                        + input.name()
                                        + "' has a file, but is bound or a state already"
                                : "no value for input '"
                                        + input.name()
                                        + "' of type "
                                        + input.typeText()
                                        + "; give --input "
                                        + input.name()
                                        + "=FILE or --bind "
                                        + input.name()
                                        + "=NUMBER");
            }
        }
    }

    private static String summary(Tensor t) {
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        boolean nan = false;
        for (long i = 0; i < t.elements(); i++) {
            double v = t.getDouble(i);
            nan |= Double.isNaN(v);
            min = v < min ? v : min;
            max = v > max ? v : max;
        }
        if (t.elements() == 0) {
            return "empty";
        }
        StringBuilder s = new StringBuilder();
        if (min <= max) {
            s.append("min ")
                    .append(text(t, min))
                    .append("  max ")
                    .append(text(t, max))
                    .append("  ");
        }
        s.append(nan ? "has NaN  " : "").append("first");
        for (long i = 0; i < Math.min(FIRST, t.elements()); i++) {
            s.append(' ').append(text(t, t.getDouble(i)));
        }
        return s.append(t.elements() > FIRST ? " …" : "").toString();
    }

    private static String text(Tensor t, double value) {
        return t.dtype().isFloat()
                ? String.format(Locale.ROOT, "%.6g", value)
                : String.format(Locale.ROOT, "%.0f", value);
    }

    /// A name that is a single file of its own on every system: other characters than letters,
    /// digits, `.`, `-` and `_` become `_`.
    static String fileName(String output, Set<String> taken) {
        StringBuilder safe = new StringBuilder();
        output.codePoints()
                .limit(LONGEST_NAME)
                .map(c -> Character.isLetterOrDigit(c) || c == '.' || c == '-' ? c : '_')
                .forEach(safe::appendCodePoint);
        if (safe.isEmpty() || safe.charAt(0) == '.' || safe.charAt(0) == '-') {
            safe.insert(0, '_');
        }
        String name = safe.toString();
        for (int i = 2; !taken.add(name.toLowerCase(Locale.ROOT)); i++) {
            name = safe + "_" + i;
        }
        return name + ".npy";
    }

    /// Writes beside the target and moves, so that there is never half a file.
    private static void write(Path folder, String name, Tensor value) throws IOException {
        Files.createDirectories(folder);
        Path temporary = Files.createTempFile(folder, ".runnel", ".npy");
        try {
            TensorFile.writeNpy(temporary, value);
            Files.move(
                    temporary,
                    folder.resolve(name),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
