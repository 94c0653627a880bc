package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/// A real model with recorded inputs: `model.onnx`, `test_data_set_0/input_K.pb`, and `state.txt`
/// with lines `out>in` where outputs feed inputs of the next call.
///
/// @param inputs of one call, by name
/// @param carried output by input
/// @param output one that is not carried
record Recording(
        Path file,
        Graph graph,
        Map<String, Tensor> inputs,
        Map<String, String> carried,
        String output) {

    static Recording of(Path folder) throws IOException {
        Path file = folder.resolve("model.onnx");
        Graph graph = Models.read(file);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (int i = 0; i < graph.inputs().size(); i++) {
            Path input = folder.resolve("test_data_set_0/input_" + i + ".pb");
            inputs.put(graph.inputs().get(i).name(), TensorFile.read(input));
        }
        Map<String, String> carried = new LinkedHashMap<>();
        Path states = folder.resolve("state.txt");
        if (Files.exists(states)) {
            for (String line : Files.readAllLines(states)) {
                if (!line.isBlank()) {
                    String[] pair = line.strip().split(">");
                    carried.put(pair[1], pair[0]);
                }
            }
        }
        String output =
                graph.outputs().stream()
                        .map(ValueInfo::name)
                        .filter(o -> !carried.containsValue(o))
                        .findFirst()
                        .orElseThrow();
        return new Recording(file, graph, inputs, carried, output);
    }

    /// As a stream if outputs are carried: settings such as a sample rate bound, one step a call.
    /// Else each call is a whole sequence.
    Engine.Call openRunnel() {
        Options options = Options.defaults();
        if (carried.isEmpty()) {
            options = options.stateless();
        }
        for (Map.Entry<String, String> pair : carried.entrySet()) {
            options = options.state(pair.getValue(), pair.getKey());
        }
        for (ValueInfo input : graph.inputs()) {
            Tensor t = input(input.name());
            boolean isSetting = !t.dtype().isFloat() && t.elements() == 1;
            if (isSetting) {
                options = options.bind(input.name(), t);
            } else if (input.dims() == null
                    || !input.dims().stream().allMatch(ValueInfo.Dim::isFixed)) {
                options = options.shape(input.name(), t.shape().dims());
            }
        }
        Model model = Model.compile(graph, options);
        model.warmUp();
        return new RunnelCall(model);
    }

    private Tensor input(String name) {
        return java.util.Objects.requireNonNull(inputs.get(name));
    }

    /// All inputs are the same in each call but the states.
    private final class RunnelCall implements Engine.Call {
        private final Model model;
        private final Session session;
        private final Arena arena = Arena.ofShared();
        private final @Nullable State state;
        private final MemorySegment x;
        private final MemorySegment y;

        RunnelCall(Model model) {
            this.model = model;
            session = model.open();
            if (model.stepObstacle().isPresent()) {
                state = null;
                String only = model.inputs().getFirst().name();
                MemorySegment values = input(only).data();
                x = arena.allocate(values.byteSize(), 64).copyFrom(values);
                MemorySegment result =
                        java.util.Objects.requireNonNull(
                                        session.run(Map.of(only, input(only))).get(output))
                                .data();
                y = arena.allocate(result.byteSize(), 64);
                return;
            }
            state = model.states().isEmpty() ? session.state() : model.newState();
            for (Port port : model.states()) {
                state.tensor(port.name()).copyFrom(input(port.name()).data());
            }
            for (Port port : model.inputs()) {
                session.input(port.name()).copyFrom(input(port.name()).data());
            }
            x = MemorySegment.NULL;
            y = session.output(output);
        }

        @Override
        public void run() {
            if (state == null) {
                session.run(x, y);
            } else {
                session.step(state);
            }
        }

        @Override
        public float[] output() {
            return y.toArray(JAVA_FLOAT);
        }

        @Override
        public void close() {
            if (state != null && !model.states().isEmpty()) {
                state.close();
            }
            session.close();
            model.close();
            arena.close();
        }
    }

    Engine.Call openOnnxRuntime() throws IOException, OrtException {
        Map<String, OnnxTensor> tensors = new HashMap<>();
        for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
            Tensor t = input.getValue();
            ByteBuffer bytes = PinnedOnnxCall.bytes(t.data().byteSize());
            MemorySegment.ofBuffer(bytes).copyFrom(t.data());
            OnnxJavaType type =
                    switch (t.dtype()) {
                        case FLOAT32 -> OnnxJavaType.FLOAT;
                        case INT64 -> OnnxJavaType.INT64;
                        case UINT8 -> OnnxJavaType.UINT8;
                        default -> throw new UnsupportedOperationException(t.toString());
                    };
            tensors.put(
                    input.getKey(),
                    OnnxTensor.createTensor(
                            OrtEnvironment.getEnvironment(), bytes, t.shape().dims(), type));
        }
        return new PinnedOnnxCall(
                PinnedOnnxCall.session(Files.readAllBytes(file)), tensors, carried, output);
    }
}
