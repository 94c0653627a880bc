package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;
import dev.runnel.graph.Precision;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;

/// Runnel as its README shows it: `step(state)`, `step(states)`, `run(x, y)`.
final class RunnelEngine implements Engine {
    @Override
    public String name() {
        return "runnel";
    }

    @Override
    public Call open(Workload w) {
        return open(w, true);
    }

    /// @param warm whether to wait until steps run at full speed
    static Call open(Workload w, boolean warm) {
        Options options =
                Options.defaults()
                        .memoryLimit(4L << 30)
                        .weights(Precision.valueOf(w.weights().name()));
        Model model =
                Model.compile(
                        Models.read(w.op(), MemorySegment.ofArray(w.toOnnxOfOpenLength())),
                        options);
        if (warm) {
            model.warmUp(w.rows(), w.steps());
        }
        return w.steps() == 1 ? new Steps(model, w) : new Sequence(model, w);
    }

    private static final class Steps implements Call {
        private final Model model;
        private final Session session;
        private final State[] states;
        private final MemorySegment y;

        Steps(Model model, Workload w) {
            this.model = model;
            session = model.open(w.rows());
            states = Stream.generate(model::newState).limit(w.rows()).toArray(State[]::new);
            session.input("x").copyFrom(MemorySegment.ofArray(w.x()));
            y = session.output("y");
        }

        @Override
        public void run() {
            if (states.length == 1) {
                session.step(states[0]);
            } else {
                session.step(states);
            }
        }

        @Override
        public float[] output() {
            return y.toArray(JAVA_FLOAT);
        }

        @Override
        public void close() {
            for (State state : states) {
                state.close();
            }
            session.close();
            model.close();
        }
    }

    private static final class Sequence implements Call {
        private final Model model;
        private final Session session;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment x;
        private final MemorySegment y;

        Sequence(Model model, Workload w) {
            this.model = model;
            session = model.open(w.rows());
            float[] values = w.x();
            x = arena.allocate(4L * values.length, 64).copyFrom(MemorySegment.ofArray(values));
            y = arena.allocate(4L * values.length, 64);
        }

        @Override
        public void run() {
            session.run(x, y);
        }

        @Override
        public float[] output() {
            return y.toArray(JAVA_FLOAT);
        }

        @Override
        public void close() {
            session.close();
            model.close();
            arena.close();
        }
    }
}
