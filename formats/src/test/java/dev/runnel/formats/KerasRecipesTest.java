package dev.runnel.formats;

import static dev.runnel.formats.KerasTest.assertClose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/// Weights that Keras saved without a configuration, wired by recipes.
class KerasRecipesTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    @TempDir private Path folder = Path.of("");

    /// The commonest words of English.
    private static final Set<String> COMMON =
            Set.of(
                    ("the be is are was were been am to of and a an in that have has had it for not"
                         + " on with he as you do does did at this but his by from they we say her"
                         + " she or will my one all would there their what so up out if about who"
                         + " get got which go going me when make made can like time no just him"
                         + " know take people into year years your good some could them see other"
                         + " than then now look only come its over think also back after use two"
                         + " how our work first well way even new want because any these give day"
                         + " days most us i it's don't i'm can't best ever more why should man old"
                         + " game life here really need world today right last every off being"
                         + " before still never post video")
                            .split(" "));

    /// Both parts of DTLN are at hand as ONNX models, too, with what ONNX Runtime computes step by
    /// step.
    @ParameterizedTest
    @CsvSource({"dtln_1, model.h5", "dtln_2, model.h5"})
    void dtln_stepsAsItsOnnxModelDoes(String part, String weights) throws IOException {
        Path rnl = folder.resolve(part + ".rnl");
        Models.write(graph(part, "keras-dtln/" + weights), rnl);
        Graph graph = Models.read(rnl);
        try (Model model = Model.compile(graph, Options.defaults().stateful());
                Session session = model.open();
                State state = model.newState()) {
            for (int step = 0; step < 5; step++) {
                Path set = SHARED.resolve("models/" + part + "/test_data_set_" + step);
                Tensor x = TensorFile.read(set.resolve("input_0.pb"));
                session.input(graph.inputs().getFirst().name()).copyFrom(x.data());
                session.step(state);
                Tensor want = TensorFile.read(set.resolve("output_0.pb"));
                String output = graph.outputs().getFirst().name();
                assertClose(
                        part + " " + step, new Tensor(want.type(), session.output(output)), want);
            }
        }
    }

    @Test
    void textgenrnn_writesEnglish() throws IOException {
        Graph graph = graph("textgenrnn", "keras-textgenrnn/textgenrnn_weights.hdf5");
        Map<Integer, String> characters = new HashMap<>();
        Path vocabulary = SHARED.resolve("weights/keras-textgenrnn/textgenrnn_vocab.json");
        try (JsonParser json = new JsonFactory().createParser(Files.readString(vocabulary))) {
            while (json.nextToken() != null) {
                if (json.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                    characters.put(json.getIntValue(), json.currentName());
                }
            }
        }
        Random random = new Random(5);
        StringBuilder text = new StringBuilder();
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            while (text.length() < 300) {
                text.append(title(session, characters, random)).append('\n');
            }
        }
        List<String> words =
                Arrays.asList(text.toString().toLowerCase(Locale.ROOT).split("[^a-z']+"));
        long common = words.stream().filter(COMMON::contains).count();
        System.out.println(text);
        System.out.println(common + " of " + words.size() + " words are among the commonest");
        assertThat(words).hasSizeGreaterThan(25);
        long ascii = text.chars().filter(c -> c < 128).count();
        assertThat(ascii).as(text.toString()).isGreaterThan(text.length() * 95L / 100);
        assertThat(common * 2).as(text.toString()).isGreaterThan(words.size());
    }

    /// A title from its beginning to its end, sampled at temperature 0.3.
    private static String title(Session session, Map<Integer, String> characters, Random random) {
        int end =
                characters.entrySet().stream()
                        .filter(e -> e.getValue().equals("<s>"))
                        .findFirst()
                        .orElseThrow()
                        .getKey();
        long[] window = new long[40]; // zeros where there is no text yet, as it was trained
        window[39] = end;
        StringBuilder title = new StringBuilder();
        while (title.length() < 200) {
            Tensor ids = Tensor.ofLongs(Shape.of(1, window.length), window);
            Tensor next = session.run(Map.of("text", ids)).get("next");
            int chosen = sample(next.toFloats(), random);
            if (chosen == end) {
                break;
            }
            title.append(characters.getOrDefault(chosen, "?"));
            System.arraycopy(window, 1, window, 0, 39);
            window[39] = chosen;
        }
        return title.toString();
    }

    private static int sample(float[] p, Random random) {
        double[] sharp = new double[p.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            sharp[i] = Math.pow(p[i], 1 / 0.3);
            sum += sharp[i];
        }
        double at = random.nextDouble() * sum;
        int i = 0;
        while (i < p.length - 1 && (at -= sharp[i]) > 0) {
            i++;
        }
        return i;
    }

    private static Graph graph(String recipe, String weights) throws IOException {
        Path file = SHARED.resolve("weights/" + weights);
        assumeTrue(Files.exists(file), file + " is absent");
        try {
            Path yaml =
                    Path.of(
                            KerasRecipesTest.class
                                    .getResource("/recipes/" + recipe + ".yaml")
                                    .toURI());
            return Recipe.read(yaml).graph(Checkpoint.read(file));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
