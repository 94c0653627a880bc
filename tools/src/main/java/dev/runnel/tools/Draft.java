package dev.runnel.tools;

import dev.runnel.formats.Models;
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
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/// A model's file under a temporary name, beside the one that it is to replace when all is well
/// with it. Closing it removes what was not published.
final class Draft implements AutoCloseable {
    private static final long LARGE_BYTES = 50_000_000;

    private final Path target;
    private final Path temporary;

    /// @param named the file to replace, or a symbolic link to it; it ends in `.rnl` or `.onnx`
    /// @throws IOException if a link leads nowhere
    Draft(Path named) throws IOException {
        target = Files.exists(named) ? named.toRealPath() : named.toAbsolutePath();
        String name = target.getFileName().toString();
        String ending = name.substring(name.lastIndexOf('.')).toLowerCase(Locale.ROOT);
        String random = Long.toHexString(ThreadLocalRandom.current().nextLong());
        temporary = target.resolveSibling(".runnel-" + random + ending);
        temporary.toFile().deleteOnExit(); // for a process that is interrupted
    }

    /// Writes `graph` and reads it back.
    ///
    /// @param terminal where to show the progress of large models; null for nowhere
    /// @throws IllegalArgumentException if the format cannot hold the graph
    /// @throws IOException if it cannot be written
    Graph write(Graph graph, @Nullable PrintWriter terminal) throws IOException {
        long bytes = constantBytes(graph);
        if (terminal == null || bytes < LARGE_BYTES) {
            Models.write(graph, temporary);
        } else {
            try (ProgressBar _ = new ProgressBar(terminal, "writing", bytes, this::bytesWritten)) {
                Models.write(graph, temporary);
            }
        }
        return Models.read(temporary);
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

    /// The bytes that lie in files of this draft, whatever name the writer gives them at first.
    private long bytesWritten() {
        long sum = 0;
        String name = "*" + temporary.getFileName() + "*";
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(temporary.resolveSibling("."), name)) {
            for (Path file : files) {
                sum += Files.size(file);
            }
        } catch (IOException e) {
            // renamed at this moment
        }
        return sum;
    }

    long byteSize() throws IOException {
        return Files.size(temporary);
    }

    /// Puts it in the target's place, in one step.
    void publish() throws IOException {
        Files.move(
                temporary,
                target,
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(temporary);
    }
}
