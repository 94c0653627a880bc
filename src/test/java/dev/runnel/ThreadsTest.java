package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.Allocation;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/// Products of recurrent nodes on several threads.
class ThreadsTest {
    /// A busy machine may keep helpers from helping; CrewTest makes sure that they get to it.
    private static final long PATIENCE_NANOS = 1_000_000_000L;

    /// A recurrent node whose products are large enough to be shared, all sizes odd.
    private static Graph graph(String op, int linear, String direction) {
        int gates = op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
        int h = op.equals("RNN") ? 519 : 261;
        int d = direction.equals("bidirectional") ? 2 : 1;
        Random random = new Random(h);
        Map<String, Attribute> attributes = new HashMap<>();
        attributes.put("hidden_size", new Attribute.OfLong(h));
        attributes.put("direction", new Attribute.OfString(direction));
        if (op.equals("GRU")) {
            attributes.put("linear_before_reset", new Attribute.OfLong(linear));
        }
        return new GraphBuilder(op)
                .input("x", DType.FLOAT32, "T", 1, h)
                .output("y", DType.FLOAT32, "T", d, 1, h)
                .weights("w", random, d, (long) gates * h, h)
                .weights("r", random, d, (long) gates * h, h)
                .weights("b", random, d, 2L * gates * h)
                .node(op, "x w r b", "y", attributes)
                .build();
    }

    private static Options options(KernelSet kernels, Precision precision, int threads) {
        return Options.defaults().kernels(kernels).weights(precision).threads(threads);
    }

    private static void feed(MemorySegment x, int t) {
        for (long i = 0; i < x.byteSize() / 4; i++) {
            x.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i * 0.7 + t * 0.3));
        }
    }

    private static float[] step(Session session, List<State> states, int t) {
        feed(session.input("x"), t);
        session.step(states);
        return session.output("y").toArray(JAVA_FLOAT);
    }

    private static List<State> states(Model model, int rows) {
        return Stream.generate(model::newState).limit(rows).toList();
    }

    private static boolean isToGoOn(Session session, long start) {
        return session.crew().helped() == 0 && System.nanoTime() - start < PATIENCE_NANOS;
    }

    private static void compareSteps(
            Graph graph, Precision precision, KernelSet kernels, int threads, int rows) {
        try (Model one = Model.compile(graph, options(KernelSet.SCALAR, precision, 1).stateful());
                Model many = Model.compile(graph, options(kernels, precision, threads).stateful());
                Session a = one.open(rows);
                Session b = many.open(rows)) {
            List<State> as = states(one, rows);
            List<State> bs = states(many, rows);
            long start = System.nanoTime();
            for (int t = 0; t < 8 || isToGoOn(b, start); t++) {
                int count = t % 2 == 0 ? rows : 1;
                assertThat(step(b, bs.subList(0, count), t))
                        .as("step %s", t)
                        .isEqualTo(step(a, as.subList(0, count), t));
            }
            as.forEach(State::close);
            bs.forEach(State::close);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "LSTM, 0, F32, 2, 1",
        "LSTM, 0, F32, 3, 5",
        "LSTM, 0, BF16, 2, 2",
        "LSTM, 0, INT8, 3, 1",
        "GRU, 0, F32, 2, 5",
        "GRU, 0, INT8, 2, 2",
        "GRU, 1, F32, 3, 1",
        "GRU, 1, BF16, 2, 1",
        "RNN, 0, F32, 2, 1",
        "RNN, 0, F32, 64, 2",
    })
    void steps_onSeveralThreads_haveTheBitsOfOne(
            String op, int linear, Precision precision, int threads, int rows) {
        Graph graph = graph(op, linear, "forward");
        compareSteps(graph, precision, KernelSet.VECTOR, threads, rows);
    }

    @Test
    void steps_ofScalarKernels_haveTheBitsOfOneThread() {
        compareSteps(graph("LSTM", 0, "forward"), Precision.F32, KernelSet.SCALAR, 3, 2);
    }

    @ParameterizedTest
    @CsvSource({
        "LSTM, 0, bidirectional, F32, 2",
        "LSTM, 0, forward, INT8, 1",
        "GRU, 0, bidirectional, F32, 1",
        "GRU, 1, reverse, BF16, 2",
        "GRU, 0, forward, INT8, 3",
        "RNN, 0, bidirectional, F32, 1",
    })
    void sequences_onSeveralThreads_haveTheBitsOfOne(
            String op, int linear, String direction, Precision precision, int rows) {
        Graph graph = graph(op, linear, direction);
        int d = direction.equals("bidirectional") ? 2 : 1;
        try (Model one = Model.compile(graph, options(KernelSet.SCALAR, precision, 1));
                Model two = Model.compile(graph, options(KernelSet.VECTOR, precision, 2));
                Session a = one.open(rows);
                Session b = two.open(rows);
                Arena arena = Arena.ofConfined()) {
            long start = System.nanoTime();
            for (int t = 1; t < 5 || isToGoOn(b, start); t++) {
                int steps = 1 + t % 5 * 9;
                long floats = op.equals("RNN") ? 519 : 261;
                MemorySegment x = arena.allocate(4 * floats * steps * rows, 64);
                MemorySegment ya = arena.allocate(x.byteSize() * d, 64);
                MemorySegment yb = arena.allocate(x.byteSize() * d, 64);
                feed(x, t);
                a.run(x, ya);
                b.run(x, yb);
                assertThat(yb.mismatch(ya)).as("%s steps", steps).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void step_onSeveralThreads_allocatesNothing(Precision precision) {
        Graph graph = GraphBuilder.lstm(256, 256);
        try (Model model =
                        Model.compile(graph, options(KernelSet.VECTOR, precision, 2).stateful());
                Session session = model.open()) {
            State state = session.state();
            assertThat(Allocation.onceCompiled(() -> session.step(state))).isZero();
        }
    }

    private static long helpers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().startsWith("runnel-crew-"))
                .count();
    }

    @Test
    void threads_startWithALargeProductAndEndWithTheSession() {
        Options three = options(KernelSet.SCALAR, Precision.F32, 3).stateful();
        try (Model small = Model.compile(GraphBuilder.lstm(16, 16), three);
                Model large = Model.compile(GraphBuilder.lstm(256, 256), three)) {
            assertThat(helpers()).isZero();
            try (Session session = small.open()) {
                session.step();
                assertThat(helpers()).isZero();
            }
            try (Session a = large.open();
                    Session b = large.open()) {
                assertThat(helpers()).isZero();
                a.step();
                a.step();
                assertThat(helpers()).isEqualTo(2);
                b.step();
                assertThat(helpers()).isEqualTo(4);
            }
            assertThat(helpers()).isZero();
        }
    }

    @Test
    void session_closedByAnInterruptedThread_endsItsThreads() {
        Options two = options(KernelSet.SCALAR, Precision.F32, 2).stateful();
        try (Model model = Model.compile(GraphBuilder.lstm(256, 256), two)) {
            Session session = model.open();
            session.step();
            Thread.currentThread().interrupt();
            session.close();
            assertThat(Thread.interrupted()).isTrue();
            assertThat(helpers()).isZero();
        }
    }

    @Test
    void snapshot_takenOnOneThread_isTakenUpByTwo() {
        Graph graph = GraphBuilder.lstm(16, 16);
        try (Model one = Model.compile(graph, Options.defaults().stateful());
                Model two = Model.compile(graph, Options.defaults().stateful().threads(2));
                State state = one.newState();
                State same = two.newState(state.snapshot())) {
            assertThat(same.snapshot().toBytes()).isEqualTo(state.snapshot().toBytes());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -3, 65})
    void threads_ofNoUse_areRefused(int threads) {
        assertThatThrownBy(() -> Options.defaults().threads(threads))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "threads is "
                                + threads
                                + ", expected 1 … 64; at most one for each idle core pays");
    }
}
