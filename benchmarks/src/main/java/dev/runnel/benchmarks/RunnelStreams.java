package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;

/// Live streams on Runnel: those that are due in one call, up to 64.
final class RunnelStreams {
    private RunnelStreams() {}

    static StreamWorker open(Workload layer, int streams) {
        Model model =
                Model.compile(
                        Models.read(
                                "layer",
                                MemorySegment.ofArray(layer.rows(1).toOnnxOfOpenLength())));
        int rows = Math.min(streams, StreamWorker.MOST_ROWS);
        model.warmUp(rows);
        Session session = model.open(rows);
        MemorySegment x = session.input("x");
        StreamWorker.Inputs inputs = StreamWorker.Inputs.of(layer);
        State[] all = Stream.generate(model::newState).limit(streams).toArray(State[]::new);
        State[][] batches = new State[rows + 1][];
        Arrays.setAll(batches, State[]::new);
        return new StreamWorker(
                streams,
                model.stateBytes(),
                (first, most) -> {
                    State[] states = batches[Math.min(most, rows)];
                    for (int n = 0; n < states.length; n++) {
                        int stream = (first + n) % streams;
                        inputs.copy(stream, x, n);
                        states[n] = all[stream];
                    }
                    session.step(states);
                    return states.length;
                },
                stream -> all[stream].tensor("h").toArray(JAVA_FLOAT),
                () -> {
                    Stream.of(all).forEach(State::close);
                    session.close();
                    model.close();
                });
    }
}
