package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.sun.management.ThreadMXBean;

import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Precision;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.stream.Stream;

/// Scalar kernels first, vector kernels when they are compiled.
class KernelSwitchTest {
    private static final long PATIENCE_NANOS = 60_000_000_000L;
    private static final Options AUTO = Options.defaults().stateful();

    private static Model lstm(int size, KernelSet kernels) {
        return Model.compile(GraphBuilder.lstm(size, size), AUTO.kernels(kernels));
    }

    /// Feeds step `t` of a stream to every row and steps; the outputs of all rows.
    private static float[] step(Session session, List<State> states, int t) {
        MemorySegment x = session.input("x");
        for (long i = 0; i < x.byteSize() / 4; i++) {
            x.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i * 0.7 + t * 0.3));
        }
        session.step(states);
        return session.output("y").toArray(JAVA_FLOAT);
    }

    private static List<State> states(Model model, int rows) {
        return java.util.stream.Stream.generate(model::newState).limit(rows).toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void stream_thatChangesOver_hasTheBitsOfEitherSet(int rows) {
        try (Model auto = lstm(33, KernelSet.AUTO);
                Model scalar = lstm(33, KernelSet.SCALAR);
                Model vector = lstm(33, KernelSet.VECTOR);
                Session a = auto.open(rows);
                Session s = scalar.open(rows);
                Session v = vector.open(rows)) {
            List<State> as = states(auto, rows);
            List<State> ss = states(scalar, rows);
            List<State> vs = states(vector, rows);
            assertThat(auto.kernels()).isEqualTo("scalar");
            long start = System.nanoTime();
            int after = 0;
            for (int t = 0; after < 100; t++) {
                float[] got = step(a, as, t);
                assertThat(got).as("step %s", t).isEqualTo(step(s, ss, t));
                assertThat(got).as("step %s", t).isEqualTo(step(v, vs, t));
                after += auto.kernels().equals("scalar") ? 0 : 1;
                assertThat(System.nanoTime() - start)
                        .as("time until the change")
                        .isLessThan(PATIENCE_NANOS);
            }
            as.forEach(State::close);
            ss.forEach(State::close);
            vs.forEach(State::close);
        }
    }

    @Test
    void warmUp_returnsWithVectorKernelsAndWithoutGarbage() {
        try (Model model = lstm(40, KernelSet.AUTO)) {
            model.warmUp();
            assertThat(model.kernels()).startsWith("vector-");
            try (Session session = model.open()) {
                ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
                State state = session.state();
                session.step(state);
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 1000; i++) {
                    session.step(state);
                }
                assertThat(threads.getCurrentThreadAllocatedBytes() - before).isZero();
            }
        }
    }

    /// Many lanes of narrow weights go a way of their own.
    @ParameterizedTest
    @EnumSource(Precision.class)
    void warmUp_ofManyRows_leavesNoGarbage(Precision weights) {
        int rows = 20;
        Options options = Options.defaults().stateful().weights(weights);
        try (Model model = Model.compile(GraphBuilder.lstm(3, 40), options)) {
            model.warmUp(rows);
            List<State> states = Stream.generate(model::newState).limit(rows).toList();
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long allocated;
            try (Session session = model.open(rows)) {
                session.step(states);
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) {
                    session.step(states);
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            states.forEach(State::close);
            assertThat(allocated).isLessThan(100_000); // vectors as objects would be megabytes
        }
    }

    /// Steps alone would leave to the first sequences what many lanes go through.
    @ParameterizedTest
    @EnumSource(Precision.class)
    void warmUp_ofSequences_leavesNoGarbage(Precision weights) {
        int steps = 50;
        int size = 72;
        Options options = Options.defaults().stateful().weights(weights);
        try (Arena arena = Arena.ofConfined();
                Model model = Model.compile(GraphBuilder.lstm(size, size), options)) {
            model.warmUp(1, steps);
            assertThat(model.kernels()).startsWith("vector-");
            assertThat(model.rehearsals().isDone(model.plans().sequence(steps), 1)).isTrue();
            MemorySegment x = arena.allocate(4L * steps * size, 64);
            MemorySegment y = arena.allocate(4L * steps * size, 64);
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            try (Session session = model.open()) {
                session.run(x, y);
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 10; i++) {
                    session.run(x, y);
                }
                long allocated = threads.getCurrentThreadAllocatedBytes() - before;
                assertThat(allocated).isLessThan(100_000); // vectors as objects would be megabytes
            }
        }
    }

    @Test
    void warmUp_ofSequencesThatCannotBe_isRefused() {
        Options small = AUTO.memoryLimit(1 << 20);
        try (Model model = Model.compile(GraphBuilder.lstm(24, 24), small)) {
            assertThatThrownBy(() -> model.warmUp(1, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("steps is 0, expected at least 1");
            assertThatThrownBy(() -> model.warmUp(1, 10_000))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("memoryLimit");
        }
    }

    @Test
    void warmUp_ofAnInterruptedThread_returnsInterrupted() {
        try (Model model = lstm(24, KernelSet.AUTO)) {
            Thread.currentThread().interrupt();
            model.warmUp();
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void firstSteps_makeNoGarbageToSpeakOf() {
        try (Model model = lstm(128, KernelSet.AUTO);
                Session session = model.open()) {
            State state = session.state();
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 200; i++) {
                session.step(state);
            }
            // The classes that the first step loads, and the steps that are bound once more.
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(500_000);
        }
    }

    @Test
    void close_whileRehearsing_isClean() throws InterruptedException {
        for (int millis = 0; millis < 30; millis++) {
            Model model = lstm(64 + millis, KernelSet.AUTO);
            try (Session session = model.open()) {
                session.step();
                session.step();
                Thread.sleep(millis);
            }
            assertThatNoException().isThrownBy(model::close);
            assertThatNoException().isThrownBy(model::close);
        }
        assertNoThreadIsLeft();
    }

    @Test
    void manyModels_openedAndClosed_leaveNoThread() throws InterruptedException {
        for (int i = 0; i < 1000; i++) {
            try (Model model = lstm(8, KernelSet.AUTO);
                    Session session = model.open()) {
                session.step();
                session.step();
            }
        }
        assertNoThreadIsLeft();
    }

    @Test
    void modelThatIsNeverStepped_startsNoThread() throws InterruptedException {
        assertNoThreadIsLeft();
        try (Model model = lstm(8, KernelSet.AUTO);
                Session session = model.open()) {
            session.step(); // one is no reason
            assertThat(isRehearsing()).isFalse();
        }
    }

    private static void assertNoThreadIsLeft() throws InterruptedException {
        long start = System.nanoTime();
        while (isRehearsing() && System.nanoTime() - start < PATIENCE_NANOS) {
            Thread.sleep(10);
        }
        assertThat(isRehearsing()).isFalse();
    }

    private static boolean isRehearsing() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(t -> t.getName().equals("runnel-warm-up"));
    }
}
