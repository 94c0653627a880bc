package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThatCode;

import ai.onnxruntime.OrtException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamWorkerTest {
    /// Steps of batches that are full, partly so, and of one stream, round and round: some streams
    /// are a step ahead, and each has an input of its own.
    @ParameterizedTest
    @ValueSource(ints = {1, 10, 150})
    void make_everyEngine_stepsTheSameStreams(int streams) throws OrtException {
        Workload layer = Workload.of("LSTM-13");
        StreamWorker runnel = StreamWorker.of("runnel", layer, streams);
        int steps = 2 * streams + streams / 2;
        step(runnel, steps);
        for (String engine : new String[] {"onnxRuntime", "onnxRuntimeOneByOne"}) {
            StreamWorker other = StreamWorker.of(engine, layer, streams);
            step(other, steps);
            for (int s = 0; s < streams; s++) {
                String what = engine + ", stream " + s;
                float[] got = other.h().of(s);
                float[] want = runnel.h().of(s);
                assertThatCode(() -> Engines.requireSame(what, got, want, 1e-4f))
                        .doesNotThrowAnyException();
            }
            other.close();
        }
        runnel.close();
    }

    private static void step(StreamWorker worker, int steps) throws OrtException {
        int[] due = {1, 200, 5, 64, 17};
        int call = 0;
        for (int made = 0; made < steps; ) {
            made += worker.make(made, Math.min(due[call++ % due.length], steps - made));
        }
    }
}
