package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Every model at hand, written in our formats and read again.
class SharedRoundTripTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    @TempDir Path folder = Path.of("");

    @Test
    void models_throughRnlAndOnnx_areTheSameToTheBit() throws IOException {
        assumeTrue(
                Files.isDirectory(SHARED.resolve("conformance")),
                "no test data: " + SHARED + " is missing");
        int models = 0;
        for (Path file : models()) {
            Graph graph;
            try {
                graph = Models.read(file);
            } catch (UnsupportedModelException e) {
                continue; // SharedFilesTest says which
            }
            Path rnl = folder.resolve("m.rnl");
            Path onnx = folder.resolve("m.onnx");
            Models.write(graph, rnl);
            Graph fromRnl = Models.read(rnl);
            Models.write(fromRnl, onnx);
            Graph fromOnnx = Models.read(onnx);
            try {
                Graphs.assertSame(fromRnl, graph);
                Graphs.assertSameNetwork(fromOnnx, graph);
            } catch (AssertionError e) {
                throw new AssertionError(file.toString(), e);
            }
            models++;
        }
        assertThat(models).isGreaterThan(650);
    }

    private static List<Path> models() throws IOException {
        try (Stream<Path> files = Files.walk(SHARED, FileVisitOption.FOLLOW_LINKS)) {
            return files.filter(f -> f.endsWith("model.onnx")).toList();
        }
    }
}
