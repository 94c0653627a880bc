package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

class InspectCommandTest {
    @TempDir private Path temp;

    @Test
    void text_tellsWhatTheModelIs() throws IOException {
        Captured c =
                Captured.of(
                        "inspect", TinyModels.sum(temp), "--state", "s1=s", "--kernels", "scalar");
        assertThat(c.exit()).isZero();
        assertThat(c.err()).isEmpty();
        assertThat(c.out())
                .contains("  producer: by hand\n")
                .endsWith(
                        """
                        inputs
                          x  float32[1, 2]
                        outputs
                          y  float32[1, 2]
                        states
                          s  float32[1, 2]
                        operators (2 nodes)
                              2 Add
                        parameters
                          0
                        memory
                          0 bytes of weights, shared
                          16 bytes of state a stream
                        kernels at first
                          scalar
                        can be stepped
                          yes
                        """);
    }

    @Test
    void openDimension_isShownWithItsSize() throws IOException {
        Captured c = Captured.of("inspect", TinyModels.shift(temp), "--dimension", "batch=3");
        assertThat(c.out())
                .contains(
                        "\n  x  float32[batch, 2]  in one step float32[3, 2]\n",
                        "\nparameters\n  2\n");
    }

    @Test
    void plan_onDemand() throws IOException {
        assertThat(Captured.of("inspect", TinyModels.sum(temp), "--plan").out())
                .contains("\nplan\n", "Add");
    }

    @Test
    void weights_areShownInThePlan() throws IOException {
        Path product = TinyModels.product(temp);
        assertThat(Captured.of("inspect", product, "--plan", "--weights", "bf16").out())
                .contains(" bytes BF16");
        assertThat(Captured.of("inspect", product, "--plan", "--weights", "int8").out())
                .contains(" bytes INT8");
        assertThat(Captured.of("inspect", product, "--plan").out()).doesNotContain("BF16", "INT8");
    }

    @Test
    void weights_packedInFewerBits_areMeasured() throws IOException {
        Path product = TinyModels.product(temp);
        assertThat(Captured.of("inspect", product, "--weights", "int8").out())
                .containsPattern(
                        "\nweights as packed, off from those of the file\n"
                                + "  \\S+  w  int8  max \\|Δw\\| [0-9.e-]+  mean [0-9.e-]+\n");
        assertThat(Captured.of("inspect", product).out()).doesNotContain("as packed");
        String json = Captured.of("inspect", product, "--weights", "bf16", "--json").out();
        JsonNode w = new ObjectMapper().readTree(json).at("/roundings/0");
        assertThat(w.get("tensor").asText()).isEqualTo("w");
        assertThat(w.get("precision").asText()).isEqualTo("BF16");
        assertThat(w.get("max").isNumber()).isTrue();
    }

    @Test
    void weights_ofNoPrecisionThereIs_areAUsageError() throws IOException {
        Captured c = Captured.of("inspect", TinyModels.product(temp), "--weights", "int4");
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.err()).startsWith("runnel inspect: Invalid value for option '--weights'");
    }

    @Test
    void json_hasTheSameFacts() throws IOException {
        Captured c = Captured.of("inspect", TinyModels.sum(temp), "--state", "s1=s", "--json");
        assertThat(c.exit()).isZero();
        JsonNode json = new ObjectMapper().readTree(c.out());
        assertThat(json.fieldNames())
                .toIterable()
                .containsExactly(
                        "model",
                        "metadata",
                        "inputs",
                        "outputs",
                        "states",
                        "operators",
                        "nodes",
                        "fused",
                        "parameters",
                        "weight_bytes",
                        "roundings",
                        "state_bytes",
                        "kernels",
                        "compiles",
                        "problem",
                        "steps",
                        "step_obstacle",
                        "plan");
        assertThat(json.at("/inputs/0").toString())
                .isEqualTo(
                        "{\"name\":\"x\",\"declared\":\"float32[1, 2]\",\"step\":\"float32[1,"
                                + " 2]\"}");
        assertThat(json.at("/operators/0").toString())
                .isEqualTo("{\"name\":\"Add\",\"count\":2,\"supported\":true}");
        assertThat(json.get("state_bytes").asLong()).isEqualTo(16);
        assertThat(json.get("steps").asBoolean()).isTrue();
        assertThat(json.get("problem").isNull()).isTrue();
    }

    @Test
    void modelThatCannotBeCompiled_isShownAllTheSame() throws IOException {
        Path file = TinyModels.unknown(temp);
        Captured c = Captured.of("inspect", file);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.out())
                .contains(
                        """
                        inputs
                          x  float32[batch, 2]
                        outputs
                          y  float32[batch, 2]
                        states
                          none
                        operators (2 nodes)
                              1 Add
                              1 Frobnicate  not supported
                        """)
                .endsWith("can be stepped\n  no: it cannot be compiled\n");
        assertThat(c.err())
                .startsWith("cannot be compiled: model.onnx: node 'Frobnicate_y' (Frobnicate): ");

        Captured json = Captured.of("inspect", file, "--json");
        assertThat(json.exit()).isEqualTo(1);
        assertThat(json.err()).isEmpty();
        JsonNode node = new ObjectMapper().readTree(json.out());
        assertThat(node.get("compiles").asBoolean()).isFalse();
        assertThat(node.get("problem").asText()).contains("Frobnicate_y");
        assertThat(node.get("weight_bytes").isNull()).isTrue();
    }

    @Test
    void weightsWithoutAGraph_areATable() throws IOException {
        Path file = temp.resolve("w.npy");
        TensorFile.writeNpy(file, Tensor.ofFloats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6));
        assertThat(Captured.of("inspect", file))
                .isEqualTo(
                        new Captured(
                                0,
                                """
                                w.npy
                                  format: NumPy array
                                tensors (1)
                                  w  float32[2, 3]  24 bytes
                                parameters
                                  6, in 24 bytes of tensors
                                """,
                                ""));
        JsonNode json = new ObjectMapper().readTree(Captured.of("inspect", file, "--json").out());
        assertThat(json.toString())
                .isEqualTo(
                        "{\"file\":\"w.npy\",\"metadata\":{\"format\":\"NumPy array\"},"
                            + "\"tensors\":[{\"name\":\"w\",\"dtype\":\"float32\","
                            + "\"shape\":[2,3],\"bytes\":24}],\"layers\":[],\"parameters\":6,\"bytes\":24}");
    }

    @Test
    void fileOfNoKnownFormat_isOneLine() throws IOException {
        Path empty = Files.createFile(temp.resolve("empty.pt"));
        assertThat(Captured.of("inspect", empty))
                .isEqualTo(
                        new Captured(
                                1,
                                "",
                                "runnel inspect: empty.pt: the file is empty, expected a model"
                                        + " (.rnl, ONNX, Keras)\n"));
    }

    @Test
    void obstacle_isToldInWordsOfTheCommandLine() throws IOException {
        assertThat(Failures.inOptionWords("starts anew; compile with Options.stateful()"))
                .isEqualTo("starts anew; use --stateful");
        assertThat(Failures.inOptionWords("cannot step: a; fix it with Options.bind, or call run"))
                .isEqualTo("cannot step: a; fix it with --bind; runnel run takes it whole");
    }

    /// 64 GB, which it would take a minute to read, and more than most machines have.
    @Test
    @Timeout(30)
    void weights_areNotRead() throws IOException {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        for (int i = 0; i < 16; i++) {
            shapes.put("layers." + i + ".weight", Shape.of(32_768, 32_768));
        }
        Path file = Safetensors.writeSparse(temp.resolve("large.safetensors"), shapes);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Captured c = Captured.of("inspect", file);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(32 << 20);
        assertThat(c.err()).isEmpty();
        assertThat(c.out())
                .contains("\n  layers.0.weight   float32[32768, 32768]  4,294,967,296 bytes\n")
                .endsWith("\n  17,179,869,184, in 68,719,476,736 bytes of tensors\n");
    }

    @Test
    void fileOnly_compilesNothing() throws IOException {
        Captured c = Captured.of("inspect", TinyModels.unknown(temp), "--file-only");
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .endsWith(
                        """
                        outputs
                          y  float32[batch, 2]
                        operators (2 nodes)
                              1 Add
                              1 Frobnicate  not supported
                        parameters
                          0
                        """);
        String json =
                Captured.of("inspect", temp.resolve("model.onnx"), "--file-only", "--json").out();
        assertThat(new ObjectMapper().readTree(json).get("compiles").isNull()).isTrue();
    }

    @Test
    void layers_areRecognisedByNamesAndShapes() throws IOException {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("rnn.weight_ih_l0", Shape.of(9, 2));
        shapes.put("rnn.weight_hh_l0", Shape.of(9, 3));
        shapes.put("rnn.bias_ih_l0", Shape.of(9));
        shapes.put("rnn.bias_hh_l0", Shape.of(9));
        shapes.put("aside.weight", Shape.of(4, 7));
        Path file = Safetensors.writeSparse(temp.resolve("w.safetensors"), shapes);
        assertThat(Captured.of("inspect", file).out())
                .containsPattern(
                        "\n"
                                + "layers\n"
                                + "  gru: \\{weights: rnn}.*3 units.*\n"
                                + "  dense: \\{weights: aside}.*\n"
                                + "parameters\n");
    }

    @Test
    void longMetadata_isCut() {
        Map<String, String> metadata = new LinkedHashMap<>();
        for (int i = 10; i < 40; i++) {
            metadata.put("key" + i, "v");
        }
        assertThat(CheckpointInspection.of(new Checkpoint("c", Map.of(), metadata)).text())
                .contains("\n  key29: v\n  … and 10 more, which --json shows\ntensors (0)\n");
    }
}
