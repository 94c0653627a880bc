package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/// Which graphs may be stepped: those that may yield the bits of the whole sequence; the others say
/// which node needs it, and why.
class CausalityTest {
    private static final int I = 4;
    private static final int H = 3;
    private static final int T = 6;

    private final Random random = new Random(5);

    /// `x[T, 1, I]` → GRU → `o[T, 1, H]`, `h[1, 1, H]`, on which the nodes of a test follow.
    private GraphBuilder gru() {
        return weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", 1, I), "", I)
                .node("GRU", "x w r b", "y h")
                .node("Squeeze", "y one", "o");
    }

    private GraphBuilder weights(GraphBuilder g, String suffix, long inputSize) {
        return g.weights("w" + suffix, random, 1, 3L * H, inputSize)
                .weights("r" + suffix, random, 1, 3L * H, H)
                .weights("b" + suffix, random, 1, 6L * H)
                .constant("zero", longs(0))
                .constant("one", longs(1))
                .constant("two", longs(2))
                .constant("minusOne", longs(-1))
                .constant("end", longs(Long.MAX_VALUE))
                .constant("last", Tensor.ofLongs(Shape.SCALAR, -1));
    }

    private static Tensor longs(long... values) {
        return Tensor.ofLongs(Shape.of(values.length), values);
    }

    private static Map<String, Attribute> with(String name, long... values) {
        return Map.of(
                name,
                values.length == 1
                        ? new Attribute.OfLong(values[0])
                        : new Attribute.OfLongs(java.util.Arrays.stream(values).boxed().toList()));
    }

    private static Graph to(GraphBuilder g, Object... dims) {
        return g.output("z", DType.FLOAT32, dims).build();
    }

    // ---- what is claimed

    private static void refuses(Graph graph, String reason) {
        try (Model model = Model.compile(graph, Options.defaults().stateful())) {
            assertThat(model.stepObstacle())
                    .contains("cannot step: " + reason + "; call run(x, y)");
        }
    }

    private void stepsLikeRun(Graph graph) {
        try (Model model = Model.compile(graph, Options.defaults().stateful());
                Session whole = model.open();
                Session single = model.open()) {
            assertThat(model.stepObstacle()).isEmpty();
            Map<String, Integer> axes = model.plans().time().axes();
            Map<String, Tensor> inputs = new HashMap<>();
            for (Port p : model.inputs()) {
                Integer axis = axes.get(p.name());
                Shape shape = p.type().shape();
                inputs.put(p.name(), random(p, axis == null ? shape : shape.with(axis, T)));
            }
            Map<String, Tensor> outputs = whole.run(inputs);
            for (int t = 0; t < T; t++) {
                for (Port p : model.inputs()) {
                    Integer axis = axes.get(p.name());
                    byte[] x = axis == null ? bytes(inputs, p) : step(inputs, p, axis, t);
                    single.input(p.name()).copyFrom(MemorySegment.ofArray(x));
                }
                single.step();
                for (Port p : model.outputs()) {
                    int axis =
                            grownAxis(p, java.util.Objects.requireNonNull(outputs.get(p.name())));
                    byte[] got = single.output(p.name()).toArray(ValueLayout.JAVA_BYTE);
                    if (axis >= 0) {
                        assertThat(got).as("step " + t).isEqualTo(step(outputs, p, axis, t));
                    } else if (t == T - 1) {
                        assertThat(got).isEqualTo(bytes(outputs, p));
                    }
                }
            }
        }
    }

    private Tensor random(Port p, Shape shape) {
        TensorType type = new TensorType(p.dtype(), shape);
        long[] longs = random.longs(shape.elements(), 0, 3).toArray();
        if (type.dtype() == DType.INT64) {
            return Tensor.ofLongs(shape, longs);
        }
        float[] floats = new float[longs.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = random.nextFloat(-2, 2);
        }
        return Tensor.ofFloats(shape, floats);
    }

    private static byte[] bytes(Map<String, Tensor> tensors, Port p) {
        return java.util.Objects.requireNonNull(tensors.get(p.name()))
                .data()
                .toArray(ValueLayout.JAVA_BYTE);
    }

    private static int grownAxis(Port p, Tensor whole) {
        for (int a = 0; a < whole.shape().rank(); a++) {
            if (whole.shape().dim(a) != p.type().shape().dim(a)) {
                return a;
            }
        }
        return -1;
    }

    private static byte[] step(Map<String, Tensor> tensors, Port p, int axis, int t) {
        Tensor whole = java.util.Objects.requireNonNull(tensors.get(p.name()));
        Shape s = whole.shape();
        int inner = (int) s.elements(axis + 1, s.rank()) * p.dtype().byteSize();
        int outer = (int) s.elements(0, axis);
        byte[] all = bytes(tensors, p);
        byte[] part = new byte[outer * inner];
        for (int o = 0; o < outer; o++) {
            System.arraycopy(all, (o * s.size(axis) + t) * inner, part, o * inner, inner);
        }
        return part;
    }

    // ---- what may be stepped

    @Test
    void lastStep_gathered_isTheStepItself() {
        stepsLikeRun(to(gru().node("Gather", "o last", "z", with("axis", 0)), 1, H));
        stepsLikeRun(to(gru().node("Slice", "o minusOne end zero", "z"), 1, 1, H));
        stepsLikeRun(to(gru().node("Tanh", "h", "z"), 1, 1, H));
    }

    @Test
    void lastStep_countedByTheLength_isTheStepItself() {
        stepsLikeRun(
                to(
                        gru().node("Shape", "o", "shape")
                                .node("Gather", "shape zero", "T")
                                .node("Sub", "T one", "at")
                                .node("Gather", "o at", "z", with("axis", 0)),
                        1,
                        1,
                        H));
    }

    @Test
    void pointwiseInTime_isSteppedInAnyLayout() {
        GraphBuilder batchFirst =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, 1, "T", I), "", I)
                        .node("Transpose", "x", "xt", with("perm", 1, 0, 2))
                        .node("GRU", "xt w r b", "y h")
                        .node("Squeeze", "y one", "o")
                        .node("Transpose", "o", "ot", with("perm", 1, 0, 2))
                        .weights("linear", random, H, 2)
                        .node("MatMul", "ot linear", "logits")
                        .node("Softmax", "logits", "z", with("axis", -1));
        stepsLikeRun(to(batchFirst, 1, "T", 2));
    }

    @Test
    void reshapedByTheLength_isStepped() {
        stepsLikeRun(
                to(
                        gru().node("Shape", "x", "shape")
                                .node("Slice", "shape zero one zero", "T")
                                .node("Concat", "T minusOne", "wanted", with("axis", 0))
                                .node("Reshape", "o wanted", "flat")
                                .weights("linear", random, H, 2)
                                .node("MatMul", "flat linear", "z"),
                        "T",
                        2));
    }

    @Test
    void embedding_isStepped() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.INT64, "T", 1), "", I)
                        .weights("table", random, 9, I)
                        .node("Gather", "table x", "e")
                        .node("GRU", "e w r b", "y h")
                        .node("ReduceSum", "y two", "z", with("keepdims", 0));
        stepsLikeRun(to(g, "T", 1, H));
    }

    @Test
    void convolutionAlongFrequency_isSteppedAlongTime() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, 1, 1, "T", 6), "", 8)
                        .weights("kernel", random, 2, 1, 1, 3)
                        .node("Conv", "x kernel", "c")
                        .node("Transpose", "c", "ct", with("perm", 2, 0, 1, 3))
                        .constant("wanted", longs(0, 1, 8))
                        .node("Reshape", "ct wanted", "rows")
                        .node("GRU", "rows w r b", "z h");
        stepsLikeRun(to(g, "T", 1, 1, H));
    }

    @Test
    void contextThatStaysTheSame_isSpreadOverTheSteps() {
        GraphBuilder g = gru().input("k", DType.FLOAT32, 1, 1, H).node("Add", "o k", "z");
        stepsLikeRun(to(g, "T", 1, H));
    }

    @Test
    void bidirectionalAcrossFrequencies_isSteppedAlongTime() {
        GraphBuilder g =
                new GraphBuilder("m")
                        .input("x", DType.FLOAT32, "T", 5, I)
                        .weights("wb", random, 2, 3L * H, I)
                        .weights("rb", random, 2, 3L * H, H)
                        .node("Transpose", "x", "xt", with("perm", 1, 0, 2))
                        .node(
                                "GRU",
                                "xt wb rb",
                                "f",
                                Map.of("direction", new Attribute.OfString("bidirectional")))
                        .node("Transpose", "f", "ft", with("perm", 2, 0, 1, 3))
                        .constant("wanted", longs(0, 1, 30))
                        .node("Reshape", "ft wanted", "rows");
        weights(g, "", 30).node("GRU", "rows w r b", "z h");
        stepsLikeRun(to(g, "T", 1, 1, H));
    }

    // ---- what mixes steps

    @Test
    void aggregatesOverTime_areRefused() {
        refuses(
                to(gru().node("ReduceMean", "o zero", "z"), 1, 1, H),
                "node 'ReduceMean_z' (ReduceMean) reduces over time");
        refuses(
                to(gru().node("Softmax", "o", "z", with("axis", 0)), "T", 1, H),
                "node 'Softmax_z' (Softmax) normalises over time");
        refuses(
                to(gru().node("CumSum", "o zero", "z"), "T", 1, H),
                "node 'CumSum_z' (CumSum) sums over time");
    }

    @Test
    void flip_isRefused() {
        refuses(
                to(
                        gru().node("Slice", "o minusOne min zero minusOne", "z")
                                .constant("min", longs(Long.MIN_VALUE)),
                        "T",
                        1,
                        H),
                "node 'Slice_z' (Slice) picks time steps");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3})
    void convolutionOverTime_isRefusedUnlessItsKernelIsOne(long kernel) {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, 1, I, "T"), "", I)
                        .weights("kernel", random, I, I, kernel)
                        .node("Conv", "x kernel", "c", with("pads", kernel - 1, 0))
                        .node("Transpose", "c", "ct", with("perm", 2, 0, 1))
                        .node("GRU", "ct w r b", "z h");
        Graph graph = to(g, "T", 1, 1, H);
        if (kernel == 1) {
            stepsLikeRun(graph);
        } else {
            refuses(
                    graph,
                    "node 'Conv_c' (Conv) takes several time steps: kernel 3, stride 1, pads 2"
                            + " and 0");
        }
    }

    @Test
    void attentionOverTime_isRefused() {
        GraphBuilder g =
                gru().node("Transpose", "o", "keys", with("perm", 1, 2, 0))
                        .node("Transpose", "o", "queries", with("perm", 1, 0, 2))
                        .node("MatMul", "queries keys", "scores")
                        .node("Softmax", "scores", "weights", with("axis", -1))
                        .node("MatMul", "weights queries", "z");
        refuses(to(g, 1, "T", H), "node 'MatMul_scores' (MatMul) mixes time steps");
    }

    // ---- what differs from step to step

    private GraphBuilder numbered() {
        return gru().node("Shape", "o", "shape")
                .node("Gather", "shape zero", "list")
                .node("Squeeze", "list zero", "T")
                .constant("0", Tensor.ofLongs(Shape.SCALAR, 0))
                .constant("1", Tensor.ofLongs(Shape.SCALAR, 1))
                .node("Range", "0 T 1", "numbers");
    }

    @Test
    void positions_areRefused() {
        GraphBuilder g =
                numbered()
                        .weights("table", random, 99, 1, H)
                        .node("Gather", "table numbers", "positions")
                        .node("Add", "o positions", "z");
        refuses(
                to(g, "T", 1, H),
                "node 'Add_z' (Add) takes constants that differ from step to step");
    }

    @Test
    void maskByPosition_isRefused() {
        GraphBuilder g =
                numbered()
                        .node("Less", "numbers two", "mask")
                        .constant("axes", longs(1, 2))
                        .node("Unsqueeze", "mask axes", "maskOfSteps")
                        .node("Where", "maskOfSteps o zeros", "z")
                        .constant("zeros", Tensor.ofFloats(Shape.SCALAR, 0));
        refuses(
                to(g, "T", 1, H),
                "node 'Where_z' (Where) takes constants that differ from step to step");
    }

    @Test
    void lengthAsANumber_isRefused() {
        GraphBuilder g =
                numbered().node("Cast", "T", "count", with("to", 1)).node("Div", "h count", "z");
        refuses(
                to(g, 1, 1, H),
                "node 'Div_z' (Div) takes a number that depends on the length of the sequence");
    }

    // ---- what follows the last step, or comes before the first

    @Test
    void lastStepTakenToEveryStep_isRefused() {
        refuses(
                to(gru().node("Add", "o h", "z"), "T", 1, H),
                "node 'Add_z' (Add) takes what follows the last step, 'h', to every step");
        refuses(
                to(
                        gru().node("Gather", "o last", "end0", with("axis", 0))
                                .node("Shape", "o", "shape")
                                .node("Expand", "end0 shape", "z"),
                        "T",
                        1,
                        H),
                "node 'Expand_z' (Expand) takes what follows the last step, 'end0', to every step");
    }

    @Test
    void decoderThatStartsWhereAnEncoderEnds_isRefused() {
        GraphBuilder g = weights(gru(), "2", I).node("GRU", "x w2 r2 b2 - h", "z");
        refuses(
                to(g, "T", 1, 1, H),
                "node 'GRU_z' (GRU) starts each call from a state of its own, 'h'");
    }

    @Test
    void stateReadBesidesTheRecurrence_isRefused() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", 1, I), "", I)
                        .input("h0", DType.FLOAT32, 1, 1, H)
                        .output("h", DType.FLOAT32, 1, 1, H)
                        .node("GRU", "x w r b - h0", "y h")
                        .node("Add", "y h0", "z");
        refuses(
                to(g, "T", 1, 1, H),
                "node 'Add_z' (Add) takes the state, 'h0', which changes at every step");
    }

    @Test
    void constantStateOtherThanZero_isRefused() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", 1, I), "", I)
                        .weights("h0", random, 1, 1, H)
                        .node("GRU", "x w r b - h0", "z");
        refuses(
                to(g, "T", 1, 1, H),
                "node 'GRU_z' (GRU) starts each call from 'h0', constants other than zero");
    }

    @Test
    void stateThatIsFedAndNotReturned_isRefused() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", 1, I), "", I)
                        .input("h0", DType.FLOAT32, 1, 1, H)
                        .node("GRU", "x w r b - h0", "z");
        refuses(
                to(g, "T", 1, 1, H),
                "node 'GRU_z' (GRU) starts from a state that is fed, but no output is what it"
                        + " ends with");
    }

    @Test
    void forwardAcrossFrequencies_wouldKeepAStateAndIsRefused() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", 5, I), "", I)
                        .node("Transpose", "x", "xt", with("perm", 1, 0, 2))
                        .node("GRU", "xt w r b", "f")
                        .node("Transpose", "f", "ft", with("perm", 2, 0, 1, 3))
                        .constant("wanted", longs(0, 1, 15))
                        .node("Reshape", "ft wanted", "rows");
        weights(g, "2", 15).node("GRU", "rows w2 r2 b2", "z");
        refuses(
                to(g, "T", 1, 1, H),
                "node 'GRU_f' (GRU) keeps a state, but runs along another axis than time");
    }

    @Test
    void dimensionsThatOnlyGoTogether_areNoBrokenModel() {
        GraphBuilder g =
                weights(new GraphBuilder("m").input("x", DType.FLOAT32, "T", "N", I), "", I)
                        .input("lengths", DType.INT32, "M")
                        .constant("h0", Tensor.ofFloats(Shape.of(1, 2, H), new float[2 * H]))
                        .node("GRU", "x w r b lengths h0", "z");
        try (Model model = Model.compile(to(g, "T", 1, 2, H))) {
            assertThat(model.stepObstacle().orElseThrow())
                    .startsWith("cannot step with dimensions 'T', 'N', 'M' of the inputs 1: m: ")
                    .endsWith(
                            "; give the step's shape with Options.shape or Options.dimension, or"
                                    + " call run");
        }
    }
}
