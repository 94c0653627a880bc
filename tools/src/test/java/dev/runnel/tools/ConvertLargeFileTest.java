package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.formats.Models;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// Progress and interruption of conversions that take a while.
class ConvertLargeFileTest {
    @TempDir private Path temp;
    private Path out;

    @BeforeEach
    void makeFolder() throws IOException {
        out = Files.createDirectory(temp.resolve("out")).resolve("out.rnl");
    }

    private List<String> written() throws IOException {
        try (Stream<Path> files = Files.list(out.getParent())) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static Path large(Path file) throws IOException {
        float[] values = new float[1000 * 15_500];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        Graph graph =
                new Graph(
                        "large",
                        List.of(
                                ValueInfo.of(
                                        "x", new TensorType(DType.FLOAT32, Shape.of(1, 1000)))),
                        List.of(
                                ValueInfo.of(
                                        "y", new TensorType(DType.FLOAT32, Shape.of(1, 15_500)))),
                        Map.of("w", Tensor.ofFloats(Shape.of(1000, 15_500), values)),
                        List.of(
                                new Node(
                                        "product",
                                        "",
                                        "MatMul",
                                        List.of("x", "w"),
                                        List.of("y"),
                                        Map.of())),
                        Map.of());
        Models.write(graph, file);
        return file;
    }

    @Test
    void largeFile_showsProgressOnATerminalOnly() throws IOException {
        Path file = large(temp.resolve("large.rnl"));
        Path to = temp.resolve("out/large.onnx");
        assertThat(Captured.of("convert", file, to, "--samples", "1").err()).isEmpty();
        System.setProperty("runnel.terminal", "true");
        try {
            assertThat(Captured.of("convert", file, to, "--samples", "0", "--force").err())
                    .startsWith("\rwriting [")
                    .contains("] ", " % of 59 MB\r")
                    .endsWith(" \r");
            Path small = TinyModels.product(temp.resolve("in"));
            assertThat(Captured.of("convert", small, out).err()).isEmpty();
        } finally {
            System.clearProperty("runnel.terminal");
        }
    }

    @Test
    void killedConversion_leavesTheOldFile() throws Exception {
        Path file = large(temp.resolve("large.rnl"));
        Path to = temp.resolve("out/large.onnx");
        Files.writeString(to, "old");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                Runnel.class.getName(),
                                "convert",
                                file.toString(),
                                to.toString(),
                                "--samples",
                                "100000",
                                "--force")
                        .redirectErrorStream(true)
                        .redirectOutput(new File(temp.toFile(), "log"))
                        .start();
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (written().size() < 2 && process.isAlive() && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertThat(written()).as(Files.readString(temp.resolve("log"))).hasSize(2);
        process.destroyForcibly().waitFor();
        assertThat(to).hasContent("old");
    }
}
