package dev.runnel.tools;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Shows, for large models, how much of the file is written, until it is closed.
final class WriteProgress implements AutoCloseable {
    private static final long LARGE_BYTES = 50_000_000;

    private @Nullable ProgressBar bar;

    /// @param terminal where to show it; null for nowhere
    WriteProgress(Graph graph, Path file, @Nullable PrintWriter terminal) {
        long bytes = constantBytes(graph);
        if (terminal != null && bytes >= LARGE_BYTES) {
            bar = new ProgressBar(terminal, "writing", bytes, () -> bytesWritten(file));
        }
    }

    /// What the constants of a graph take, those of subgraphs included.
    static long constantBytes(Graph graph) {
        long sum = 0;
        for (Tensor t : graph.initializers().values()) {
            sum += t.data().byteSize();
        }
        for (Node node : graph.nodes()) {
            for (Attribute a : node.attributes().values()) {
                sum += a instanceof Attribute.OfGraph(Graph g) ? constantBytes(g) : 0;
            }
        }
        return sum;
    }

    /// The bytes that lie in temporary files beside the one to come, which are named after it.
    private static long bytesWritten(Path file) {
        long sum = 0;
        Path name = file.getFileName();
        try (DirectoryStream<Path> temporary =
                Files.newDirectoryStream(
                        file.toAbsolutePath().resolveSibling("."),
                        path -> path.getFileName().toString().startsWith("." + name + "."))) {
            for (Path t : temporary) {
                sum += Files.size(t);
            }
        } catch (IOException e) {
            // renamed at this moment
        }
        return sum;
    }

    @Override
    public void close() {
        end();
    }

    /// Shows nothing from now on.
    void end() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
