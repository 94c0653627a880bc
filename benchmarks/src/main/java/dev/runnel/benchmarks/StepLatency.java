package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.formats.Models;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// How long does one step of a stream take, from the input written to the output there, against
/// ONNX Runtime with the same model, its outputs pinned and one thread?
///
/// ```
/// benchmarks/run StepLatency
/// ```
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 6, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public class StepLatency {
    @State(Scope.Thread)
    public static class Runnel {
        @Param({
            "LSTM-32",
            "LSTM-64",
            "LSTM-128",
            "LSTM-256",
            "LSTM-512",
            "GRU-128",
            "GRU-512",
            "RNN-128"
        })
        String model = "";

        private Model compiled;
        private Session session;
        private dev.runnel.State stream;
        private MemorySegment y;

        @Setup
        public void open() {
            RecurrentModel m = RecurrentModel.of(model, 1);
            compiled = Model.compile(Models.read(model, MemorySegment.ofArray(m.toBytes())));
            session = compiled.open();
            stream = compiled.newState();
            MemorySegment x = session.input("x");
            for (int i = 0; i < m.size(); i++) {
                x.setAtIndex(JAVA_FLOAT, i, (i % 7 - 3) / 4f);
            }
            y = session.output("y");
        }

        @TearDown
        public void close() {
            stream.close();
            session.close();
            compiled.close();
        }
    }

    /// Two sets of pinned tensors, so that a step's states are the next one's without a copy.
    @State(Scope.Thread)
    public static class OnnxRuntime {
        @Param({
            "LSTM-32",
            "LSTM-64",
            "LSTM-128",
            "LSTM-256",
            "LSTM-512",
            "GRU-128",
            "GRU-512",
            "RNN-128"
        })
        String model = "";

        private OrtSession session;
        private final Map<String, OnnxTensor> inputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherInputs = new HashMap<>();
        private final Map<String, OnnxTensor> outputs = new HashMap<>();
        private final Map<String, OnnxTensor> otherOutputs = new HashMap<>();
        private boolean other;

        @Setup(Level.Trial)
        public void open() throws OrtException {
            RecurrentModel m = RecurrentModel.of(model, 1);
            OrtEnvironment env = OrtEnvironment.getEnvironment();
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            session = env.createSession(m.toBytes(), options);
            OnnxTensor x = tensor(env, m.size(), 1, 1, m.size());
            FloatBuffer values = x.getBufferRef().map(FloatBuffer.class::cast).orElseThrow();
            for (int i = 0; i < m.size(); i++) {
                values.put(i, (i % 7 - 3) / 4f);
            }
            OnnxTensor y = tensor(env, m.size(), 1, 1, 1, m.size());
            inputs.put("x", x);
            otherInputs.put("x", x);
            outputs.put("y", y);
            otherOutputs.put("y", y);
            for (String state : m.hasCell() ? new String[] {"h", "c"} : new String[] {"h"}) {
                OnnxTensor a = tensor(env, m.size(), 1, 1, m.size());
                OnnxTensor b = tensor(env, m.size(), 1, 1, m.size());
                inputs.put(state, a);
                outputs.put(state + "n", b);
                otherInputs.put(state, b);
                otherOutputs.put(state + "n", a);
            }
        }

        private static OnnxTensor tensor(OrtEnvironment env, int n, long... shape)
                throws OrtException {
            FloatBuffer buffer =
                    ByteBuffer.allocateDirect(4 * n).order(ByteOrder.nativeOrder()).asFloatBuffer();
            return OnnxTensor.createTensor(env, buffer, shape);
        }

        @TearDown
        public void close() throws OrtException {
            session.close();
        }
    }

    @Benchmark
    public float runnel(Runnel r) {
        r.session.step(r.stream);
        return r.y.get(JAVA_FLOAT, 0);
    }

    @Benchmark
    public Object onnxRuntime(OnnxRuntime o) throws OrtException {
        o.other = !o.other;
        try (OrtSession.Result result =
                o.other
                        ? o.session.run(o.otherInputs, o.otherOutputs)
                        : o.session.run(o.inputs, o.outputs)) {
            return result;
        }
    }
}
