package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Allocation;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

class SessionTest {
    private static final int I = 5;
    private static final int H = 19;
    private static final Options STATEFUL = Options.defaults().stateful();

    private static float[] random(Random random, int n) {
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = random.nextFloat() * 2 - 1;
        }
        return v;
    }

    private static void feed(MemorySegment port, float[] values) {
        MemorySegment.copy(values, 0, port, JAVA_FLOAT, 0, values.length);
    }

    private static float[] read(MemorySegment port) {
        return port.toArray(JAVA_FLOAT);
    }

    /// The outputs of stepping these inputs one after the other.
    private static List<float[]> stepped(Model model, List<float[]> xs) {
        List<float[]> ys = new ArrayList<>();
        try (Session session = model.open();
                State state = model.newState()) {
            for (float[] x : xs) {
                feed(session.input("x"), x);
                session.step(state);
                ys.add(read(session.output("y")));
            }
        }
        return ys;
    }

    private static List<float[]> inputs(int seed, int steps) {
        Random random = new Random(seed);
        List<float[]> xs = new ArrayList<>();
        for (int t = 0; t < steps; t++) {
            xs.add(random(random, I));
        }
        return xs;
    }

    @ParameterizedTest
    @CsvSource({
        "SCALAR, F32",
        "SCALAR, BF16",
        "SCALAR, INT8",
        "VECTOR, F32",
        "VECTOR, BF16",
        "VECTOR, INT8"
    })
    void run_ofASequence_hasTheBitsOfItsSteps(Options.KernelSet kernels, Precision precision) {
        int steps = 7;
        List<float[]> xs = inputs(1, steps);
        try (Model model =
                        Model.compile(
                                GraphBuilder.lstm(I, H),
                                STATEFUL.kernels(kernels).weights(precision));
                Session session = model.open();
                Arena arena = Arena.ofConfined()) {
            List<float[]> ys = stepped(model, xs);
            MemorySegment x = arena.allocate(4L * I * steps);
            MemorySegment y = arena.allocate(4L * H * steps);
            for (int t = 0; t < steps; t++) {
                feed(x.asSlice(4L * I * t), xs.get(t));
            }
            int cut = 3;
            session.run(x.asSlice(0, 4L * I * cut), y.asSlice(0, 4L * H * cut));
            session.run(x.asSlice(4L * I * cut), y.asSlice(4L * H * cut));
            for (int t = 0; t < steps; t++) {
                assertThat(read(y.asSlice(4L * H * t, 4L * H))).isEqualTo(ys.get(t));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void step_ofManyStates_hasTheBitsOfEachAlone(Precision precision) {
        int streams = 9;
        int steps = 4;
        Options options = STATEFUL.weights(precision);
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), options);
                Session session = model.open(streams)) {
            List<State> states = new ArrayList<>();
            List<List<float[]>> xs = new ArrayList<>();
            List<List<float[]>> alone = new ArrayList<>();
            for (int s = 0; s < streams; s++) {
                states.add(model.newState());
                xs.add(inputs(s, steps));
                alone.add(stepped(model, xs.get(s)));
            }
            for (int t = 0; t < steps; t++) {
                int present = streams - t;
                for (int s = 0; s < present; s++) {
                    feed(session.input("x", s), xs.get(s).get(t));
                }
                session.step(states.subList(0, present));
                for (int s = 0; s < present; s++) {
                    assertThat(read(session.output("y", s))).isEqualTo(alone.get(s).get(t));
                }
            }
            states.forEach(State::close);
        }
    }

    @Test
    void snapshot_restoredByAnotherModelOfTheSameGraph_goesOnWithTheSameBits() {
        List<float[]> xs = inputs(3, 6);
        byte[] saved;
        List<float[]> whole;
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL)) {
            whole = stepped(model, xs);
            try (Session session = model.open();
                    State state = model.newState()) {
                for (float[] x : xs.subList(0, 3)) {
                    feed(session.input("x"), x);
                    session.step(state);
                }
                saved = state.snapshot().toBytes();
            }
        }
        try (Model again =
                        Model.compile(
                                GraphBuilder.lstm(I, H),
                                STATEFUL.kernels(Options.KernelSet.SCALAR));
                Session session = again.open();
                State state = again.newState(Snapshot.of(saved));
                State fork = state.fork()) {
            for (int t = 3; t < 6; t++) {
                feed(session.input("x"), xs.get(t));
                session.step(state);
                assertThat(read(session.output("y"))).isEqualTo(whole.get(t));
                session.step(fork);
                assertThat(read(session.output("y"))).isEqualTo(whole.get(t));
            }
        }
    }

    @Test
    void snapshot_ofAnotherModelOrDamaged_isRefused() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
                Model other = Model.compile(GraphBuilder.lstm(I, H + 1), STATEFUL);
                Model narrow =
                        Model.compile(GraphBuilder.lstm(I, H), STATEFUL.weights(Precision.BF16));
                State state = model.newState()) {
            byte[] bytes = state.snapshot().toBytes();
            assertThatThrownBy(() -> narrow.newState(Snapshot.of(bytes)))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> other.newState(Snapshot.of(bytes)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith(
                            "the snapshot is of another model: its fingerprint is ");
            byte[] damaged = bytes.clone();
            damaged[60] ^= 1;
            assertThatThrownBy(() -> Snapshot.of(damaged))
                    .hasMessage("snapshot does not match its checksum: it is damaged");
            byte[] cut = java.util.Arrays.copyOf(bytes, bytes.length - 1);
            assertThatThrownBy(() -> Snapshot.of(cut))
                    .hasMessage(
                            "snapshot says it holds 160 bytes, but has 159: it was cut or added"
                                    + " to");
            bytes[4] = 9;
            assertThatThrownBy(() -> Snapshot.of(bytes))
                    .hasMessage("snapshot has format version 9, expected 1; update Runnel");
            assertThatThrownBy(() -> Snapshot.of(new byte[3]))
                    .hasMessage("not a snapshot: 3 bytes that are fewer than its head");
        }
    }

    @Test
    void step_withoutStateKept_saysWhichNodeStartsFromZero() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H));
                Session session = model.open()) {
            assertThat(model.stepObstacle())
                    .contains(
                            "cannot step: node 'LSTM_y' (LSTM) starts each call from the same"
                                    + " state; compile with Options.stateful(); call run(x, y)");
            assertThatThrownBy(session::step)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(model.stepObstacle().orElseThrow());
        }
    }

    @Test
    void explicitState_isPairedAndLeavesThePorts() {
        Random random = new Random(1);
        Graph graph =
                new GraphBuilder("gru")
                        .input("x", DType.FLOAT32, "T", "batch", I)
                        .input("h", DType.FLOAT32, 1, "batch", H)
                        .output("y", DType.FLOAT32, "T", 1, "batch", H)
                        .output("hn", DType.FLOAT32, 1, "batch", H)
                        .weights("w", random, 1, 3L * H, I)
                        .weights("r", random, 1, 3L * H, H)
                        .node(
                                "GRU",
                                "x w r - - h",
                                "y hn",
                                Map.of("hidden_size", new Attribute.OfLong(H)))
                        .build();
        List<float[]> xs = inputs(5, 4);
        try (Model model = Model.compile(graph);
                Model plain = Model.compile(graph, Options.defaults().stateless());
                Session session = plain.open()) {
            assertThat(model.inputs()).extracting(Port::name).containsExactly("x");
            assertThat(model.outputs()).extracting(Port::name).containsExactly("y");
            assertThat(model.states()).extracting(Port::name).containsExactly("h");
            try (Session paired = model.open()) {
                assertThatThrownBy(() -> paired.input("h"))
                        .hasMessage(
                                "there is no input 'h' to feed: it lives in the state; inputs are"
                                        + " [x]");
            }
            assertThat(model.stepObstacle()).isEmpty();
            List<float[]> ys = stepped(model, xs);
            Tensor h = Tensor.ofFloats(Shape.of(1, 1, H), new float[H]);
            for (int t = 0; t < xs.size(); t++) {
                Tensor x = Tensor.ofFloats(Shape.of(1, 1, I), xs.get(t));
                Map<String, Tensor> out = session.run(Map.of("x", x, "h", h));
                assertThat(out.get("y").toFloats()).isEqualTo(ys.get(t));
                h = out.get("hn");
            }
        }
    }

    @Test
    void step_onceCompiled_allocatesNothing() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
                Session session = model.open(4);
                State state = model.newState();
                State other = model.newState()) {
            List<State> both = List.of(state, other);
            assertThat(
                            Allocation.onceCompiled(
                                    () -> {
                                        session.step(state);
                                        session.step(both);
                                        session.step();
                                    }))
                    .isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void batch_ofAnyPrecision_onceCompiled_allocatesNothing(Precision precision) {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL.weights(precision));
                Session session = model.open(6)) {
            State[] states = new State[6];
            Arrays.setAll(states, i -> model.newState());
            List<State> six = List.of(states);
            model.warmUp(6);
            assertThat(Allocation.onceCompiled(() -> session.step(six))).isZero();
            six.forEach(State::close);
        }
    }

    @Test
    void manyStates_costTheirOwnBytesAndLessThanTenPercent() {
        int streams = 100_000;
        try (Model model = Model.compile(GraphBuilder.lstm(16, 128), STATEFUL)) {
            assertThat(model.stateBytes()).isEqualTo(2 * 128 * 4);
            Runtime runtime = Runtime.getRuntime();
            State[] states = new State[streams];
            System.gc();
            long before = runtime.totalMemory() - runtime.freeMemory();
            for (int i = 0; i < streams; i++) {
                states[i] = model.newState();
            }
            System.gc();
            long heap = runtime.totalMemory() - runtime.freeMemory() - before;
            assertThat(heap).isLessThan(streams * model.stateBytes() / 10);
            for (State s : states) {
                s.close();
            }
        }
    }

    @Test
    void closedObjects_areRefusedClearly() {
        Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
        Session session = model.open();
        State state = model.newState();
        assertThatThrownBy(model::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "cannot close lstm: 1 sessions and 1 states are open; close them first");
        state.close();
        state.close();
        assertThatThrownBy(() -> session.step(state))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the state is closed");
        assertThatThrownBy(state::snapshot).hasMessage("the state is closed");
        session.step();
        MemorySegment port = session.input("x");
        session.close();
        session.close();
        assertThatThrownBy(session::step).hasMessage("the session is closed");
        assertThatThrownBy(() -> session.input("x")).hasMessage("the session is closed");
        assertThatThrownBy(() -> port.get(JAVA_FLOAT, 0)).isInstanceOf(IllegalStateException.class);
        model.close();
        model.close();
        assertThatThrownBy(model::open).hasMessage("the model lstm is closed");
        assertThatThrownBy(model::newState).hasMessage("the model lstm is closed");
    }

    @Test
    void sessionWhoseStateIsInUse_closesLater() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL)) {
            Session session = model.open();
            State own = session.state();
            own.hold(model);
            assertThatThrownBy(session::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("the state is in use");
            own.release();
            session.step();
            session.close();
        }
    }

    @Test
    void stateTwiceInOneStep_isRefusedAndReleased() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
                Session session = model.open(2);
                State state = model.newState()) {
            assertThatThrownBy(() -> session.step(state, state))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "the state is in use, by another thread or twice in one step; a state"
                                    + " belongs to one stream, which goes one step at a time");
            session.step(state);
            assertThatThrownBy(() -> session.step(List.of(state, state, state)))
                    .hasMessage(
                            "3 states for a session of 2 rows; open one with more: model.open(3)");
        }
    }

    @Test
    void sessionOfTwoThreads_throwsInsteadOfMixing() throws InterruptedException {
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger other = new AtomicInteger();
        try (Model model = Model.compile(GraphBuilder.lstm(64, 64), STATEFUL);
                Session session = model.open()) {
            Runnable steps =
                    () -> {
                        for (int i = 0; i < 2000; i++) {
                            try {
                                session.step();
                            } catch (IllegalStateException e) {
                                refused.incrementAndGet();
                            } catch (RuntimeException e) {
                                other.incrementAndGet();
                            }
                        }
                    };
            session.step();
            List<Thread> threads = List.of(new Thread(steps), new Thread(steps));
            threads.forEach(Thread::start);
            for (Thread t : threads) {
                t.join();
            }
        }
        assertThat(other).hasValue(0);
        assertThat(refused.get()).isPositive();
    }

    /// Both make the session's own states at once, unless one of them is refused.
    @Test
    void firstStepsOfTwoThreads_leakNoState() throws Exception {
        try (Model model = Model.compile(GraphBuilder.lstm(4, 4), STATEFUL);
                ExecutorService two = Executors.newFixedThreadPool(2)) {
            for (int round = 0; round < 300; round++) {
                CyclicBarrier start = new CyclicBarrier(2);
                try (Session session = model.open(64)) {
                    Callable<Object> step =
                            () -> {
                                start.await();
                                try {
                                    session.step();
                                } catch (IllegalStateException refused) {
                                    assertThat(refused).hasMessageStartingWith("the session is in");
                                }
                                return session;
                            };
                    for (Future<Object> done : two.invokeAll(List.of(step, step))) {
                        done.get();
                    }
                }
            }
        } // would not close with states open
    }

    @Test
    void ownStates_areRefusedWhileTheSessionIsInUse() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL)) {
            Session session = model.open();
            session.enter();
            String inUse =
                    "the session is in use, by another thread or twice in one step; give each"
                            + " thread a session of its own";
            assertThatThrownBy(session::state)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(inUse);
            assertThatThrownBy(session::reset).hasMessage(inUse);
            session.leave();
            session.state();
            session.close();
            assertThatThrownBy(session::state).hasMessage("the session is closed");
            assertThatThrownBy(session::reset).hasMessage("the session is closed");
        }
    }

    @Test
    void stateThatIsNull_isNamedByItsRow() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
                Session session = model.open(2);
                State state = model.newState()) {
            assertThatThrownBy(() -> session.step((State) null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("the state of row 0 is null");
            assertThatThrownBy(() -> session.step(Arrays.asList(state, null)))
                    .hasMessage("the state of row 1 is null");
            assertThatThrownBy(() -> session.step(state, null))
                    .hasMessage("the state of row 1 is null");
            assertThatThrownBy(() -> session.step((List<State>) null)).hasMessage("states is null");
            session.step(state);
        }
    }

    /// A list that says something else when asked again, as a view of one that changes does.
    @Test
    void listThatChangesMeanwhile_isLetGoOf() {
        try (Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
                Session session = model.open(2);
                State a = model.newState();
                State b = model.newState()) {
            int[] asked = {0};
            session.step(
                    new AbstractList<>() {
                        @Override
                        public State get(int i) {
                            return asked[0]++ == 0 ? a : b;
                        }

                        @Override
                        public int size() {
                            return 1;
                        }
                    });
            session.step(a, b);
        }
    }

    @Test
    void copyOfAnotherModelsState_isRefusedAndNamed() {
        Graph graph = GraphBuilder.lstm(I, H);
        try (Model model = Model.compile(graph, STATEFUL);
                Model other = Model.compile(graph, STATEFUL);
                State state = model.newState();
                State theirs = other.newState()) {
            assertThatThrownBy(() -> state.copyFrom(theirs))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the state is of model lstm, the state to change of another lstm");
        }
    }
}
