package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import java.util.HashMap;
import java.util.Map;

/// Graphs compared to the bit.
public final class Graphs {
    private Graphs() {}

    /// Fails unless all is the same but the graphs' names, and what the metadata say of the file.
    public static void assertSame(Graph got, Graph want) {
        assertThat(metadata(got)).isEqualTo(metadata(want));
        assertSameNetwork(got, want);
    }

    /// Fails unless all is the same but the graphs' names and metadata.
    public static void assertSameNetwork(Graph got, Graph want) {
        assertThat(got.inputs()).isEqualTo(want.inputs());
        assertThat(got.outputs()).isEqualTo(want.outputs());
        assertThat(got.initializers().keySet()).isEqualTo(want.initializers().keySet());
        want.initializers().forEach((name, t) -> assertSame(got.initializers().get(name), t, name));
        assertThat(got.nodes()).hasSameSizeAs(want.nodes());
        for (int i = 0; i < want.nodes().size(); i++) {
            assertSame(got.nodes().get(i), want.nodes().get(i));
        }
    }

    private static Map<String, String> metadata(Graph graph) {
        Map<String, String> m = new HashMap<>(graph.metadata());
        m.remove("format");
        return m;
    }

    private static void assertSame(Node got, Node want) {
        assertThat(got.name()).isEqualTo(want.name());
        assertThat(got.domain()).isEqualTo(want.domain());
        assertThat(got.op()).isEqualTo(want.op());
        assertThat(got.inputs()).isEqualTo(want.inputs());
        assertThat(got.outputs()).isEqualTo(want.outputs());
        assertThat(got.attributes().keySet()).isEqualTo(want.attributes().keySet());
        want.attributes()
                .forEach(
                        (name, a) -> {
                            Attribute b = got.attributes().get(name);
                            switch (a) {
                                case Attribute.OfGraph(Graph g) ->
                                        assertSameNetwork(((Attribute.OfGraph) b).value(), g);
                                case Attribute.OfTensor(Tensor t) ->
                                        assertSame(((Attribute.OfTensor) b).value(), t, name);
                                default -> assertThat(b).isEqualTo(a);
                            }
                        });
    }

    private static void assertSame(Tensor got, Tensor want, String name) {
        assertThat(got.type()).as(name).isEqualTo(want.type());
        assertThat(got.data().mismatch(want.data()))
                .as("first byte that differs: " + name)
                .isEqualTo(-1);
    }
}
