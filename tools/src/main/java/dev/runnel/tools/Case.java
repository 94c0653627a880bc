package dev.runnel.tools;

import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
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
/// vad/model.onnx             or model.rnl
/// vad/test_data_set_0/input_0.pb, input_1.pb, …, output_0.pb, …
/// vad/test_data_set_1/…
/// vad/state.txt            optional: lines `out>in`, the output that feeds an input in the next set
/// ```
///
/// @param name the folder's name, or its path where two cases have the same name
/// @param folder where the data sets lie
/// @param model its file: `model.onnx` or `model.rnl` in the folder, or another one
record Case(String name, Path folder, Path model) {
    private static final List<String> MODELS = List.of("model.onnx", "model.rnl");
    private static final Pattern DATA_SET = Pattern.compile("test_data_set_\\d{1,9}");
    private static final Pattern TENSOR = Pattern.compile("(input|output)_(\\d{1,9})\\.(?:pb|npy)");

    /// One call: the files of its inputs and outputs by their place in the graph's lists.
    record DataSet(int index, SortedMap<Integer, Path> inputs, SortedMap<Integer, Path> outputs) {
        /// The values of inputs, by name.
        ///
        /// @throws IOException if a file cannot be read, or there are more than inputs
        Map<String, Tensor> inputs(Graph graph) throws IOException {
            return tensors("input", inputs, graph.inputs());
        }

        /// The values of outputs, by name.
        ///
        /// @throws IOException if a file cannot be read, or there are more than outputs
        Map<String, Tensor> outputs(Graph graph) throws IOException {
            return tensors("output", outputs, graph.outputs());
        }

        /// The tensors of files by the name of their value: the one that the file itself gives, if
        /// all do and the graph knows them, else the one at the file's place.
        private static Map<String, Tensor> tensors(
                String kind, SortedMap<Integer, Path> files, List<ValueInfo> values)
                throws IOException {
            List<String> names = values.stream().map(ValueInfo::name).toList();
            Map<String, Tensor> byName = new LinkedHashMap<>();
            Map<String, Tensor> byPlace = new LinkedHashMap<>();
            for (Map.Entry<Integer, Path> file : files.entrySet()) {
                Tensor tensor = TensorFile.read(file.getValue());
                String name = TensorFile.name(file.getValue());
                if (names.contains(name)) {
                    byName.put(name, tensor);
                }
                if (file.getKey() < names.size()) {
                    byPlace.put(names.get(file.getKey()), tensor);
                }
            }
            if (byName.size() == files.size()) {
                return byName;
            }
            if (byPlace.size() < files.size()) {
                throw new IOException(
                        files.lastEntry().getValue()
                                + ": there is no such "
                                + kind
                                + "; the model has "
                                + names);
            }
            return byPlace;
        }
    }

    /// The cases with models of their own at or below the given folders; see [#find(List, Path)].
    ///
    /// @throws IOException if a folder cannot be read or holds no case
    static List<Case> find(List<Path> roots) throws IOException {
        return find(roots, null);
    }

    /// The cases at or below the given folders, sorted by path within each. A folder that is a case
    /// is not searched further, nor are symbolic links below a given folder.
    ///
    /// @param model the model of all cases, whatever lies in their folders; null for their own
    /// @throws IOException if a folder cannot be read or holds no case
    static List<Case> find(List<Path> roots, @Nullable Path model) throws IOException {
        List<Case> cases = new ArrayList<>();
        for (Path root : roots) {
            if (!Files.isDirectory(root)) {
                throw Files.exists(root)
                        ? new NotDirectoryException(root.toString())
                        : new NoSuchFileException(root.toString());
            }
            int before = cases.size();
            find(root, model, cases);
            if (cases.size() == before) {
                throw new IOException(
                        root
                                + ": no "
                                + (model == null ? String.join(" or ", MODELS) : "test_data_set_0")
                                + " in this folder or below it");
            }
        }
        List<Case> distinct = cases.stream().distinct().toList();
        Set<String> seen = new HashSet<>();
        Set<String> ambiguous = new HashSet<>();
        for (Case c : distinct) {
            if (!seen.add(c.name)) {
                ambiguous.add(c.name);
            }
        }
        return distinct.stream()
                .map(
                        c ->
                                ambiguous.contains(c.name)
                                        ? new Case(c.folder.toString(), c.folder, c.model)
                                        : c)
                .toList();
    }

    private static void find(Path folder, @Nullable Path model, List<Case> found)
            throws IOException {
        List<Path> children = list(folder);
        Path own = model;
        for (String name : model == null ? MODELS : List.<String>of()) {
            if (own == null && Files.isRegularFile(folder.resolve(name))) {
                own = folder.resolve(name);
            }
        }
        if (own != null && (model == null || children.stream().anyMatch(Case::isDataSet))) {
            found.add(new Case(lastName(folder), folder, own));
            return;
        }
        for (Path child : children) {
            if (Files.isDirectory(child) && !Files.isSymbolicLink(child)) {
                find(child, model, found);
            }
        }
    }

    private static boolean isDataSet(Path path) {
        return DATA_SET.matcher(path.getFileName().toString()).matches() && Files.isDirectory(path);
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

    /// The data sets in the order of their numbers.
    List<DataSet> dataSets() throws IOException {
        SortedMap<Integer, DataSet> sets = new TreeMap<>();
        for (Path child : list(folder)) {
            if (isDataSet(child)) {
                String name = child.getFileName().toString();
                int index = Integer.parseInt(name.substring(name.lastIndexOf('_') + 1));
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
