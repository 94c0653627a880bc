package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// `runnel convert` on weights without a graph.
class ConvertWeightsTest {
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

    private static String failure(Captured c) {
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.err()).startsWith("runnel convert: ").endsWith("\n");
        return c.err().substring("runnel convert: ".length()).strip();
    }

    /// An nn.LSTM of 2 inputs and 3 units, as PyTorch names its weights.
    private Path weights() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("weight_ih_l0", Tensor.ofFloats(Shape.of(12, 2), new float[24]));
        tensors.put("weight_hh_l0", Tensor.ofFloats(Shape.of(12, 3), new float[36]));
        tensors.put("bias_ih_l0", Tensor.ofFloats(Shape.of(12), new float[12]));
        tensors.put("bias_hh_l0", Tensor.ofFloats(Shape.of(12), new float[12]));
        return Safetensors.write(temp.resolve("lstm.safetensors"), tensors);
    }

    @Test
    void weights_needARecipe_whichCanBeDrafted() throws IOException {
        Path weights = weights();
        assertThat(failure(Captured.of("convert", weights, out)))
                .isEqualTo(
                        "lstm.safetensors: holds weights, but does not say how they are wired;"
                                + " runnel convert --suggest-recipe "
                                + weights
                                + " recipe.yaml drafts a recipe for --recipe");
        Path recipe = temp.resolve("out/recipe.yaml");
        assertThat(Captured.of("convert", "--suggest-recipe", weights, recipe))
                .isEqualTo(new Captured(0, "", ""));
        assertThat(recipe)
                .hasContent(Captured.of("convert", "--suggest-recipe", weights).out().strip());
        assertThat(failure(Captured.of("convert", "--suggest-recipe", weights, recipe)))
                .isEqualTo(recipe + ": is there already; --force replaces it");
        Captured c = Captured.of("convert", weights, out, "--recipe", recipe);
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out()).contains("\nparameters  84\n", "\n  y  none\n");
        assertThat(Captured.of("inspect", out).exit()).isZero();
    }

    /// Keras' weights against what TensorFlow's ONNX files yielded, states and all.
    @ParameterizedTest
    @ValueSource(strings = {"dtln_1", "dtln_2"})
    void dtln_equalsItsOnnxModel(String part) {
        Path shared = Path.of(System.getProperty("runnel.shared", "../../shared"));
        Path weights = shared.resolve("weights/keras-dtln/model.h5");
        assumeTrue(Files.exists(weights), "no test data: " + weights + " is missing");
        Path recipe =
                Path.of(System.getProperty("runnel.root", ".."))
                        .resolve("formats/src/test/resources/recipes/" + part + "_states.yaml");
        Captured c =
                Captured.of(
                        "convert",
                        weights,
                        out,
                        "--recipe",
                        recipe,
                        "--verify",
                        shared.resolve("models/" + part),
                        "--max-error",
                        "1e-5");
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out()).contains("error against the stored outputs (");
    }

    @Test
    void namesOfTensors_doNotReachTheTerminalAsTheyAre() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("a\\n\\u001b[31mb", Tensor.ofFloats(Shape.of(3), new float[3]));
        Path file = Safetensors.write(temp.resolve("names.safetensors"), tensors);
        assertThat(Captured.of("inspect", file).out())
                .contains("\n  a\\n\\x1b[31mb  float32[3]  12 bytes\n")
                .doesNotContain("\u001b");
        Path other = Safetensors.write(temp.resolve("none.safetensors"), Map.of());
        assertThat(Captured.of("diff", file, other).out())
                .contains("\n  - a\\n\\x1b[31mb  float32[3]\n")
                .doesNotContain("\u001b");
    }

    @Test
    void draft_replacesAsAWhole_whatALinkLeadsTo() throws IOException {
        Path recipe = Files.writeString(temp.resolve("r.yaml"), "old");
        Object before = Files.getAttribute(recipe, "unix:ino");
        Path link = Files.createSymbolicLink(temp.resolve("link.yaml"), recipe);
        assertThat(Captured.of("convert", "--suggest-recipe", weights(), link, "--force").exit())
                .isZero();
        assertThat(recipe).content().startsWith("# A draft");
        assertThat(Files.getAttribute(recipe, "unix:ino")).isNotEqualTo(before);
        Path nowhere = Files.createSymbolicLink(out, temp.resolve("none"));
        Path model = TinyModels.shift(temp.resolve("m"));
        assertThat(failure(Captured.of("convert", model, nowhere)))
                .isEqualTo(out + ": is a link to " + temp.resolve("none") + ", which is not there");
        assertThat(nowhere).isSymbolicLink();
    }

    @Test
    void filesThatAreNothing_areToldSo() throws IOException {
        Path empty = Files.createFile(temp.resolve("empty.pt"));
        assertThat(failure(Captured.of("convert", empty, out)))
                .isEqualTo("empty.pt: the file is empty, expected a model (.rnl, ONNX, Keras)");
        assertThat(failure(Captured.of("convert", "", out))).isEqualTo("'': not a regular file");
        assertThat(failure(Captured.of("convert", weights(), out, "--recipe", temp)))
                .isEqualTo(temp + ": not a regular file");
    }

    @Test
    void metadataOfUsers_doesNotMakeAModelOfWeights() throws IOException {
        byte[] header = "{\"__metadata__\":{\"graph\":\"cora\"}}".getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        Path file = temp.resolve("w.safetensors");
        Files.write(file, bytes.putLong(header.length).put(header).array());
        Captured c = Captured.of("inspect", file);
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out()).contains("  graph: cora\n");
        assertThat(Captured.of("diff", file, file).exit()).isZero();
    }

    @Test
    void tensorsInNoLayer_areNamed() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("fc.weight", Tensor.ofFloats(Shape.of(3, 2), new float[6]));
        tensors.put("other", Tensor.ofFloats(Shape.of(3), new float[3]));
        tensors.put("more.w", Tensor.ofFloats(Shape.of(3), new float[3]));
        Path weights = Safetensors.write(temp.resolve("w.safetensors"), tensors);
        Path recipe = Files.writeString(temp.resolve("r.yaml"), "layers: [dense: fc]");
        Captured c = Captured.of("convert", weights, out, "--recipe", recipe);
        assertThat(c.exit()).isZero();
        assertThat(c.out()).contains("\n2 tensors in no layer: other, more.w\n");
        Files.writeString(recipe, "{layers: [dense: fc], ignore: [other, more]}");
        Captured ignored = Captured.of("convert", weights, out, "--recipe", recipe, "--force");
        assertThat(ignored.out()).contains("parameters  6\n").doesNotContain("in no layer");
    }

    @Test
    void recipe_missingOrOfOtherWeights_isToldSo() throws IOException {
        Path weights = weights();
        assertThat(
                        failure(
                                Captured.of(
                                        "convert",
                                        weights,
                                        out,
                                        "--recipe",
                                        temp.resolve("no.yaml"))))
                .isEqualTo(temp.resolve("no.yaml") + ": no such file");
        Path other =
                Files.writeString(
                        temp.resolve("other.yaml"), "layers:\n  - lstm: {weights: tagger}\n");
        assertThat(failure(Captured.of("convert", weights, out, "--recipe", other)))
                .contains("other.yaml", "tagger");
        Path garbage = Files.write(temp.resolve("garbage.yaml"), new byte[] {1, 2, (byte) 0xff});
        assertThat(failure(Captured.of("convert", weights, out, "--recipe", garbage)))
                .startsWith("garbage.yaml: ");
        assertThat(failure(Captured.of("convert", weights, out, "--recipe", weights)))
                .startsWith("lstm.safetensors: ");
        assertThat(written()).isEmpty();
    }
}
