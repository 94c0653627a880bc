package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Whatever is wrong with a recipe is told as the recipe's mistake, with its line, and what is not
/// complained of can be compiled; which weights a layer takes of several that lie below its prefix.
class RecipeMistakesTest {
    private static Checkpoint checkpoint(Object... namesAndShapes) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < namesAndShapes.length; i += 2) {
            Shape shape = (Shape) namesAndShapes[i + 1];
            float[] values = new float[(int) shape.elements()];
            tensors.put((String) namesAndShapes[i], Tensor.ofFloats(shape, values));
        }
        return new Checkpoint("w.pt", tensors, Map.of());
    }

    /// Something for every kind of layer, of 3 features; `deep` is an LSTM of three layers.
    private static Checkpoint all() {
        return checkpoint(
                "lstm.weight_ih_l0",
                Shape.of(12, 3),
                "lstm.weight_hh_l0",
                Shape.of(12, 3),
                "gru.weight_ih_l0",
                Shape.of(9, 3),
                "gru.weight_hh_l0",
                Shape.of(9, 3),
                "rnn.weight_ih_l0",
                Shape.of(3, 3),
                "rnn.weight_hh_l0",
                Shape.of(3, 3),
                "deep.weight_ih_l0",
                Shape.of(12, 3),
                "deep.weight_hh_l0",
                Shape.of(12, 3),
                "deep.weight_ih_l1",
                Shape.of(12, 3),
                "deep.weight_hh_l1",
                Shape.of(12, 3),
                "deep.weight_ih_l2",
                Shape.of(12, 3),
                "deep.weight_hh_l2",
                Shape.of(12, 3),
                "dense.weight",
                Shape.of(3, 3),
                "dense.bias",
                Shape.of(3),
                "embedding.weight",
                Shape.of(5, 3),
                "conv1d.weight",
                Shape.of(3, 3, 2),
                "layer_norm.weight",
                Shape.of(3),
                "batch_norm.running_mean",
                Shape.of(3),
                "batch_norm.running_var",
                Shape.of(3),
                "attention_average",
                Shape.of(3, 1));
    }

    private static final String INPUTS =
            "inputs: {x: [4, 1, 3], s: [1, 1, 3], half: {shape: [4, 1, 3], type: float16},"
                    + " ids: {shape: [4, 1], type: int64}}\n";

    private static String complaint(String yaml, Checkpoint weights) {
        Graph graph;
        try {
            graph = Recipe.of("r.yaml", yaml).graph(weights);
        } catch (MalformedModelException e) {
            return e.getMessage();
        }
        return "no complaint, " + graph.nodes();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    pick: {from: x, axis: 9}      | layers[0].pick has no axis 9 in 'x' [4, 1, 3]
                    pick: {from: x, at: 4}        | layers[0].pick picks 4 along axis 0 of 'x' [4, 1, 3]
                    flip: {from: x, axis: 9}      | layers[0].flip has no axis 9 in 'x' [4, 1, 3]
                    concat: {from: [x, s], axis: 7}  | layers[0].concat has no axis 7 in 'x' [4, 1, 3]
                    concat: {from: [x, s], axis: -9} | layers[0].concat has no axis -9 in 'x' [4, 1, 3]
                    concat: {from: [x, s]}        | layers[0].concat reads 'x' [4, 1, 3], 's' [1, 1, 3], which cannot be joined along axis -1
                    concat: {from: [x, half]}     | layers[0].concat reads 'x' of float32 with 'half' of float16, expected one type
                    batch_norm: {from: x, axis: 7, weights: batch_norm} | layers[0].batch_norm has no axis 7 in 'x' [4, 1, 3]
                    reshape: {from: x, shape: [99999999999, 3]} | layers[0].reshape has the shape [99999999999, 3], which 'x' [4, 1, 3] cannot have
                    reshape: {from: x, shape: [5, -1]} | layers[0].reshape has the shape [5, -1], which 'x' [4, 1, 3] cannot have
                    transpose: {from: x, order: [0, 0, 1]} | layers[0].transpose has the order [0, 0, 1], which is none of the axes of [4, 1, 3]
                    activation: {from: x, function: leaky_relu(} | layers[0].activation.function 'leaky_relu(' has no ')' at its end, expected as in leaky_relu(0.3)
                    activation: {from: x, function: sofmax} | layers[0].activation.function 'sofmax' is no activation; there are tanh, sigmoid, relu, linear, softmax, log_softmax, hard_sigmoid, leaky_relu, elu, softsign, softplus, selu, gelu, swish, silu, hard_swish, mish, exponential
                    activation: {from: ids, function: tanh} | layers[0].activation reads 'ids' of int64, expected floats
                    dense: {from: half, weights: dense} | layers[0].dense reads 'half' of float16 with 'dense/W' of float32, expected one type
                    lstm: {from: x, weights: lstm, initial_state: [s, x]} | layers[0].lstm starts from 'x' [4, 1, 3], expected [1, 1, 3] = [D, N, H]
                    lstm: {from: x, weights: deep, initial_state: [s, s]} | layers[0].lstm.initial_state is 's' [1, 1, 3], expected 3 states, one for each layer and direction
                    lsmt: {from: x, weights: lstm} | layers[0].lsmt is no kind of layer; there are [lstm, gru, rnn, dense, embedding, conv1d, layer_norm, batch_norm, activation, concat, add, subtract, multiply, attention_average, reshape, transpose, flip, pick]
                    'lstm:'                       | layers[0].lstm has no 'weights', which it needs
                    conv1d: {from: x, weights: conv1d, dilation: 9} | layers[0].conv1d.weights: w.pt: tensor 'conv1d.weight' float32[3, 3, 2] spans 10 steps, of which 'conv1d/channels' has too few
                    conv1d: {from: x, weights: conv1d, stride: 0} | layers[0].conv1d a convolution has a number out of range
                    """)
    void mistakeOfALayer_isTold_withLineAndPath(String layer, String message) {
        assertThat(complaint(INPUTS + "layers:\n- " + layer, all()))
                .isEqualTo("r.yaml:3: " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    inputs: {"": [1, 3]}, layers: [flip]  | inputs. has an empty name, expected letters and digits
                    inputs: {x: [1, 3]}, layers: [flip], outputs: {"": x} | outputs has an empty name, expected letters and digits
                    inputs: {x: [1, 3]}, layers: [flip], outputs: {x: flip} | outputs calls an output 'x', as another value is called
                    inputs: {x: [1, 3]}, layers: [flip, {flip: {name: z}}], outputs: {flip: z} | outputs calls an output 'flip', as another value is called
                    layers: [lsmt] | layers[0] is 'lsmt', which is no kind of layer; there are [lstm, gru, rnn, dense, embedding, conv1d, layer_norm, batch_norm, activation, concat, add, subtract, multiply, attention_average, reshape, transpose, flip, pick]
                    layers:   | layers is empty, expected a list
                    inputs: {h: []}, layers: [lstm: {weights: deep, from: h, initial_state: h}] | layers[0].lstm reads 'h' [], expected rank 3: [T, N, I]
                    inputs: {x: [4, 1, 3], h: []}, layers: [lstm: {weights: deep, from: x, initial_state: [h, h]}] | layers[0].lstm has no axis 0 in 'h' []
                    """)
    void mistakeElsewhere_isTold_withLineAndPath(String recipe, String message) {
        assertThat(complaint("{" + recipe + "}", all())).isEqualTo("r.yaml:1: " + message);
    }

    /// What is assembled has no other way to tell what is wrong but words about nodes.
    @Test
    void settingsOfAllKinds_ofOddValues_areRefusedOrCanBeCompiled() {
        List<String> kinds =
                List.of(
                        "lstm",
                        "gru",
                        "rnn",
                        "dense",
                        "embedding",
                        "conv1d",
                        "layer_norm",
                        "batch_norm",
                        "activation",
                        "concat",
                        "add",
                        "subtract",
                        "multiply",
                        "attention_average",
                        "reshape",
                        "transpose",
                        "flip",
                        "pick");
        List<String> settings =
                List.of(
                        "axis",
                        "at",
                        "order",
                        "shape",
                        "function",
                        "activation",
                        "from",
                        "recurrent_activation",
                        "initial_state",
                        "stride",
                        "dilation",
                        "groups",
                        "padding",
                        "epsilon",
                        "return",
                        "go_backwards",
                        "bidirectional",
                        "weights",
                        "reset_after",
                        "name");
        List<String> values =
                List.of(
                        "",
                        "''",
                        "[]",
                        "{}",
                        "-9",
                        "9",
                        "1",
                        "-1",
                        "0",
                        "99999999999",
                        "1.5",
                        "x",
                        "[x, x]",
                        "[x, s]",
                        "[s, x]",
                        "[half, x]",
                        "half",
                        "ids",
                        "[1, 0, 2]",
                        "[99999999999, 3]",
                        "[-1, -1]",
                        "[0, 0, 0, 0]",
                        "leaky_relu(",
                        "tanh",
                        "elu(nan)",
                        "same",
                        "last",
                        "true",
                        "deep",
                        "lstm",
                        "dense",
                        "NaN");
        List<String> wrong = new ArrayList<>();
        Checkpoint weights = all();
        for (String kind : kinds) {
            for (String setting : settings) {
                for (String value : values) {
                    String yaml = INPUTS + "layers:\n- " + kind + ": " + map(kind, setting, value);
                    String outcome = outcome(yaml, weights);
                    if (!outcome.isEmpty()) {
                        wrong.add(yaml.substring(INPUTS.length() + 8) + " → " + outcome);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    private static String map(String kind, String setting, String value) {
        Map<String, String> map = new LinkedHashMap<>();
        switch (kind) {
            case "concat", "add", "subtract", "multiply" -> map.put("from", "[x, x]");
            case "embedding" -> map.put("from", "ids");
            default -> map.put("from", "x");
        }
        switch (kind) {
            case "activation" -> map.put("function", "relu");
            case "reshape" -> map.put("shape", "[2, 6]");
            case "transpose" -> map.put("order", "[2, 1, 0]");
            case "concat", "add", "subtract", "multiply", "flip", "pick" -> {}
            default -> map.put("weights", kind);
        }
        map.put(setting, value);
        return map.toString().replace("=", ": ");
    }

    private static String outcome(String yaml, Checkpoint weights) {
        Graph graph;
        try {
            graph = Recipe.of("r.yaml", yaml).graph(weights);
        } catch (MalformedModelException e) {
            String told = String.valueOf(e.getMessage());
            return told.startsWith("r.yaml:") && !told.contains("out of bounds") ? "" : told;
        } catch (RuntimeException e) {
            return e.toString();
        }
        try (Model model = Model.compile(graph, Options.defaults().stateless())) {
            return model.outputs().isEmpty() ? "no outputs" : "";
        } catch (RuntimeException e) {
            return "compiles not: " + e;
        }
    }

    // ---- which weights a layer takes

    /// An `nn.LSTM` that was given a head, as its subclass.
    @Test
    void suggestion_ofALayerAroundOthers_runsAsItIs() {
        Checkpoint weights =
                checkpoint(
                        "weight_ih_l0",
                        Shape.of(28, 10),
                        "weight_hh_l0",
                        Shape.of(28, 7),
                        "bias_ih_l0",
                        Shape.of(28),
                        "bias_hh_l0",
                        Shape.of(28),
                        "head.weight",
                        Shape.of(3, 7),
                        "head.bias",
                        Shape.of(3));
        String draft = Recipe.suggest(weights);
        assertThat(draft).contains("- lstm: {weights: ''}", "- dense: {weights: head}");
        Graph graph = Recipe.of("draft", draft).graph(weights);
        assertThat(graph.inputs().getFirst().typeText()).isEqualTo("float32[T, N, 10]");
        assertThat(graph.metadata()).doesNotContainKey("unused_tensors");
    }

    @Test
    void inputOfARecurrentLayer_isThatOfItsOwnWeights() {
        Checkpoint weights =
                checkpoint(
                        "encoder.norm.weight", Shape.of(7),
                        "encoder.rnn.weight_ih_l0", Shape.of(28, 10),
                        "encoder.rnn.weight_hh_l0", Shape.of(28, 7));
        Graph graph = Recipe.of("r", "layers: [lstm: encoder]").graph(weights);
        assertThat(graph.inputs().getFirst().typeText()).isEqualTo("float32[T, N, 10]");
        assertThat(graph.metadata()).containsEntry("unused_tensors", "encoder.norm.weight");
    }

    @Test
    void tensorsBeside_areNotTakenForUsed() {
        Checkpoint weights =
                checkpoint(
                        "enc.proj.weight",
                        Shape.of(2, 3),
                        "enc.proj.bias",
                        Shape.of(2),
                        "enc.weight_ih_l0",
                        Shape.of(12, 3),
                        "enc.weight_hh_l0",
                        Shape.of(12, 3));
        Graph graph = Recipe.of("r", "layers: [lstm: enc]").graph(weights);
        assertThat(graph.metadata())
                .containsEntry("unused_tensors", "enc.proj.weight, enc.proj.bias");
    }

    @Test
    void tensorsDeeperDown_areOfAnotherLayer() {
        Checkpoint weights =
                checkpoint(
                        "weight_ih_l0",
                        Shape.of(12, 3),
                        "weight_hh_l0",
                        Shape.of(12, 3),
                        "inner.weight_ih_l0",
                        Shape.of(12, 3),
                        "inner.weight_hh_l0",
                        Shape.of(12, 3),
                        "inner.bias_ih_l0",
                        Shape.of(12),
                        "inner.bias_hh_l0",
                        Shape.of(12),
                        "inner.weight_ih_l1",
                        Shape.of(12, 3),
                        "inner.weight_hh_l1",
                        Shape.of(12, 3),
                        "inner.weight_ih_l0_reverse",
                        Shape.of(12, 3),
                        "inner.weight_hh_l0_reverse",
                        Shape.of(12, 3),
                        "fc.weight",
                        Shape.of(3, 3),
                        "fc.norm.weight",
                        Shape.of(3),
                        "fc.norm.bias",
                        Shape.of(3));
        Graph graph = Recipe.of("r", "layers: [lstm: '', dense: fc]").graph(weights);
        assertThat(graph.parameters()).isEqualTo(36 + 36 + 9);
        assertThat(graph.metadata().get("unused_tensors").split(", ")).hasSize(10);
    }

    // ---- the file

    @Test
    void recipe_mustBeAFileOfText(@TempDir Path folder) throws IOException {
        Path zero = Path.of("/dev/zero");
        if (Files.exists(zero)) {
            assertThatThrownBy(() -> Recipe.read(zero))
                    .isInstanceOf(FileSystemException.class)
                    .hasMessage("/dev/zero: not a regular file");
        }
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () ->
                        assertThatThrownBy(() -> Recipe.read(folder))
                                .hasMessage(folder + ": not a regular file"));
        Path large = Files.write(folder.resolve("large.yaml"), new byte[(1 << 20) + 1]);
        assertThatThrownBy(() -> Recipe.read(large))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("large.yaml: has 1048577 bytes, a recipe has at most 1048576");
    }
}
