package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;
import dev.runnel.graph.ValueInfo.Dim;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The recipes of docs/formats.md run, each on tensors of the names and shapes that stand above it.
class RecipesPageTest {
    private final Random random = new Random(5);

    @TestFactory
    Stream<DynamicTest> recipe_onThePage_runs() throws IOException {
        Path page = Path.of(System.getProperty("runnel.root", ".."), "docs", "formats.md");
        String text = Files.readString(page);
        String section =
                text.substring(text.indexOf("## Recipes"), text.indexOf("<!-- end of recipes"));
        Pattern example =
                Pattern.compile("```tensors\n(.*?)```\\s+```yaml\n(.*?)```", Pattern.DOTALL);
        assertThat(section.split("```yaml", -1))
                .hasSize(1 + (int) example.matcher(section).results().count());
        return example.matcher(section).results().map(this::test).toList().stream();
    }

    private DynamicTest test(MatchResult example) {
        String yaml = example.group(2);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String line : example.group(1).strip().split("\n")) {
            String[] parts = line.split(" ", 2);
            String[] dims = parts[1].replaceAll("[\\[\\] ]", "").split(",");
            Shape shape = Shape.of(Arrays.stream(dims).mapToLong(Long::parseLong).toArray());
            tensors.put(parts[0], drawn(shape));
        }
        return DynamicTest.dynamicTest(yaml.lines().toList().getLast(), () -> check(yaml, tensors));
    }

    private Tensor drawn(Shape shape) {
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(-0.5f, 0.5f);
        }
        return Tensor.ofFloats(shape, values);
    }

    private void check(String yaml, Map<String, Tensor> tensors) {
        Graph graph = Recipe.of("page", yaml).graph(new Checkpoint("w", tensors, Map.of()));
        assertThat(graph.metadata()).doesNotContainKey("unused_tensors");
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (ValueInfo in : graph.inputs()) {
            Shape shape = shape(in);
            inputs.put(
                    in.name(),
                    in.dtype() == DType.FLOAT32
                            ? drawn(shape)
                            : Tensor.ofLongs(shape, new long[(int) shape.elements()]));
        }
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            Map<String, Tensor> outputs = session.run(inputs);
            for (ValueInfo out : graph.outputs()) {
                Tensor y = Objects.requireNonNull(outputs.get(out.name()));
                assertThat(y.shape()).as(out.typeText()).isEqualTo(shape(out));
                float[] values = y.toFloats();
                assertThat(values).doesNotContain(Float.NaN);
                assertThat(values[0]).isNotEqualTo(0);
            }
        }
    }

    /// What is declared, open dimensions being T = 5, S = 4, N = 2.
    private static Shape shape(ValueInfo info) {
        return Shape.of(
                Objects.requireNonNull(info.dims()).stream()
                        .mapToLong(RecipesPageTest::size)
                        .toArray());
    }

    private static long size(Dim d) {
        return switch (d.symbol()) {
            case "" -> d.size();
            case "T" -> 5;
            case "S" -> 4;
            default -> 2;
        };
    }
}
