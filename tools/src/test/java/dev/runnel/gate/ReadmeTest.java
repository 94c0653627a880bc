package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.tools.Runnel;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// What the README says works: its commands, run here without the launcher, and its links. Its Java
/// example has [EmbeddingTest].
class ReadmeTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));

    @TempDir Path folder;

    /// A case to verify: the model, an input, and what the model gives.
    private Path writeCase() throws IOException {
        Path dir = Files.createDirectories(folder.resolve("case"));
        copy("vad.onnx", dir.resolve("model.onnx"));
        Tensor x = Tensor.ofFloats(Shape.of(1, 1, 4), 1, 2, 3, 4);
        TensorFile.writeNpy(folder.resolve("x.npy"), x);
        Path data = Files.createDirectories(dir.resolve("test_data_set_0"));
        copy("vad_input_0.pb", data.resolve("input_0.pb"));
        copy("vad_output_0.pb", data.resolve("output_0.pb"));
        return dir;
    }

    /// What a user brings: weights of PyTorch with what it computes with them, a model of Keras.
    private void bringWeights() throws IOException {
        Path data = Files.createDirectories(folder.resolve("recorded/test_data_set_0"));
        copy("tagger.pt", folder.resolve("tagger.pt"));
        copy("tagger_input_0.npy", data.resolve("input_0.npy"));
        copy("tagger_output_0.npy", data.resolve("output_0.npy"));
        Files.copy(
                ROOT.resolve("formats/src/test/resources/keras/stack.keras"),
                folder.resolve("model.keras"));
    }

    private static void copy(String resource, Path to) throws IOException {
        try (InputStream in = ReadmeTest.class.getResourceAsStream(resource)) {
            Files.copy(Objects.requireNonNull(in), to);
        }
    }

    private String argument(String word, Path dir) {
        return switch (word) {
            case "MODEL" -> dir.resolve("model.onnx").toString();
            case "DIR" -> dir.toString();
            case "x=x.npy" -> "x=" + folder.resolve("x.npy");
            case "out", "recorded" -> folder.resolve(word).toString();
            default -> word.matches("\\w+\\.\\w+") ? folder.resolve(word).toString() : word;
        };
    }

    @Test
    void commands_succeed() throws IOException {
        Path dir = writeCase();
        bringWeights();
        List<String> commands =
                Files.readAllLines(ROOT.resolve("README.md")).stream()
                        .filter(l -> l.startsWith("./runnel "))
                        .map(l -> l.replaceFirst("\\s+#.*", "").substring("./runnel ".length()))
                        .toList();
        assertThat(commands).hasSizeGreaterThan(4);
        for (String command : commands) {
            String[] arguments =
                    Arrays.stream(command.split(" "))
                            .map(w -> argument(w, dir))
                            .toArray(String[]::new);
            StringWriter err = new StringWriter();
            StringWriter out = new StringWriter();
            int exit =
                    Runnel.execute(
                            new PrintWriter(out, true), new PrintWriter(err, true), arguments);
            assertThat(exit).as(command + "\n" + out + err).isZero();
        }
        assertThat(folder.resolve("out/y.npy")).exists();
        assertThat(Files.readString(folder.resolve("tagger.yaml")).replaceAll(" *#.*", "").strip())
                .as("the recipe that the README shows")
                .isEqualTo(recipe());
    }

    private static String recipe() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        int start = readme.indexOf("```yaml\n") + 8;
        return readme.substring(start, readme.indexOf("```", start)).strip();
    }

    @Test
    void links_leadSomewhere() throws IOException {
        for (String page :
                List.of(
                        "README.md",
                        "CONTRIBUTING.md",
                        "docs/architecture.md",
                        "docs/applications.md",
                        "docs/examples/README.md",
                        "docs/formats.md",
                        "docs/performance.md",
                        "benchmarks/README.md")) {
            Path file = ROOT.resolve(page);
            List<String> links =
                    Pattern.compile("\\]\\(([^)#:]+)[)#]")
                            .matcher(Files.readString(file))
                            .results()
                            .map((MatchResult m) -> m.group(1))
                            .toList();
            for (String link : links) {
                assertThat(file.toAbsolutePath().resolveSibling(link))
                        .as(page + " links " + link)
                        .exists();
            }
        }
    }
}
