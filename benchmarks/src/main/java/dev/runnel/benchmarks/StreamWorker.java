package dev.runnel.benchmarks;

import ai.onnxruntime.OrtException;

import dev.runnel.tools.CallMeter;

import java.lang.foreign.MemorySegment;

/// One thread's share of the live streams, stepped in turn.
///
/// @param streams how many
/// @param stateBytes of one stream
/// @param batch steps some streams
/// @param h of a stream, after its last step
/// @param end frees all
record StreamWorker(int streams, long stateBytes, Batch batch, States h, Runnable end)
        implements CallMeter.Calls<OrtException> {
    /// The most streams in a call.
    static final int MOST_ROWS = 64;

    interface Batch {
        /// Writes the inputs of stream `first` and those after it, in a circle, and steps them:
        /// `most` streams, or fewer.
        ///
        /// @return how many
        int step(int first, int most) throws OrtException;
    }

    interface States {
        float[] of(int stream) throws OrtException;
    }

    /// What streams get at each step, `x[MOST_ROWS, I]`: stream s the row s modulo their number.
    record Inputs(MemorySegment rows, long rowBytes) {
        static Inputs of(Workload layer) {
            return new Inputs(MemorySegment.ofArray(layer.rows(MOST_ROWS).x()), 4L * layer.size());
        }

        void copy(int stream, MemorySegment x, int row) {
            long from = stream % MOST_ROWS * rowBytes;
            MemorySegment.copy(rows, from, x, row * rowBytes, rowBytes);
        }
    }

    static StreamWorker of(String engine, Workload layer, int streams) throws OrtException {
        return switch (engine) {
            case "runnel" -> RunnelStreams.open(layer, streams);
            case "onnxRuntime" -> OnnxStreams.open(layer, streams);
            case "onnxRuntimeOneByOne" -> OnnxStreams.openOneByOne(layer, streams);
            default -> throw new IllegalArgumentException("no engine '" + engine + "'");
        };
    }

    /// [Batch] writes the inputs.
    @Override
    public void prepare(long call) {}

    @Override
    public int make(long call, int due) throws OrtException {
        return batch.step((int) (call % streams), Math.min(due, streams));
    }

    void close() {
        end.run();
    }
}
