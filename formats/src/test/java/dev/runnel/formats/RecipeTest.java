package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Recipes: what they say when they are wrong, what is suggested, and a real model made by one.
class RecipeTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));
    private static final String PHONEMES =
            "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0"
                    + " AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2"
                    + " IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2"
                    + " UW UW0 UW1 UW2 V W Y Z ZH";

    private static Checkpoint checkpoint(Object... namesAndShapes) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Random random = new Random(3);
        for (int i = 0; i < namesAndShapes.length; i += 2) {
            Shape shape = (Shape) namesAndShapes[i + 1];
            float[] values = new float[(int) shape.elements()];
            for (int k = 0; k < values.length; k++) {
                values[k] = random.nextFloat(-1, 1);
            }
            tensors.put((String) namesAndShapes[i], Tensor.ofFloats(shape, values));
        }
        return new Checkpoint("w.pt", tensors, Map.of());
    }

    private static Checkpoint tagger() {
        return checkpoint(
                "encoder.lstm.weight_ih_l0", Shape.of(16, 3),
                "encoder.lstm.weight_hh_l0", Shape.of(16, 4),
                "encoder.lstm.bias_ih_l0", Shape.of(16),
                "encoder.lstm.bias_hh_l0", Shape.of(16),
                "head.weight", Shape.of(2, 4),
                "head.bias", Shape.of(2));
    }

    private static String complaint(String yaml, Checkpoint weights) {
        try {
            Graph graph = Recipe.of("r.yaml", yaml.replace(';', '\n')).graph(weights);
            return "no complaint, " + graph.nodes();
        } catch (MalformedModelException e) {
            return e.getMessage();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    ''                               | r.yaml:1: is empty, expected a recipe
                    layers: [dense: head             | r.yaml:1: is no YAML: expected ',' or ']', but got <stream end>
                    a: 1                             | r.yaml:1 has no 'layers', which a recipe needs
                    layers: []                       | r.yaml:1: layers is empty
                    layers: [dense: head];colour: 1  | r.yaml:2: colour is unknown; a recipe has [name, framework, layout, inputs, layers, outputs, ignore]
                    layers: &a [*a]                  | r.yaml:1: layers has an anchor or alias, which recipes have not
                    layers: !!x [dense]              | r.yaml:1: layers has a tag, which recipes have not
                    layers: [{dense: {weights: head, units: 3}}] | r.yaml:1: layers[0].dense.units is no setting of dense, which has [activation, from, name, weights]
                    layers: [{dense: {weights: head, activation: tann}}] | r.yaml:1: layers[0].dense.activation 'tann' is no activation; there are tanh, sigmoid, relu, linear, softmax, log_softmax, hard_sigmoid, leaky_relu, elu, softsign, softplus, selu, gelu, swish, silu, hard_swish, mish, exponential
                    layers:;- lstm: encoder.lstn     | r.yaml:2: layers[0].lstm is 'encoder.lstn', which w.pt has not; the nearest are 'encoder.lstm.weight_ih_l0' [16, 3], 'encoder.lstm.weight_hh_l0' [16, 4], 'encoder.lstm.bias_ih_l0' [16]; expected one of [weight_ih_l0, recurrent_kernel]
                    layers:;- gru: encoder.lstm      | r.yaml:2: layers[0].gru: w.pt: tensor 'encoder.lstm.weight_hh_l0' float32[16, 4] is not of a GRU: axis 0 is no multiple of its 3 gates
                    layers:;- lstm: encoder.lstm;- dense: {weights: head, from: x} | r.yaml:3: layers[1].dense.weights: w.pt: tensor 'head.weight' float32[2, 4] takes 4 features, 'x' has the shape [T, N, 3]
                    layers:;- lstm: encoder.lstm;- dense: {weights: head, from: z} | r.yaml:3: layers[1].dense.from is 'z', expected one of [x, lstm.sequence, lstm.last, lstm.h, lstm.c, lstm] before it
                    layers:;- lstm: {weights: {w_ih: a, w_hh: b}} | r.yaml:2: layers[0].lstm.weights.w_ih names tensor 'a', which w.pt has not; the nearest are 'head.bias' [2], 'head.weight' [2, 4], 'encoder.lstm.bias_ih_l0' [16]
                    layers:;- flip                   | r.yaml:2: layers[0] is the first layer and does not say what it reads: declare the inputs, such as inputs: {x: [T, N, 40]}
                    layers:;- lstm: encoder.lstm;- lstn: a | r.yaml:3: layers[1].lstn is no kind of layer; there are [lstm, gru, rnn, dense, embedding, conv1d, layer_norm, batch_norm, activation, concat, add, subtract, multiply, attention_average, reshape, transpose, flip, pick]
                    """)
    void mistake_isTold_withLineAndTensor(String yaml, String message) {
        assertThat(complaint(yaml, tagger())).isEqualTo(message);
    }

    @Test
    void tensorsInNoLayer_areReported() {
        Recipe recipe = Recipe.of("r", "layers: [lstm: encoder.lstm]");
        assertThat(recipe.graph(tagger()).metadata())
                .containsEntry("unused_tensors", "head.weight, head.bias");
        Recipe ignoring = Recipe.of("r", "{layers: [lstm: encoder.lstm], ignore: head}");
        assertThat(ignoring.graph(tagger()).metadata()).doesNotContainKey("unused_tensors");
    }

    @Test
    void suggestion_ofAStack_runsAsItIs() {
        String text = Recipe.suggest(tagger());
        assertThat(text)
                .isEqualTo(
                        """
                        # A draft, from the names and shapes of w.pt; docs/formats.md, Recipes, says more.
                        # layout: NTI  # where sequences are [batch, time, features]
                        layers:
                          - lstm: {weights: encoder.lstm}  # 3 features → 4; 4 units
                          - dense: {weights: head}  # 4 features → 2; activation: softmax, …, if it has one
                        """);
        Graph graph = Recipe.of("suggested", text).graph(tagger());
        assertThat(graph.inputs().getFirst().typeText()).isEqualTo("float32[T, N, 3]");
        assertThat(graph.outputs().getFirst().typeText()).isEqualTo("float32[T, N, 2]");
    }

    @Test
    void suggestion_ofWhatDoesNotFit_saysSo() {
        Checkpoint weights =
                checkpoint(
                        "emb.weight", Shape.of(9, 5),
                        "rnn.weight_ih_l0", Shape.of(12, 5),
                        "rnn.weight_hh_l0", Shape.of(12, 4),
                        "rnn.weight_ih_l0_reverse", Shape.of(12, 5),
                        "rnn.weight_hh_l0_reverse", Shape.of(12, 4),
                        "side.weight", Shape.of(3, 7),
                        "norm.weight", Shape.of(8),
                        "k/kernel:0", Shape.of(8, 6),
                        "table", Shape.of(2, 2));
        assertThat(Recipe.suggest(weights))
                .isEqualTo(
                        """
                        # A draft, from the names and shapes of w.pt; docs/formats.md, Recipes, says more.
                        # layout: NTI  # where sequences are [batch, time, features]
                        layers:
                          - embedding: {weights: emb}  # → 5; 9 rows
                          - gru: {weights: rnn}  # 5 features → 8; 4 units, bidirectional
                          # does not follow: takes 7, what is before it yields 8
                          # - dense: {weights: side}  # 7 features → 3; activation: softmax, …, if it has one
                          - layer_norm: {weights: norm}  # 8 features
                          - dense: {weights: k}  # 8 features → 6; activation: softmax, …, if it has one
                        # In no layer:
                        #   table float32[2, 2]
                        """);
        Graph graph = Recipe.of("suggested", Recipe.suggest(weights)).graph(weights);
        assertThat(graph.outputs().getFirst().typeText()).isEqualTo("float32[T, N, 6]");
        assertThat(graph.metadata()).containsEntry("unused_tensors", "side.weight, table");
    }

    @Test
    void suggestion_ofNamesThatNobodyGives_saysHowToNameThem() {
        String draft = Recipe.suggest(checkpoint("enc_w_ih", Shape.of(12, 4)));
        assertThat(draft)
                .endsWith(
                        """
                        layers: []
                        # No names of PyTorch's or Keras' were found. Name the tensors one by one, as in
                        #   - gru: {weights: {w_ih: …, w_hh: …, b_ih: …, b_hh: …}}
                        # In no layer:
                        #   enc_w_ih float32[12, 4]
                        """);
    }

    @Test
    void projection_isWrittenAsRnl_andAsOnnx(@TempDir Path folder) throws IOException {
        Checkpoint weights =
                checkpoint(
                        "rnn.weight_ih_l0", Shape.of(16, 3),
                        "rnn.weight_hh_l0", Shape.of(16, 2),
                        "rnn.weight_hr_l0", Shape.of(2, 4));
        Graph graph = Recipe.of("r", Recipe.suggest(weights)).graph(weights);
        Map<String, Tensor> x = Map.of("x", Tensor.ofFloats(Shape.of(1, 1, 3), 1, 2, 3));
        for (Path file : List.of(folder.resolve("m.rnl"), folder.resolve("m.onnx"))) {
            Models.write(graph, file);
            try (Model model = Model.compile(graph, Options.defaults().stateless());
                    Model again = Model.compile(Models.read(file), Options.defaults().stateless());
                    Session session = model.open();
                    Session other = again.open()) {
                assertThat(other.run(x).get("y").toFloats())
                        .hasSize(2)
                        .isEqualTo(session.run(x).get("y").toFloats());
            }
        }
    }

    @Test
    void deepAndLargeRecipes_areRefused() {
        assertThatThrownBy(() -> Recipe.of("r", "[".repeat(100_000)))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("nested more than 20 deep");
    }

    // ---- a real encoder and decoder of letters and phonemes

    private static final String ENCODER =
            """
            layers:
              - embedding: {weights: {weight: enc_emb}}
              - gru:
                  weights: {w_ih: enc_w_ih, w_hh: enc_w_hh, b_ih: enc_b_ih, b_hh: enc_b_hh}
                  return: last
            ignore: [dec, fc]
            """;
    private static final String DECODER =
            """
            inputs:
              phoneme: {shape: [1, 1], type: int64}
              h: [1, 256]
            layers:
              - embedding: {weights: {weight: dec_emb}, from: phoneme}
              - gru:
                  weights: {w_ih: dec_w_ih, w_hh: dec_w_hh, b_ih: dec_b_ih, b_hh: dec_b_hh}
                  initial_state: h
              - dense: {weights: {weight: fc_w, bias: fc_b}}
            outputs: {logits: dense, hn: gru.last}
            ignore: enc
            """;

    @Test
    void lettersToPhonemes_byRecipes_spellWords() throws IOException {
        Path file = SHARED.resolve("weights/numpy-g2p_en/checkpoint20.npz");
        assumeTrue(Files.exists(file), "no test data: " + file + " is missing");
        Checkpoint weights = Checkpoint.read(file);
        Graph encoder = Recipe.of("encoder", ENCODER).graph(weights);
        Graph decoder = Recipe.of("decoder", DECODER).graph(weights);
        assertThat(encoder.metadata()).doesNotContainKey("unused_tensors");
        assertThat(decoder.metadata()).doesNotContainKey("unused_tensors");
        try (Model e = Model.compile(encoder, Options.defaults().stateless());
                Model d = Model.compile(decoder, Options.defaults().stateless());
                Session reading = e.open();
                Session speaking = d.open()) {
            assertThat(spell("streaming", reading, speaking)).isEqualTo("S T R IY1 M IH0 NG");
            assertThat(spell("runnel", reading, speaking)).isEqualTo("R AH1 N AH0 L");
            assertThat(spell("hello", reading, speaking)).isEqualTo("HH EH1 L OW0");
        }
    }

    private static String spell(String word, Session reading, Session speaking) {
        long[] ids = new long[word.length() + 1];
        for (int i = 0; i < word.length(); i++) {
            ids[i] = word.charAt(i) - 'a' + 3; // behind <pad> <unk> </s>
        }
        ids[word.length()] = 2;
        Tensor h = reading.run(Map.of("x", Tensor.ofLongs(Shape.of(ids.length, 1), ids))).get("y");
        String[] phonemes = PHONEMES.split(" ");
        List<String> spoken = new ArrayList<>();
        long last = 2; // <s>
        for (int i = 0; i < 20; i++) {
            Tensor phoneme = Tensor.ofLongs(Shape.of(1, 1), last);
            Map<String, Tensor> out = speaking.run(Map.of("phoneme", phoneme, "h", h));
            h = out.get("hn");
            float[] logits = out.get("logits").toFloats();
            last = 0;
            for (int k = 1; k < logits.length; k++) {
                last = logits[k] > logits[(int) last] ? k : last;
            }
            if (last == 3) { // </s>
                break;
            }
            spoken.add(phonemes[(int) last]);
        }
        return String.join(" ", spoken);
    }
}
