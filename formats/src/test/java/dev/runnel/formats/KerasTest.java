package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Files of Keras against what Keras computes with them; `make.py` beside them made both.
class KerasTest {
    static Path file(String name) {
        try {
            return Path.of(KerasTest.class.getResource("/keras/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "stack.keras, stack",
        "stack.h5, stack",
        "functional.keras, functional",
        "functional.h5, functional",
        "bidirectional.keras, bidirectional",
        "windows.keras, windows",
        "activations.keras, activations",
        "keras2.h5, keras2",
        "keras2_list.h5, keras2",
        "keras2_cudnn.h5, keras2_cudnn",
    })
    void model_computesWhatKerasDoes(String name, String golden) throws IOException {
        Map<String, Tensor> want = golden(golden, "out/");
        Graph graph = Models.read(file(name));
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            Map<String, Tensor> got = session.run(inputs(graph, golden));
            assertThat(got).hasSameSizeAs(want.values().toArray());
            List<Tensor> wanted = List.copyOf(want.values());
            List<String> names = graph.outputs().stream().map(o -> o.name()).toList();
            for (int i = 0; i < wanted.size(); i++) {
                assertClose(name + ": " + names.get(i), got.get(names.get(i)), wanted.get(i));
            }
        }
    }

    @Test
    void statefulLayer_keepsItsState() throws IOException {
        Graph graph = Models.read(file("stateful.keras"));
        try (Model model = Model.compile(graph);
                Session session = model.open()) {
            assertThat(model.states())
                    .extracting(Port::name)
                    .containsExactly("first/h", "first/c", "second/h");
            session.run(inputs(graph, "stateful"));
            Map<String, Tensor> got = session.run(inputs(graph, "stateful"));
            assertClose(
                    "second call",
                    got.values().iterator().next(),
                    golden("stateful", "out/").get("000"));
        }
    }

    private static Map<String, Tensor> golden(String name, String part) throws IOException {
        Map<String, Tensor> all = new TreeMap<>();
        Checkpoint.read(file(name + ".golden.h5"))
                .tensors()
                .forEach(
                        (n, t) -> {
                            if (n.startsWith(part)) {
                                all.put(n.substring(part.length()), t);
                            }
                        });
        return all;
    }

    private static Map<String, Tensor> inputs(Graph graph, String golden) throws IOException {
        Map<String, Tensor> all = golden(golden, "in/");
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        graph.inputs().stream()
                .filter(i -> !i.name().contains("/"))
                .forEach(
                        i -> {
                            Tensor t =
                                    all.size() == 1
                                            ? all.values().iterator().next()
                                            : all.get(i.name());
                            inputs.put(i.name(), t);
                        });
        return inputs;
    }

    static void assertClose(String what, Tensor got, Tensor want) {
        assertThat(got.shape()).as(what).isEqualTo(want.shape());
        for (int i = 0; i < want.elements(); i++) {
            double w = want.getDouble(i);
            assertThat(got.getDouble(i))
                    .as(what + " [" + i + "]")
                    .isCloseTo(w, within(1e-5 + 1e-4 * Math.abs(w)));
        }
    }
}
