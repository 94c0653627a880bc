package dev.runnel.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A model with stored inputs and outputs, in the layout of the ONNX project's backend tests:
///
/// ```text
/// vad/model.onnx
/// vad/test_data_set_0/input_0.pb, input_1.pb, …, output_0.pb, …
/// vad/test_data_set_1/…
/// vad/state.txt            optional: lines `out>in`, the output that feeds an input in the next set
/// ```
///
/// @param name the folder's name, or its path where two cases have the same name
/// @param folder where `model.onnx` lies
record Case(String name, Path folder) {
    private static final String MODEL = "model.onnx";
    private static final Pattern DATA_SET = Pattern.compile("test_data_set_(\\d{1,9})");
    private static final Pattern TENSOR = Pattern.compile("(input|output)_(\\d{1,9})\\.(?:pb|npy)");

    /// One call: the files of its inputs and outputs by their place in the graph's lists.
    record DataSet(int index, SortedMap<Integer, Path> inputs, SortedMap<Integer, Path> outputs) {}

    /// The cases at or below the given folders, sorted by path within each. A folder that is a case
    /// is not searched further, nor are symbolic links below a given folder.
    ///
    /// @throws IOException if a folder cannot be read or holds no case
    static List<Case> find(List<Path> roots) throws IOException {
        List<Path> folders = new ArrayList<>();
        for (Path root : roots) {
            if (!Files.isDirectory(root)) {
                throw new NoSuchFileException(root.toString());
            }
            int before = folders.size();
            find(root, folders);
            if (folders.size() == before) {
                throw new IOException(root + ": no " + MODEL + " in this folder or below it");
            }
        }
        List<Path> distinct = folders.stream().distinct().toList();
        Set<String> seen = new HashSet<>();
        Set<String> ambiguous = new HashSet<>();
        for (Path folder : distinct) {
            if (!seen.add(lastName(folder))) {
                ambiguous.add(lastName(folder));
            }
        }
        return distinct.stream()
                .map(f -> new Case(ambiguous.contains(lastName(f)) ? f.toString() : lastName(f), f))
                .toList();
    }

    private static void find(Path folder, List<Path> found) throws IOException {
        if (Files.isRegularFile(folder.resolve(MODEL))) {
            found.add(folder);
            return;
        }
        for (Path child : list(folder)) {
            if (Files.isDirectory(child) && !Files.isSymbolicLink(child)) {
                find(child, found);
            }
        }
    }

    private static String lastName(Path folder) {
        return folder.toAbsolutePath().normalize().getFileName() instanceof Path last
                ? last.toString()
                : folder.toString();
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> children = Files.list(folder)) {
            return children.sorted(Comparator.comparing(Path::toString)).toList();
        }
    }

    Path model() {
        return folder.resolve(MODEL);
    }

    /// The data sets in the order of their numbers.
    List<DataSet> dataSets() throws IOException {
        SortedMap<Integer, DataSet> sets = new TreeMap<>();
        for (Path child : list(folder)) {
            Matcher m = DATA_SET.matcher(child.getFileName().toString());
            if (m.matches() && Files.isDirectory(child)) {
                int index = Integer.parseInt(m.group(1));
                sets.put(index, dataSet(index, child));
            }
        }
        return List.copyOf(sets.values());
    }

    private static DataSet dataSet(int index, Path folder) throws IOException {
        DataSet set = new DataSet(index, new TreeMap<>(), new TreeMap<>());
        for (Path file : list(folder)) {
            Matcher m = TENSOR.matcher(file.getFileName().toString());
            if (m.matches()) {
                (m.group(1).equals("input") ? set.inputs : set.outputs)
                        .put(Integer.parseInt(m.group(2)), file);
            }
        }
        return set;
    }

    /// What `state.txt` says is carried from one set to the next: output by input; empty without
    /// it.
    ///
    /// @throws IOException if the file cannot be read or has a line of another form
    Map<String, String> carried() throws IOException {
        Path file = folder.resolve("state.txt");
        Map<String, String> outputByInput = new LinkedHashMap<>();
        if (!Files.exists(file)) {
            return outputByInput;
        }
        for (String line : Files.readAllLines(file)) {
            if (line.isBlank()) {
                continue;
            }
            int arrow = line.indexOf('>');
            String output = arrow < 0 ? "" : line.substring(0, arrow).strip();
            String input = arrow < 0 ? "" : line.substring(arrow + 1).strip();
            if (output.isEmpty() || input.isEmpty() || outputByInput.put(input, output) != null) {
                throw new IOException(
                        file
                                + ": line is '"
                                + line
                                + "', expected 'output>input', each input once");
            }
        }
        return outputByInput;
    }
}
