package dev.runnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// What [Session#run] refuses, and what memory it keeps.
class RunTest {
    private static final int I = 5;
    private static final int H = 19;
    private static final Options STATEFUL = Options.defaults().stateful();

    private final Model model = Model.compile(GraphBuilder.lstm(I, H), STATEFUL);
    private final Session session = model.open();
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        session.close();
        model.close();
        arena.close();
    }

    private MemorySegment x(long steps) {
        MemorySegment x = arena.allocate(4 * I * steps, 64);
        for (long i = 0; i < I * steps; i++) {
            x.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i));
        }
        return x;
    }

    private MemorySegment y(long steps) {
        return arena.allocate(4 * H * steps, 64);
    }

    private void assertRefused(MemorySegment x, MemorySegment y, String message) {
        session.run(x(2), y(2));
        byte[] before = session.state().snapshot().toBytes();
        assertThatThrownBy(() -> session.run(x, y))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
        assertThat(session.state().snapshot().toBytes()).isEqualTo(before);
    }

    @Test
    void outputThatIsReadOnly_isRefusedBeforeTheStateMoves() {
        assertRefused(
                x(3),
                y(3).asReadOnly(),
                "y is a read-only segment, expected one to write the output to");
    }

    @Test
    void segmentOfAnotherThreadsArena_isRefusedBeforeTheStateMoves() {
        MemorySegment far =
                CompletableFuture.supplyAsync(() -> Arena.ofConfined().allocate(4 * H * 3)).join();
        String message =
                " is in another thread's confined arena, expected one that this thread may access:"
                        + " of its own, of Arena.ofShared() or Arena.ofAuto()";
        assertRefused(x(3), far, "y" + message);
        assertRefused(far.asSlice(0, 4 * I * 3), y(3), "x" + message);
    }

    @Test
    void segmentOfAClosedArena_isRefusedBeforeTheStateMoves() {
        MemorySegment gone;
        try (Arena closed = Arena.ofConfined()) {
            gone = closed.allocate(4 * H * 3);
        }
        assertRefused(x(3), gone, "y is in an arena that is closed, expected an open one");
    }

    @Test
    void noSteps_areRefusedAsSuch() {
        assertRefused(
                x(0),
                y(0),
                "x has 0 bytes, expected a positive multiple of 20 for 1 rows of float32[1, 1, 5]");
    }

    @Test
    void moreStepsThanMemoryAllows_areTheCallersFault() {
        Options little = STATEFUL.memoryLimit(1 << 20);
        String pieces = "; T is 20000: run it in pieces, the state carries over";
        try (Model small = Model.compile(GraphBuilder.lstm(I, H), little);
                Session s = small.open()) {
            assertThatThrownBy(() -> s.run(x(20_000), y(20_000)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("cannot run inputs of {x=float32[20000, 1, 5]}: lstm: ")
                    .hasMessageEndingWith(pieces);
            Tensor x = Tensor.ofFloats(Shape.of(20_000, 1, I), new float[20_000 * I]);
            assertThatThrownBy(() -> s.run(Map.of("x", x)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith(pieces);
            // No tensor is too large, but all together are.
            assertThatThrownBy(() -> s.run(x(13_000), y(13_000)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("a session of 1 rows of lstm takes ")
                    .hasMessageEndingWith(pieces.replace("20000", "13000"));
            s.run(x(100), y(100));
        }
    }

    @Test
    void runsOfOneRowAndOfAll_takeMemoryEachForItself() {
        Tensor x = Tensor.ofFloats(Shape.of(3, 1, I), x(3).toArray(JAVA_FLOAT));
        try (Session two = model.open(2)) {
            two.run(Map.of("x", x));
            two.run(x(6), y(6));
            assertThat(two.run(Map.of("x", x)).get("y").shape().dim(0)).isEqualTo(3);
        }
    }

    @Test
    void memoryOfRuns_isKeptUpToABound() {
        for (long steps = 1000; steps < 200_000; steps += 20_000) {
            session.run(x(steps), y(steps));
            assertThat(session.runs().byteSize()).isBetween(1L, KeptRuns.MOST_BYTES);
        }
        // More than the bound by itself.
        long kept = session.runs().byteSize();
        session.run(x(800_000), y(800_000));
        assertThat(session.runs().byteSize()).isEqualTo(kept);
        session.run(x(1000), y(1000));
        assertThat(session.runs().byteSize()).isBetween(1L, KeptRuns.MOST_BYTES);
    }

    /// What is bound takes heap, too, and keeps its plan.
    @Test
    void memoryOfSmallRuns_isKeptForNoMorePlansThanTheModelKeeps() {
        GraphBuilder chain =
                new GraphBuilder("chain")
                        .input("x0", DType.FLOAT32, "T")
                        .output("x300", DType.FLOAT32, "T");
        for (int i = 0; i < 300; i++) {
            chain.node("Neg", "x" + i, "x" + (i + 1));
        }
        try (Model large = Model.compile(chain.build());
                Session s = large.open()) {
            assertThat(large.plans().kept()).isEqualTo(64);
            assertThat(model.plans().kept()).isGreaterThan(1000);
            for (int t = 1; t < 100; t++) {
                s.run(Map.of("x0", Tensor.ofFloats(Shape.of(t), new float[t])));
            }
            assertThat(s.runs().size()).isEqualTo(64);
        }
    }

    @Test
    void runThatFails_givesItsMemoryBack() {
        session.run(x(3), y(3));
        long kept = session.runs().byteSize();
        State own = session.state();
        own.hold(model);
        assertThatThrownBy(() -> session.run(x(3), y(3))).isInstanceOf(IllegalStateException.class);
        own.release();
        session.run(x(3), y(3));
        assertThat(session.runs().byteSize()).isEqualTo(kept);
    }
}
