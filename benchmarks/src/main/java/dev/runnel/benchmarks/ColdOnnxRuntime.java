package dev.runnel.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import java.io.IOException;
import java.util.Map;

/// A process that makes one step with ONNX Runtime: see [ColdStart].
final class ColdOnnxRuntime {
    private static final int SIZE = 256;

    private ColdOnnxRuntime() {}

    public static void main(String[] args) throws IOException, OrtException {
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        float[][][] zeros = new float[1][1][SIZE];
        try (options;
                OrtSession session = env.createSession(args[0], options);
                OnnxTensor zero = OnnxTensor.createTensor(env, zeros);
                OrtSession.Result result = session.run(Map.of("x", zero, "h", zero, "c", zero))) {
            OnnxTensor y = (OnnxTensor) result.get("y").orElseThrow();
            ColdStart.ready(y.getFloatBuffer().get(0));
        }
    }
}
