package dev.runnel.formats.keras;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;
import dev.runnel.formats.layers.Weight;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A file of Keras: HDF5 of Keras 2 or 3, whole models and weights alone, or the archive `.keras`
/// of Keras 3 (`config.json`, `metadata.json`, `model.weights.h5`).
///
/// Where a layer's weights lie:
///
/// | layout | group of a layer | order of its weights |
/// |---|---|---|
/// | `.h5` | `[model_weights/]NAME` | its attribute `weight_names` |
/// | `.keras`, `.weights.h5` | `layers/CLASS[_N]`, N counting layers of a class | `vars/0`, `vars/1`, … |
public final class KerasFile {
    private static final String WEIGHTS = "model.weights.h5";
    private static final String ROOT = "model_weights";

    private final MappedFile file;
    private final Hdf5 hdf;
    private final String format;
    private final String config;
    private final String version;
    private final String backend;

    private KerasFile(
            MappedFile file,
            Hdf5 hdf,
            String format,
            String config,
            String version,
            String backend) {
        this.file = file;
        this.hdf = hdf;
        this.format = format;
        this.config = config;
        this.version = version;
        this.backend = backend;
    }

    /// Reads HDF5.
    ///
    /// @throws MalformedModelException if the file is not well-formed
    /// @throws UnsupportedModelException if it holds what Runnel does not read, or a library is
    ///   missing
    public static KerasFile ofHdf5(MappedFile file) {
        Hdf5 hdf = Hdf5.read(file);
        String version = hdf.text("", "keras_version", hdf.text(ROOT, "keras_version", ""));
        String backend = hdf.text("", "backend", hdf.text(ROOT, "backend", ""));
        String config = hdf.text("", "model_config", "");
        boolean keras =
                !version.isEmpty() || hdf.tensors().keySet().stream().anyMatch(KerasFile::isVar);
        return new KerasFile(file, hdf, keras ? "Keras HDF5" : "HDF5", config, version, backend);
    }

    /// Whether `archive` is of Keras.
    public static boolean isKeras(ZipArchive archive) {
        return archive.names().contains(WEIGHTS);
    }

    /// Reads `.keras`.
    ///
    /// @throws MalformedModelException if the archive or a part of it is not well-formed
    /// @throws UnsupportedModelException as [#ofHdf5]
    public static KerasFile ofArchive(MappedFile file, ZipArchive archive) {
        Hdf5 hdf = Hdf5.read(archive.get(WEIGHTS));
        String version = "";
        MappedFile metadata = archive.find("metadata.json");
        if (metadata != null
                && Json.parse(file, "metadata.json", text(metadata)) instanceof Map<?, ?> map
                && map.get("keras_version") instanceof String v) {
            version = v;
        }
        MappedFile config = archive.find("config.json");
        return new KerasFile(
                file, hdf, "Keras archive", config == null ? "" : text(config), version, "");
    }

    private static String text(MappedFile entry) {
        return new String(entry.bytes().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /// The weights, without the optimizer's.
    public Checkpoint checkpoint() {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        inOrder(weights);
        hdf.tensors()
                .forEach(
                        (name, tensor) -> {
                            if (!name.startsWith("optimizer")) {
                                weights.putIfAbsent(name, tensor);
                            }
                        });
        return new Checkpoint(file.name(), weights, metadata(), !config.isEmpty());
    }

    /// HDF5 sorts by name; what the file says of order comes first.
    private void inOrder(Map<String, Tensor> to) {
        String root = hdf.texts("", "layer_names").isEmpty() ? ROOT : "";
        for (String layer : hdf.texts(root, "layer_names")) {
            String group = root.isEmpty() ? layer : root + "/" + layer;
            for (String weight : hdf.texts(group, "weight_names")) {
                String name = group + "/" + weight;
                Tensor tensor = hdf.tensors().get(name);
                if (tensor == null) {
                    throw file.malformed("layer '" + layer + "' has no dataset '" + weight + "'");
                }
                to.put(name, tensor);
            }
        }
    }

    private Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", format);
        if (!version.isEmpty()) {
            metadata.put("keras_version", version);
        }
        if (!backend.isEmpty()) {
            metadata.put("backend", backend);
        }
        return metadata;
    }

    /// The network that the file's configuration describes.
    ///
    /// @throws MalformedModelException if the configuration contradicts itself or the weights
    /// @throws UnsupportedModelException if there is none, or it has layers that Runnel does not
    public Graph graph() {
        if (config.isEmpty()) {
            throw file.unsupported(
                    "the file has weights but no configuration of the model, so no graph; say how"
                            + " the layers are wired in a recipe (docs/formats.md), or save the"
                            + " whole model (model.save)");
        }
        if (!(Json.parse(file, "the model's configuration", config) instanceof Map<?, ?> map)) {
            throw file.malformed("the model's configuration is no JSON object");
        }
        try {
            return new Topology(this, new Config(file, "the model", map)).graph(metadata());
        } catch (IllegalArgumentException | ArithmeticException | ClassCastException e) {
            // What layers say of parameters that fit nothing.
            throw new MalformedModelException(file.name() + ": " + e.getMessage(), e);
        }
    }

    MappedFile file() {
        return file;
    }

    /// Whether the names and defaults of Keras 3 are meant.
    boolean isKeras3() {
        return version.startsWith("3") || version.isEmpty() && format.equals("Keras archive");
    }

    /// The weights of one layer, in the layer's own order.
    ///
    /// @param name the layer's own
    /// @param path of its group where groups are named by class: `bidirectional_1`
    List<Weight> weights(String name, String path) {
        Map<String, Tensor> own = new LinkedHashMap<>();
        String group = hdf.texts("", "layer_names").isEmpty() ? ROOT + "/" + name : name;
        if (hdf.texts().containsKey(group)) {
            for (String weight : hdf.texts(group, "weight_names")) {
                Tensor tensor = hdf.tensors().get(group + "/" + weight);
                if (tensor == null) {
                    throw file.malformed("layer '" + name + "' has no dataset '" + weight + "'");
                }
                own.put(group + "/" + weight, tensor);
            }
        } else {
            for (String root : List.of("layers/", "_layer_checkpoint_dependencies/")) {
                String prefix = root + path + "/";
                hdf.tensors().keySet().stream()
                        .filter(n -> n.startsWith(prefix) && isVar(n))
                        .sorted(Comparator.comparing(KerasFile::sortKey))
                        .forEach(n -> own.put(n, hdf.tensors().get(n)));
            }
        }
        List<Weight> weights = new ArrayList<>();
        own.forEach((n, t) -> weights.add(new Weight(file.name(), n, t)));
        return weights;
    }

    private static boolean isVar(String name) {
        return name.matches("(.*/)?vars/[0-9]{1,6}") && !name.contains("seed_generator/");
    }

    /// Forward before backward, variables by number.
    private static String sortKey(String name) {
        int slash = name.lastIndexOf('/');
        String group = name.substring(0, slash).replace("/backward_layer/", "/~backward_layer/");
        String number = name.substring(slash + 1);
        return String.format(Locale.ROOT, "%s/%6s", group, number);
    }

    /// `LayerNormalization` as `layer_normalization`, as Keras names groups.
    static String snakeCase(String className) {
        return className
                .replaceAll("\\W+", "")
                .replaceAll("(.)([A-Z][a-z]+)", "$1_$2")
                .replaceAll("([a-z])([A-Z])", "$1_$2")
                .toLowerCase(Locale.ROOT);
    }
}
