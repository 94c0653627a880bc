package dev.runnel.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;
import dev.runnel.tools.CallMeter;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/// One thread's share of the live streams, in groups that are stepped in turn, one in a call.
///
/// @param streams how many
/// @param groups how many calls step them all once
/// @param stateBytes of one stream
/// @param group steps one group
/// @param end frees all
record StreamWorker(int streams, int groups, long stateBytes, Group group, Runnable end)
        implements CallMeter.Calls<OrtException> {
    private static final int MOST_ROWS = 64;

    private interface Group {
        void step(int index) throws OrtException;
    }

    /// The input is the same in each call.
    @Override
    public void prepare(long call) {}

    @Override
    public void make(long call) throws OrtException {
        group.step((int) (call % groups));
    }

    void close() {
        end.run();
    }

    static StreamWorker runnel(Workload layer, int streams) {
        Model model =
                Model.compile(
                        Models.read(
                                "layer",
                                MemorySegment.ofArray(layer.rows(1).toOnnxOfOpenLength())));
        model.warmUp();
        int groups = (streams + MOST_ROWS - 1) / MOST_ROWS;
        Session session = model.open(Math.min(streams, MOST_ROWS));
        State[][] states = new State[groups][];
        for (int g = 0; g < groups; g++) {
            states[g] =
                    Stream.generate(model::newState)
                            .limit((streams + g) / groups)
                            .toArray(State[]::new);
        }
        return new StreamWorker(
                streams,
                groups,
                model.stateBytes(),
                g -> session.step(states[g]),
                () -> {
                    Stream.of(states).flatMap(Stream::of).forEach(State::close);
                    session.close();
                    model.close();
                });
    }

    /// For each stream two sets of pinned tensors, which change places from step to step.
    static StreamWorker onnxRuntime(Workload layer, int streams) throws OrtException {
        Workload one = layer.rows(1);
        int size = one.size();
        OrtSession session = PinnedOnnxCall.session(one.toOnnx());
        OnnxTensor x = PinnedOnnxCall.tensor(one.x(), 1, 1, size);
        OnnxTensor y = PinnedOnnxCall.tensor(new float[size], 1, 1, 1, size);
        PinnedStream[] all = new PinnedStream[streams];
        for (int s = 0; s < streams; s++) {
            all[s] = new PinnedStream(session, x, y, size);
        }
        return new StreamWorker(
                streams,
                streams,
                4L * 4 * size,
                s -> all[s].step(),
                () -> PinnedOnnxCall.close(session));
    }

    private static final class PinnedStream {
        private final OrtSession session;
        private final Map<String, OnnxTensor> inputs = new HashMap<>();
        private final Map<String, OnnxTensor> outputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherInputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherOutputs = new HashMap<>();
        private boolean other;

        PinnedStream(OrtSession session, OnnxTensor x, OnnxTensor y, int size) throws OrtException {
            this.session = session;
            inputs.put("x", x);
            otherInputs.put("x", x);
            outputs.put("y", y);
            otherOutputs.put("y", y);
            for (String state : new String[] {"h", "c"}) {
                OnnxTensor a = PinnedOnnxCall.tensor(new float[size], 1, 1, size);
                OnnxTensor b = PinnedOnnxCall.tensor(new float[size], 1, 1, size);
                inputs.put(state, a);
                outputs.put(state + "n", b);
                otherInputs.put(state, b);
                otherOutputs.put(state + "n", a);
            }
        }

        void step() throws OrtException {
            if (other) {
                session.run(otherInputs, otherOutputs).close();
            } else {
                session.run(inputs, outputs).close();
            }
            other = !other;
        }
    }
}
