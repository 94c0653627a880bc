package dev.runnel.formats;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.Content;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;
import dev.runnel.formats.keras.KerasFile;
import dev.runnel.formats.npy.Npz;
import dev.runnel.formats.pytorch.PyTorchReader;
import dev.runnel.formats.safetensors.SafetensorsReader;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/// The named tensors of a file of weights: what a framework saves of a network without saying how
/// its layers are wired. A recipe, or the file's own configuration where it has one, makes a graph
/// of it.
///
/// @param name the file's name, with which messages begin
/// @param tensors by their full names, such as `encoder.lstm.weight_ih_l0`, in the file's order;
///   slices of the mapped file where it holds them as they are
/// @param metadata what the file says of itself; `format` names what it is
/// @param hasGraph whether the file says how its layers are wired: then [Models#read] reads it as
///   well
public record Checkpoint(
        String name, Map<String, Tensor> tensors, Map<String, String> metadata, boolean hasGraph) {
    public Checkpoint {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    }

    /// Weights of a file that says nothing of layers.
    public Checkpoint(String name, Map<String, Tensor> tensors, Map<String, String> metadata) {
        this(name, tensors, metadata, false);
    }

    /// The number of elements of the floating-point tensors.
    public long parameters() {
        return tensors.values().stream()
                .filter(t -> t.dtype().isFloat())
                .mapToLong(Tensor::elements)
                .sum();
    }

    /// The weights in `file`. It is known by its content, whatever its name.
    ///
    /// @throws MalformedModelException if the file is of no known format, truncated, or contradicts
    ///   itself; the message names the file and the place
    /// @throws UnsupportedModelException if it holds what Runnel does not have, or would run code
    /// @throws IOException if it cannot be opened
    public static Checkpoint read(Path file) throws IOException {
        return read(MappedFile.open(file));
    }

    static Checkpoint read(MappedFile file) throws IOException {
        Content content = Content.of(file);
        // One line for each format: its reader is in a package of its own.
        return switch (content) {
            case HDF5 -> KerasFile.ofHdf5(file).checkpoint();
            case ZIP -> archive(file);
            case PICKLE -> PyTorchReader.readStream(file);
            case SAFETENSORS ->
                    with(
                            "com.fasterxml.jackson.core:jackson-core",
                            file,
                            () -> SafetensorsReader.read(file));
            default ->
                    throw file.malformed("the file " + content.sentence() + ", expected weights");
        };
    }

    private static Checkpoint archive(MappedFile file) {
        ZipArchive zip = ZipArchive.open(file);
        if (PyTorchReader.isPyTorch(zip)) {
            return PyTorchReader.read(file, zip);
        }
        if (Npz.isNpz(zip)) {
            return Npz.read(file, zip);
        }
        if (KerasFile.isKeras(zip)) {
            return KerasFile.ofArchive(file, zip).checkpoint();
        }
        throw file.malformed("the file is a ZIP archive, but none of PyTorch, NumPy or Keras");
    }

    /// Reads with a library that who does not need it may leave away.
    private static Checkpoint with(String library, MappedFile file, Supplier<Checkpoint> reader) {
        try {
            return reader.get();
        } catch (NoClassDefFoundError e) {
            throw file.unsupported(
                    "the file "
                            + Content.of(file).sentence()
                            + ", which is read with the library "
                            + library
                            + "; add it to the class path or module path");
        }
    }
}
