package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Random recurrent models against ONNX Runtime, and against themselves run in other ways. More of
/// them: `-Drunnel.random.models=5000`; others: `-Drunnel.random.seed=7`.
class OnnxRuntimeTest {
    private static final int MODELS = Integer.getInteger("runnel.random.models", 1000);
    private static final long SEED = Long.getLong("runnel.random.seed", 20_261_124);

    private static final double EXPLODED = 1e4;

    private int exploded;

    @Test
    void randomRecurrentModels_equalOnnxRuntime() throws Exception {
        List<String> failures = new ArrayList<>();
        for (int i = 0; i < MODELS; i++) {
            RandomRecurrent drawn = new RandomRecurrent(SEED + i, 0);
            check(drawn, failures, () -> compareWithOnnxRuntime(drawn));
        }
        assertThat(failures).isEmpty();
        assertThat(exploded).as("draws that ran away").isLessThan(Math.max(2, MODELS / 20));
    }

    @Test
    void randomCausalModels_haveTheSameBitsSteppedAndBatched() throws Exception {
        List<String> failures = new ArrayList<>();
        int stepped = 0;
        for (int i = 0; i < MODELS; i++) {
            RandomRecurrent drawn = new RandomRecurrent(SEED + i, 1);
            if (drawn.causal) {
                stepped++;
                check(drawn, failures, () -> compareSteps(drawn));
            }
        }
        assertThat(failures).isEmpty();
        assertThat(stepped).isGreaterThan(MODELS / 50);
    }

    private interface Comparison {
        @Nullable String difference() throws Exception;
    }

    /// Whether a recurrence with unbounded activations ran away: it then amplifies the last bit of
    /// rounding without bound, and two runtimes differ for no fault of either.
    private static boolean exploded(Map<String, Tensor> outputs) {
        for (Tensor t : outputs.values()) {
            for (float v : t.toFloats()) {
                if (!(Math.abs(v) < EXPLODED)) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Notes a difference, and keeps the model to look at.
    private static void check(RandomRecurrent drawn, List<String> failures, Comparison comparison)
            throws IOException {
        String difference;
        try {
            difference = comparison.difference();
        } catch (Exception e) {
            difference = e.toString();
        }
        if (difference != null) {
            Path file = Path.of("target", "random-" + failures.size() + ".onnx");
            Files.write(file, drawn.bytes());
            failures.add(file + ": " + drawn.description + ": " + difference);
        }
    }

    // ---- against ONNX Runtime

    private @Nullable String compareWithOnnxRuntime(RandomRecurrent drawn) throws Exception {
        byte[] bytes = drawn.bytes();
        Map<String, Tensor> want = onnxRuntime(bytes, drawn.inputs);
        if (exploded(want)) {
            exploded++;
            return null;
        }
        Map<String, Tensor> scalar = runnel(bytes, drawn.inputs, Options.KernelSet.SCALAR);
        Map<String, Tensor> vector = runnel(bytes, drawn.inputs, Options.KernelSet.VECTOR);
        for (String name : want.keySet()) {
            String difference = difference(name, got(scalar, name), got(want, name));
            if (difference != null) {
                return difference;
            }
            if (!sameBits(got(scalar, name), got(vector, name))) {
                return "output '" + name + "' differs between scalar and vector kernels";
            }
        }
        return null;
    }

    static Tensor got(Map<String, Tensor> outputs, String name) {
        return java.util.Objects.requireNonNull(outputs.get(name), name);
    }

    static Map<String, Tensor> runnel(
            byte[] bytes, Map<String, Tensor> inputs, Options.KernelSet kernels)
            throws IOException {
        Options options = Options.defaults().stateless().kernels(kernels);
        try (Model model =
                        Model.compile(
                                Models.read("random.onnx", MemorySegment.ofArray(bytes)), options);
                Session session = model.open()) {
            return session.run(inputs);
        }
    }

    static Map<String, Tensor> onnxRuntime(byte[] bytes, Map<String, Tensor> inputs)
            throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        Map<String, OnnxTensor> fed = new LinkedHashMap<>();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
            try (OrtSession session = environment.createSession(bytes, options)) {
                for (var e : inputs.entrySet()) {
                    fed.put(e.getKey(), tensor(environment, e.getValue()));
                }
                try (OrtSession.Result result = session.run(fed)) {
                    for (var e : result) {
                        OnnxTensor t = (OnnxTensor) e.getValue();
                        FloatBuffer values = t.getFloatBuffer();
                        float[] copy = new float[values.remaining()];
                        values.get(copy);
                        outputs.put(
                                e.getKey(),
                                Tensor.ofFloats(Shape.of(t.getInfo().getShape()), copy));
                    }
                }
            } finally {
                fed.values().forEach(OnnxTensor::close);
            }
        }
        return outputs;
    }

    private static OnnxTensor tensor(OrtEnvironment environment, Tensor t) throws OrtException {
        return t.dtype() == DType.INT64
                ? OnnxTensor.createTensor(
                        environment, LongBuffer.wrap(t.toLongs()), t.shape().dims())
                : OnnxTensor.createTensor(
                        environment, FloatBuffer.wrap(t.toFloats()), t.shape().dims());
    }

    static @Nullable String difference(String name, Tensor got, Tensor want) {
        if (!got.type().equals(want.type())) {
            return "output '" + name + "' is " + got.type() + ", expected " + want.type();
        }
        for (long i = 0; i < want.elements(); i++) {
            double g = got.getDouble(i);
            double w = want.getDouble(i);
            if (!(Math.abs(g - w) <= 1e-5 + 1e-4 * Math.abs(w)) && Double.compare(g, w) != 0) {
                return "output '" + name + "'[" + i + "] is " + g + ", expected " + w;
            }
        }
        return null;
    }

    static boolean sameBits(Tensor a, Tensor b) {
        return a.data().mismatch(b.data()) < 0;
    }

    // ---- against itself

    /// The steps of three streams, alone and as the rows of one session, and the sequence as a
    /// whole.
    private static @Nullable String compareSteps(RandomRecurrent drawn) throws Exception {
        byte[] bytes = drawn.bytes();
        try (Model model =
                        Model.compile(
                                Models.read("random.onnx", MemorySegment.ofArray(bytes)),
                                Options.defaults().stateful());
                Session whole = model.open();
                Session alone = model.open();
                Session rows = model.open(3)) {
            if (model.stepObstacle().isPresent()) {
                return model.stepObstacle().get();
            }
            Tensor x = got(drawn.inputs, "x");
            Tensor y = got(whole.run(Map.of("x", x)), "y");
            int steps = x.shape().size(0);
            long in = x.data().byteSize() / steps;
            long out = y.data().byteSize() / steps;
            List<State> states = List.of(model.newState(), model.newState(), model.newState());
            for (int t = 0; t < steps; t++) {
                alone.input("x").copyFrom(x.data().asSlice(t * in, in));
                alone.step();
                for (int r = 0; r < 3; r++) {
                    rows.input("x", r).copyFrom(x.data().asSlice(t * in, in));
                }
                rows.step(states);
                MemorySegment want = y.data().asSlice(t * out, out);
                if (alone.output("y").mismatch(want) >= 0) {
                    return "step " + t + " differs from the sequence";
                }
                for (int r = 0; r < 3; r++) {
                    if (rows.output("y", r).mismatch(want) >= 0) {
                        return "step " + t + " of row " + r + " differs from the sequence";
                    }
                }
            }
            states.forEach(State::close);
        }
        return null;
    }
}
