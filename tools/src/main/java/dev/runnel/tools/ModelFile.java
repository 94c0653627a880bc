package dev.runnel.tools;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.Models;
import dev.runnel.formats.TensorFile;
import dev.runnel.formats.file.Content;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/// What a file holds: a network, or weights without one. Nothing but the file's structure is read.
sealed interface ModelFile {
    record OfGraph(Graph graph) implements ModelFile {}

    record OfWeights(Checkpoint checkpoint) implements ModelFile {}

    /// The content of `file`, whatever its name.
    ///
    /// @throws dev.runnel.MalformedModelException if it is of no known format or contradicts itself
    /// @throws dev.runnel.UnsupportedModelException if it holds what Runnel does not have
    /// @throws IOException if it cannot be opened
    static ModelFile read(Path file) throws IOException {
        return switch (Content.of(MappedFile.open(file))) {
            case HDF5, PICKLE, SAFETENSORS, ZIP -> new OfWeights(Checkpoint.read(file));
            case NPY -> new OfWeights(array(file));
            default -> new OfGraph(Models.read(file));
        };
    }

    /// A file of one array, named after the file.
    private static Checkpoint array(Path file) throws IOException {
        Tensor tensor = TensorFile.read(file);
        String name = String.valueOf(file.getFileName());
        return new Checkpoint(
                name,
                Map.of(name.replaceFirst("\\.npy$", ""), tensor),
                Map.of("format", "NumPy array"));
    }
}
