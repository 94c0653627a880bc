package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Random;

/// States are computed where they lie only if nobody can tell.
class InPlaceTest {
    private static final int I = 3;
    private static final int H = 5;

    /// A recurrence with its state as ports, and what a test adds to it.
    private static GraphBuilder lstm() {
        Random random = new Random(3);
        return new GraphBuilder("lstm")
                .input("x", DType.FLOAT32, 1, 1, I)
                .input("h", DType.FLOAT32, 1, 1, H)
                .input("c", DType.FLOAT32, 1, 1, H)
                .output("y", DType.FLOAT32, 1, 1, 1, H)
                .output("hn", DType.FLOAT32, 1, 1, H)
                .output("cn", DType.FLOAT32, 1, 1, H)
                .weights("w", random, 1, 4 * H, I)
                .weights("r", random, 1, 4 * H, H)
                .weights("b", random, 1, 8 * H)
                .node(
                        "LSTM",
                        "x w r b - h c",
                        "y hn cn",
                        Map.of("hidden_size", new Attribute.OfLong(H)));
    }

    private static long copies(Graph graph) {
        try (Model model = Model.compile(graph)) {
            return model.describe().lines().filter(line -> line.contains(" copy ")).count();
        }
    }

    @Test
    void states_ofOneRecurrence_areNotCopied() {
        assertThat(copies(lstm().build())).isZero();
    }

    @Test
    void state_thatIsReadAfterwards_isCopied() {
        Graph before = lstm().output("d", DType.FLOAT32, 1, 1, H).node("Sub", "hn h", "d").build();
        assertThat(copies(before)).isOne();
        Graph after = lstm().output("d", DType.FLOAT32, 1, 1, H).node("Relu", "cn", "d").build();
        assertThat(copies(after)).isOne();
    }

    @Test
    void state_thatIsReadAfterwards_isWhatItWasBefore() {
        Graph graph = lstm().output("d", DType.FLOAT32, 1, 1, H).node("Sub", "hn h", "d").build();
        try (Model model = Model.compile(graph);
                Session session = model.open();
                State state = model.newState()) {
            float[] h = new float[H];
            for (int t = 0; t < 3; t++) {
                session.input("x").setAtIndex(JAVA_FLOAT, 0, t + 1);
                session.step(state);
                float[] hn = session.output("y").toArray(JAVA_FLOAT);
                for (int u = 0; u < H; u++) {
                    assertThat(session.output("d").getAtIndex(JAVA_FLOAT, u))
                            .isEqualTo(hn[u] - h[u]);
                }
                h = hn;
            }
        }
    }

    @Test
    void step_thatFailsBehindTheRecurrence_leavesTheState() {
        Graph graph =
                lstm().input("i", DType.INT64, 1)
                        .output("e", DType.FLOAT32, 1, 1, 1, 1)
                        .node("Gather", "y i", "e", Map.of("axis", new Attribute.OfLong(3)))
                        .build();
        assertThat(copies(graph)).isEqualTo(2);
        try (Model model = Model.compile(graph);
                Session session = model.open();
                State state = model.newState()) {
            session.input("x").setAtIndex(JAVA_FLOAT, 0, 1);
            session.step(state);
            byte[] before = state.snapshot().toBytes();
            session.input("i").set(JAVA_LONG, 0, H);
            assertThatThrownBy(() -> session.step(state))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(state.snapshot().toBytes()).isEqualTo(before);
        }
    }

    /// An output fed back by name that is the recurrence's own state too.
    @Test
    void twoStates_thatBecomeTheSame_bothDo() {
        Random random = new Random(5);
        Graph graph =
                new GraphBuilder("feeding")
                        .input("x", DType.FLOAT32, 1, 1, I)
                        .input("prev", DType.FLOAT32, 1, 1, H)
                        .output("y", DType.FLOAT32, 1, 1, 1, H)
                        .output("hn", DType.FLOAT32, 1, 1, H)
                        .weights("w", random, 1, 4 * H, I + H)
                        .weights("r", random, 1, 4 * H, H)
                        .node("Concat", "x prev", "xs", Map.of("axis", new Attribute.OfLong(2)))
                        .node(
                                "LSTM",
                                "xs w r",
                                "y hn",
                                Map.of("hidden_size", new Attribute.OfLong(H)))
                        .build();
        Options options = Options.defaults().stateful().state("hn", "prev");
        try (Model model = Model.compile(graph, options);
                Session session = model.open();
                State state = model.newState()) {
            for (int t = 0; t < 3; t++) {
                session.input("x").setAtIndex(JAVA_FLOAT, 0, 1);
                session.step(state);
                float[] y = session.output("y").toArray(JAVA_FLOAT);
                for (Port port : model.states()) {
                    if (!port.name().endsWith(".c")) {
                        assertThat(state.tensor(port.name()).toArray(JAVA_FLOAT))
                                .as(port.name())
                                .isEqualTo(y);
                    }
                }
            }
        }
    }
}
