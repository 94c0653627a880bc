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
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/// One thread's share of the live streams, stepped in turn.
///
/// @param streams how many
/// @param stateBytes of one stream
/// @param batch steps some streams
/// @param end frees all
record StreamWorker(int streams, long stateBytes, Batch batch, Runnable end)
        implements CallMeter.Calls<OrtException> {
    private static final int MOST_ROWS = 64;

    private interface Batch {
        /// Steps stream `first` and those after it, in a circle: `most` streams, or fewer.
        ///
        /// @return how many
        int step(int first, int most) throws OrtException;
    }

    /// The input is the same in each call.
    @Override
    public void prepare(long call) {}

    @Override
    public int make(long call, int due) throws OrtException {
        return batch.step((int) (call % streams), Math.min(due, streams));
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
        int rows = Math.min(streams, MOST_ROWS);
        Session session = model.open(rows);
        State[] all = Stream.generate(model::newState).limit(streams).toArray(State[]::new);
        State[][] batches = new State[rows + 1][];
        Arrays.setAll(batches, State[]::new);
        return new StreamWorker(
                streams,
                model.stateBytes(),
                (first, most) -> {
                    State[] states = batches[Math.min(most, rows)];
                    for (int n = 0; n < states.length; n++) {
                        states[n] = all[(first + n) % streams];
                    }
                    session.step(states);
                    return states.length;
                },
                () -> {
                    Stream.of(all).forEach(State::close);
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
                4L * 4 * size,
                (first, most) -> {
                    all[first].step();
                    return 1;
                },
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
