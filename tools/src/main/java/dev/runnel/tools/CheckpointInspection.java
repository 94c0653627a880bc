package dev.runnel.tools;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.Recipe;
import dev.runnel.graph.Tensor;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What there is to know of a file of weights without reading them. The components are the keys of
/// `runnel inspect --json`, in snake case.
///
/// @param file its name
/// @param metadata what the file says of itself
/// @param tensors in the file's order
/// @param layers that were recognised, as a recipe has them
/// @param parameters the number of elements of the floating-point ones
/// @param bytes of all tensors
record CheckpointInspection(
        String file,
        Map<String, String> metadata,
        List<TensorLine> tensors,
        List<String> layers,
        long parameters,
        long bytes) {
    private static final int MOST_METADATA = 20;

    /// A layer's line in the draft of a recipe; a comment, if it does not follow the one before.
    private static final Pattern LAYER = Pattern.compile("  (?:# )?- (\\w+: \\{.*)");

    record TensorLine(String name, String dtype, List<Long> shape, long bytes) {}

    static CheckpointInspection of(Checkpoint checkpoint) {
        List<TensorLine> lines =
                checkpoint.tensors().entrySet().stream()
                        .map(e -> line(e.getKey(), e.getValue()))
                        .toList();
        return new CheckpointInspection(
                checkpoint.name(),
                new TreeMap<>(checkpoint.metadata()),
                lines,
                Recipe.suggest(checkpoint)
                        .lines()
                        .map(LAYER::matcher)
                        .filter(Matcher::matches)
                        .map(m -> m.group(1))
                        .toList(),
                checkpoint.parameters(),
                lines.stream().mapToLong(TensorLine::bytes).sum());
    }

    private static TensorLine line(String name, Tensor t) {
        List<Long> shape = java.util.Arrays.stream(t.shape().dims()).boxed().toList();
        return new TensorLine(name, t.dtype().toString(), shape, t.type().byteSize());
    }

    /// The inspection as text for people.
    String text() {
        StringBuilder s = new StringBuilder(file).append('\n');
        int more = metadata.size() - MOST_METADATA;
        metadata.entrySet().stream()
                .limit(MOST_METADATA)
                .map(e -> Printable.line(e.getKey() + ": " + e.getValue()))
                .forEach(line -> s.append("  ").append(line).append('\n'));
        if (more > 0) {
            s.append("  … and ").append(more).append(" more, which --json shows\n");
        }
        s.append("tensors (").append(tensors.size()).append(")\n");
        int names = width(t -> Printable.line(t.name));
        int types = width(t -> t.dtype + t.shape);
        for (TensorLine t : tensors) {
            String name = Printable.line(t.name);
            s.append("  ").append(name).append(" ".repeat(names - name.length()));
            s.append("  ").append(t.dtype).append(t.shape);
            s.append(" ".repeat(types - (t.dtype + t.shape).length()));
            s.append(String.format(Locale.ROOT, "  %,d bytes\n", t.bytes));
        }
        if (!layers.isEmpty()) {
            s.append("layers\n");
            layers.forEach(l -> s.append("  ").append(l).append('\n'));
        }
        s.append(
                String.format(
                        Locale.ROOT,
                        "parameters\n  %,d, in %,d bytes of tensors\n",
                        parameters,
                        bytes));
        return s.toString();
    }

    private int width(Function<TensorLine, String> column) {
        return tensors.stream().map(column).mapToInt(String::length).max().orElse(0);
    }
}
