package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.TextFormat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;

/// Loop and Scan as they stand: what decides how often, what is carried, collected, captured.
class LoopTest {
    private static final String FLOAT = "type { tensor_type { elem_type: 1 } }";
    private static final String BOOL = "type { tensor_type { elem_type: 9 } }";
    private static final String LONG = "type { tensor_type { elem_type: 7 } }";
    private static final String VECTOR =
            "type { tensor_type { elem_type: 1 shape { dim { dim_value: 2 } } } }";
    private static final String SEQUENCE =
            "type { tensor_type { elem_type: 1 shape { dim { dim_param: 'T' } dim { dim_value: 2 }"
                    + " } } }";
    private static final String SCALAR = "type { tensor_type { elem_type: 7 shape { } } }";

    private static Graph graph(String text) throws TextFormat.ParseException {
        ModelProto model =
                TextFormat.parse(
                        "ir_version: 8 opset_import { version: 16 } graph { name: 'g' "
                                + text
                                + " }",
                        ModelProto.class);
        return Models.read("loop.onnx", MemorySegment.ofArray(model.toByteArray()));
    }

    private static Map<String, Tensor> run(Graph graph, Map<String, Tensor> inputs) {
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            return session.run(inputs);
        }
    }

    /// y doubles while its sum is below a limit that is fed, and as often as `n` says at most.
    private static String doubling(boolean collects) {
        return "input { name: 'n' "
                + SCALAR
                + " } input { name: 'y0' "
                + VECTOR
                + " } input { name: 'limit' type { tensor_type { elem_type: 1 shape { } } } }"
                + " output { name: 'y' "
                + FLOAT
                + " } "
                + (collects ? "output { name: 'ys' " + FLOAT + " } " : "")
                + "node { op_type: 'Loop' name: 'loop' input: 'n' input: '' input: 'y0' output: 'y'"
                + (collects ? " output: 'ys'" : "")
                + " attribute { name: 'body' type: GRAPH g { name: 'b' input { name: 'i' "
                + LONG
                + " } input { name: 'c' "
                + BOOL
                + " } input { name: 'v' "
                + FLOAT
                + " } output { name: 'go' "
                + BOOL
                + " } output { name: 'w' "
                + FLOAT
                + " } "
                + (collects ? "output { name: 'w' " + FLOAT + " } " : "")
                + "node { op_type: 'Add' input: 'v' input: 'v' output: 'w' }"
                + " node { op_type: 'ReduceSum' input: 'w' output: 's' attribute { name: 'keepdims'"
                + " type: INT i: 0 } }"
                + " node { op_type: 'Less' input: 's' input: 'limit' output: 'go' } } } }";
    }

    private static Map<String, Tensor> fed(long n, float a, float b, float limit) {
        return Map.of(
                "n", Tensor.ofLongs(Shape.SCALAR, n),
                "y0", Tensor.ofFloats(Shape.of(2), a, b),
                "limit", Tensor.ofFloats(Shape.SCALAR, limit));
    }

    @Test
    void loop_whoseConditionIsComputed_endsWhereItSays() throws Exception {
        Graph g = graph(doubling(false));
        assertThat(run(g, fed(100, 1, 2, 20)).get("y").toFloats()).containsExactly(8, 16);
        assertThat(run(g, fed(2, 1, 2, 20)).get("y").toFloats()).containsExactly(4, 8);
        assertThat(run(g, fed(0, 1, 2, 20)).get("y").toFloats()).containsExactly(1, 2);
    }

    @Test
    void loop_whoseRowsEndAtOtherTimes_keepsThemApart() throws Exception {
        try (Model model = Model.compile(graph(doubling(false)));
                Session session = model.open(2)) {
            for (int row = 0; row < 2; row++) {
                session.input("n", row).set(ValueLayout.JAVA_LONG, 0, 100);
                session.input("y0", row).set(ValueLayout.JAVA_FLOAT, 0, 1);
                session.input("limit", row).set(ValueLayout.JAVA_FLOAT, 0, row == 0 ? 3 : 30);
            }
            try (State a = model.newState();
                    State b = model.newState()) {
                session.step(java.util.List.of(a, b));
            }
            assertThat(session.output("y", 0).get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(4);
            assertThat(session.output("y", 1).get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(32);
        }
    }

    @Test
    void loop_thatCollectsUnderAComputedCondition_isPlannedForTheValues() throws Exception {
        Graph g = graph(doubling(true));
        Map<String, Tensor> out = run(g, fed(100, 1, 2, 20));
        assertThat(out.get("ys").shape()).isEqualTo(Shape.of(3, 2));
        assertThat(out.get("ys").toFloats()).containsExactly(2, 4, 4, 8, 8, 16);
        assertThat(run(g, fed(100, 1, 2, 1)).get("ys").toFloats()).containsExactly(2, 4);
    }

    /// y becomes [y, y] in each iteration.
    @Test
    void loop_whoseTensorsGrow_isUnrolled() throws Exception {
        Graph g =
                graph(
                        "input { name: 'n' "
                                + SCALAR
                                + " } input { name: 'y0' "
                                + VECTOR
                                + " } output { name: 'y' "
                                + FLOAT
                                + " } node { op_type: 'Loop' input: 'n' input: '' input: 'y0'"
                                + " output: 'y' attribute { name: 'body' type: GRAPH g { name: 'b'"
                                + " input { name: 'i' "
                                + LONG
                                + " } input { name: 'c' "
                                + BOOL
                                + " } input { name: 'v' "
                                + FLOAT
                                + " } output { name: 'c' "
                                + BOOL
                                + " } output { name: 'w' "
                                + FLOAT
                                + " } node { op_type: 'Concat' input: 'v' input: 'v' output: 'w'"
                                + " attribute { name: 'axis' type: INT i: 0 } } } } }");
        Map<String, Tensor> in =
                Map.of(
                        "n", Tensor.ofLongs(Shape.SCALAR, 2),
                        "y0", Tensor.ofFloats(Shape.of(2), 1, 2));
        assertThat(run(g, in).get("y").toFloats()).containsExactly(1, 2, 1, 2, 1, 2, 1, 2);
    }

    @Test
    void loop_withoutCountOrCondition_isRefused() throws Exception {
        String body =
                "attribute { name: 'body' type: GRAPH g { name: 'b' input { name: 'i' "
                        + LONG
                        + " } input { name: 'c' "
                        + BOOL
                        + " } input { name: 'v' "
                        + FLOAT
                        + " } output { name: 'c' "
                        + BOOL
                        + " } output { name: 'w' "
                        + FLOAT
                        + " } node { op_type: 'Neg' input: 'v' output: 'w' } } }";
        Graph g =
                graph(
                        "input { name: 'x' "
                                + VECTOR
                                + " } output { name: 'y' "
                                + FLOAT
                                + " } node { op_type: 'Loop' name: 'ever' input: '' input: ''"
                                + " input: 'x' output: 'y' "
                                + body
                                + " }");
        assertThatThrownBy(() -> Model.compile(g))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "loop.onnx: node 'ever' (Loop): would have to be unrolled into more than"
                                + " 100000 nodes");
    }

    /// Two states that change places, and a third that decays and is collected backwards.
    private static final String SCAN =
            "input { name: 'a' "
                    + VECTOR
                    + " } input { name: 'b' "
                    + VECTOR
                    + " } input { name: 'x' "
                    + SEQUENCE
                    + " } output { name: 'a1' "
                    + FLOAT
                    + " } output { name: 'b1' "
                    + FLOAT
                    + " } output { name: 'y' "
                    + FLOAT
                    + " } node { op_type: 'Scan' name: 'scan' input: 'a' input: 'b' input: 'x'"
                    + " output: 'a1' output: 'b1' output: 'y' attribute { name: 'num_scan_inputs'"
                    + " type: INT i: 1 } DIRECTIONS attribute { name: 'body' type: GRAPH g { name:"
                    + " 'b' input { name: 'p' "
                    + FLOAT
                    + " } input { name: 'q' "
                    + FLOAT
                    + " } input { name: 'e' "
                    + FLOAT
                    + " } output { name: 'q' "
                    + FLOAT
                    + " } output { name: 'r' "
                    + FLOAT
                    + " } output { name: 'r' "
                    + FLOAT
                    + " } node { op_type: 'Add' input: 'p' input: 'e' output: 'r' } } } }";

    private static final Map<String, Tensor> SCANNED =
            Map.of(
                    "a", Tensor.ofFloats(Shape.of(2), 1, 10),
                    "b", Tensor.ofFloats(Shape.of(2), 2, 20),
                    "x", Tensor.ofFloats(Shape.of(3, 2), 100, 0, 200, 0, 300, 0));

    @Test
    void scan_whoseStatesChangePlaces_readsBothBeforeItWrites() throws Exception {
        Map<String, Tensor> out = run(graph(SCAN.replace("DIRECTIONS", "")), SCANNED);
        // (1, 2) → (2, 101) → (101, 202) → (202, 401)
        assertThat(out.get("y").toFloats()).containsExactly(101, 10, 202, 20, 401, 10);
        assertThat(out.get("a1").toFloats()).containsExactly(202, 20);
        assertThat(out.get("b1").toFloats()).containsExactly(401, 10);
    }

    @Test
    void scan_backwards_startsAtTheEnd() throws Exception {
        String back =
                "attribute { name: 'scan_input_directions' type: INTS ints: 1 } attribute { name:"
                        + " 'scan_output_directions' type: INTS ints: 1 }";
        Map<String, Tensor> out = run(graph(SCAN.replace("DIRECTIONS", back)), SCANNED);
        // (1, 2) → (2, 301) → (301, 202) → (202, 401)
        assertThat(out.get("y").toFloats()).containsExactly(401, 10, 202, 20, 301, 10);
    }

    @Test
    void scan_alongTime_isSteppedWithItsStates() throws Exception {
        try (Model model = Model.compile(graph(SCAN.replace("DIRECTIONS", "")));
                Session session = model.open();
                State state = model.newState()) {
            assertThat(model.stepObstacle()).isEmpty();
            assertThat(model.states()).extracting(p -> p.name()).containsExactly("a", "b");
            state.tensor("a").copyFrom(SCANNED.get("a").data());
            state.tensor("b").copyFrom(SCANNED.get("b").data());
            float[] want = {101, 202, 401};
            for (int t = 0; t < 3; t++) {
                session.input("x").set(ValueLayout.JAVA_FLOAT, 0, 100 * (t + 1));
                session.step(state);
                assertThat(session.output("y").get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(want[t]);
            }
        }
    }

    @Test
    void scan_backwards_cannotBeStepped() throws Exception {
        String back = "attribute { name: 'scan_input_directions' type: INTS ints: 1 }";
        try (Model model = Model.compile(graph(SCAN.replace("DIRECTIONS", back)))) {
            assertThat(model.stepObstacle())
                    .hasValue(
                            "cannot step: node 'scan' (Scan) runs its body over the whole sequence;"
                                    + " call run(x, y)");
        }
    }
}
