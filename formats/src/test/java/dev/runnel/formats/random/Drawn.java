package dev.runnel.formats.random;

import dev.runnel.formats.proto.ModelProto;
import dev.runnel.graph.Tensor;

import java.util.LinkedHashMap;
import java.util.Map;

/// A random model with what to feed it and what may be asked of it.
///
/// @param story its attributes in one line
/// @param theirs what ONNX Runtime runs in its stead
/// @param stepping whether it can be stepped
/// @param pairs by the input that a recurrence starts from, the output it ends in
/// @param rowsAreApart whether each row of the batch is computed as if it were alone
/// @param coarse whether float16 is on the way, which rounds more than sums differ
record Drawn(
        long seed,
        String story,
        ModelProto ours,
        ModelProto theirs,
        Map<String, Sketch.Feed> feeds,
        Stepping stepping,
        Map<String, String> pairs,
        boolean rowsAreApart,
        boolean coarse) {
    enum Stepping {
        /// The standard way of streaming models: refusing it is a fault.
        POSSIBLE,
        /// It must be refused.
        IMPOSSIBLE,
        /// Not asked for, but if it is done then rightly.
        UNSURE,
        /// Steps would mean something else than a run.
        MEANINGLESS
    }

    Map<String, Tensor> inputs() {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        feeds.forEach((name, feed) -> inputs.put(name, feed.value()));
        return inputs;
    }

    /// The inputs of one row.
    Map<String, Tensor> inputsOfRow(int row) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        feeds.forEach(
                (name, feed) ->
                        inputs.put(
                                name,
                                feed.batchAxis() < 0
                                        ? feed.value()
                                        : Tensors.slice(
                                                feed.value(), feed.batchAxis(), row, row + 1)));
        return inputs;
    }

    /// How many there are along the axis of time, or of the batch.
    int extent(boolean time) {
        for (Sketch.Feed f : feeds.values()) {
            int axis = time ? f.timeAxis() : f.batchAxis();
            if (axis >= 0) {
                return f.value().shape().size(axis);
            }
        }
        return 1;
    }
}
