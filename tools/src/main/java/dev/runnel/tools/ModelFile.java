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

    /// What `file` holds, whatever its name.
    ///
    /// @throws dev.runnel.MalformedModelException if it is of no known format or contradicts itself
    /// @throws dev.runnel.UnsupportedModelException if it holds what Runnel does not have
    /// @throws IOException if it cannot be opened
    static ModelFile read(Path file) throws IOException {
        if (!mayBeWeights(file)) {
            return new OfGraph(Models.read(file));
        }
        Checkpoint weights = weights(file);
        return weights.hasGraph() ? new OfGraph(Models.read(file)) : new OfWeights(weights);
    }

    /// Whether `file` is of a format whose weights can be had without a graph.
    ///
    /// @throws IOException if it cannot be opened
    static boolean mayBeWeights(Path file) throws IOException {
        return switch (Content.of(MappedFile.open(file))) {
            case HDF5, NPY, PICKLE, SAFETENSORS, ZIP -> true;
            default -> false;
        };
    }

    /// The weights in `file`, also if it has a graph.
    ///
    /// @throws dev.runnel.MalformedModelException if it is of no known format or contradicts itself
    /// @throws dev.runnel.UnsupportedModelException if it holds what Runnel does not have
    /// @throws IOException if it cannot be opened
    static Checkpoint weights(Path file) throws IOException {
        if (Content.of(MappedFile.open(file)) != Content.NPY) {
            return Checkpoint.read(file);
        }
        Tensor tensor = TensorFile.read(file);
        String name = String.valueOf(file.getFileName());
        return new Checkpoint(
                name,
                Map.of(name.replaceFirst("\\.npy$", ""), tensor),
                Map.of("format", "NumPy array"));
    }
}
