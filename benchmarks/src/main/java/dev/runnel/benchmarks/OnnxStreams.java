package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Live streams on ONNX Runtime, with one thread and tensors pinned to direct buffers.
final class OnnxStreams {
    private OnnxStreams() {}

    /// Those that are due in one call, up to 64: their states are gathered before it and scattered
    /// after it. The model is open in its rows, and for each number of them there are tensors over
    /// the same buffers, so that no row is computed for nothing.
    static StreamWorker open(Workload layer, int streams) throws OrtException {
        OrtSession session = PinnedOnnxCall.session(layer.toOnnxOfOpenRows());
        Arena arena = Arena.ofShared();
        long bytes = 4L * layer.size();
        MemorySegment states = arena.allocate(2 * bytes * streams, 64);
        int rows = Math.min(streams, StreamWorker.MOST_ROWS);
        Rows tensors = new Rows(arena, rows, layer.size());
        StreamWorker.Inputs inputs = StreamWorker.Inputs.of(layer);
        return new StreamWorker(
                streams,
                2 * bytes,
                (first, most) -> {
                    int count = Math.min(most, rows);
                    for (int n = 0; n < count; n++) {
                        int stream = (first + n) % streams;
                        inputs.copy(stream, tensors.x, n);
                        long at = 2 * bytes * stream;
                        MemorySegment.copy(states, at, tensors.h, n * bytes, bytes);
                        MemorySegment.copy(states, at + bytes, tensors.c, n * bytes, bytes);
                    }
                    session.run(tensors.inputs.get(count), tensors.outputs.get(count)).close();
                    for (int n = 0; n < count; n++) {
                        long at = 2 * bytes * ((first + n) % streams);
                        MemorySegment.copy(tensors.newH, n * bytes, states, at, bytes);
                        MemorySegment.copy(tensors.newC, n * bytes, states, at + bytes, bytes);
                    }
                    return count;
                },
                stream -> states.asSlice(2 * bytes * stream, bytes).toArray(JAVA_FLOAT),
                () -> {
                    PinnedOnnxCall.close(session);
                    tensors.close();
                    arena.close();
                });
    }

    /// The tensors of a call, for each number of rows.
    private static final class Rows {
        final MemorySegment x;
        final MemorySegment h;
        final MemorySegment c;
        final MemorySegment newH;
        final MemorySegment newC;
        final List<Map<String, OnnxTensor>> inputs = new ArrayList<>();
        final List<Map<String, OnnxTensor>> outputs = new ArrayList<>();
        private final int size;

        Rows(Arena arena, int most, int size) throws OrtException {
            this.size = size;
            long bytes = 4L * most * size;
            x = arena.allocate(bytes, 64);
            h = arena.allocate(bytes, 64);
            c = arena.allocate(bytes, 64);
            newH = arena.allocate(bytes, 64);
            newC = arena.allocate(bytes, 64);
            inputs.add(Map.of()); // of no rows
            outputs.add(Map.of());
            for (int n = 1; n <= most; n++) {
                inputs.add(Map.of("x", of(x, n), "h", of(h, n), "c", of(c, n)));
                outputs.add(Map.of("hn", of(newH, n), "cn", of(newC, n))); // y is hn
            }
        }

        /// `[1, n, H]` over the first rows of a buffer.
        private OnnxTensor of(MemorySegment buffer, int n) throws OrtException {
            return OnnxTensor.createTensor(
                    OrtEnvironment.getEnvironment(),
                    buffer.asSlice(0, 4L * n * size)
                            .asByteBuffer()
                            .order(ByteOrder.nativeOrder())
                            .asFloatBuffer(),
                    new long[] {1, n, size});
        }

        void close() {
            inputs.forEach(m -> m.values().forEach(OnnxTensor::close));
            outputs.forEach(m -> m.values().forEach(OnnxTensor::close));
        }
    }

    /// One in a call, as a service does that has no batcher: for each stream two sets of tensors,
    /// which change places from step to step.
    static StreamWorker openOneByOne(Workload layer, int streams) throws OrtException {
        Workload one = layer.rows(1);
        int size = one.size();
        OrtSession session = PinnedOnnxCall.session(one.toOnnx());
        StreamWorker.Inputs inputs = StreamWorker.Inputs.of(layer);
        OnnxTensor x = PinnedOnnxCall.tensor(one.x(), 1, 1, size);
        MemorySegment xBytes = MemorySegment.ofBuffer(x.getBufferRef().orElseThrow());
        PinnedStream[] all = new PinnedStream[streams];
        for (int s = 0; s < streams; s++) {
            all[s] = new PinnedStream(session, x, size);
        }
        return new StreamWorker(
                streams,
                4L * 4 * size,
                (first, most) -> {
                    inputs.copy(first, xBytes, 0);
                    all[first].step();
                    return 1;
                },
                stream -> all[stream].h(),
                () -> PinnedOnnxCall.close(session));
    }

    private static final class PinnedStream {
        private final OrtSession session;
        private final Map<String, OnnxTensor> inputs = new HashMap<>();
        private final Map<String, OnnxTensor> outputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherInputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherOutputs = new HashMap<>();
        private boolean other;

        PinnedStream(OrtSession session, OnnxTensor x, int size) throws OrtException {
            this.session = session;
            inputs.put("x", x);
            otherInputs.put("x", x);
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

        /// What the next step starts from.
        float[] h() throws OrtException {
            OnnxTensor h = Objects.requireNonNull((other ? otherInputs : inputs).get("h"));
            return ((float[][][]) h.getValue())[0][0];
        }
    }
}
