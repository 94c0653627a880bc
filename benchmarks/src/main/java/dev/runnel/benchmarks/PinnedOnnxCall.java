package dev.runnel.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// ONNX Runtime in the hands of an expert: one thread, all outputs pinned to direct buffers, and
/// two sets of tensors, so that a call's states are the next one's inputs without a copy.
final class PinnedOnnxCall implements Engine.Call {
    private final OrtSession session;
    private final String output;
    private final List<OnnxTensor> tensors = new ArrayList<>();
    private final Map<String, OnnxTensor> inputs;
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private final Map<String, OnnxTensor> otherInputs;
    private final Map<String, OnnxTensor> otherOutputs = new HashMap<>();
    private boolean other;

    /// @param inputs all inputs; closed with the call
    /// @param carried output by input: what is state
    /// @param output the one to be read by [#output]
    PinnedOnnxCall(
            OrtSession session,
            Map<String, OnnxTensor> inputs,
            Map<String, String> carried,
            String output)
            throws OrtException {
        this.session = session;
        this.output = output;
        this.inputs = new HashMap<>(inputs);
        this.otherInputs = new HashMap<>(inputs);
        tensors.addAll(inputs.values());
        // One call with outputs of its own tells their shapes.
        try (OrtSession.Result result = session.run(inputs)) {
            for (Map.Entry<String, OnnxValue> e : result) {
                TensorInfo info = (TensorInfo) e.getValue().getInfo();
                OnnxTensor tensor = tensor(info);
                outputs.put(e.getKey(), tensor);
                otherOutputs.put(e.getKey(), tensor);
            }
        }
        carried.forEach(
                (in, out) -> {
                    otherInputs.put(in, outputs.get(out));
                    otherOutputs.put(out, inputs.get(in));
                });
    }

    static OrtSession session(byte[] model) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
        return OrtEnvironment.getEnvironment().createSession(model, options);
    }

    /// A tensor in direct memory.
    static OnnxTensor tensor(float[] values, long... shape) throws OrtException {
        FloatBuffer buffer = bytes(4L * values.length).asFloatBuffer();
        buffer.put(values).flip();
        return OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), buffer, shape);
    }

    private OnnxTensor tensor(TensorInfo info) throws OrtException {
        OnnxTensor tensor =
                OnnxTensor.createTensor(
                        OrtEnvironment.getEnvironment(),
                        bytes(info.getNumElements() * info.type.size),
                        info.getShape(),
                        info.type);
        tensors.add(tensor);
        return tensor;
    }

    static ByteBuffer bytes(long size) {
        return ByteBuffer.allocateDirect(Math.toIntExact(size)).order(ByteOrder.nativeOrder());
    }

    @Override
    public void run() throws OrtException {
        if (other) {
            session.run(otherInputs, otherOutputs).close();
        } else {
            session.run(inputs, outputs).close();
        }
        other = !other;
    }

    @Override
    public float[] output() {
        FloatBuffer buffer = Objects.requireNonNull(outputs.get(output)).getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    @Override
    public void close() {
        close(session);
        tensors.forEach(OnnxTensor::close);
    }

    static void close(OrtSession session) {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
    }
}
