package dev.runnel.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import java.util.HashMap;
import java.util.Map;

/// ONNX Runtime as its examples show it: default options, tensors made from arrays for each call,
/// results read by `getValue`.
final class NaiveOnnxRuntimeEngine implements Engine {
    @Override
    public String name() {
        return "naiveOnnxRuntime";
    }

    @Override
    public Call open(Workload w) throws OrtException {
        if (w.weights() != Workload.Weights.F32) {
            throw new UnsupportedOperationException("weights of " + w.weights());
        }
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        return new NaiveCall(env, env.createSession(w.toOnnx()), w);
    }

    private static final class NaiveCall implements Call {
        private final OrtEnvironment env;
        private final OrtSession session;
        private final Workload w;
        private final float[][][] x;
        private float[][][] h;
        private float[][][] c;
        private float[][][][] y = new float[0][][][];

        NaiveCall(OrtEnvironment env, OrtSession session, Workload w) {
            this.env = env;
            this.session = session;
            this.w = w;
            x = new float[w.steps()][w.rows()][w.size()];
            float[] values = w.x();
            for (int i = 0; i < values.length; i++) {
                x[i / w.size() / w.rows()][i / w.size() % w.rows()][i % w.size()] = values[i];
            }
            h = new float[1][w.rows()][w.size()];
            c = new float[1][w.rows()][w.size()];
        }

        @Override
        public void run() throws OrtException {
            Map<String, OnnxTensor> inputs = new HashMap<>();
            inputs.put("x", OnnxTensor.createTensor(env, x));
            inputs.put("h", OnnxTensor.createTensor(env, h));
            if (w.hasCell()) {
                inputs.put("c", OnnxTensor.createTensor(env, c));
            }
            try (OrtSession.Result result = session.run(inputs)) {
                y = (float[][][][]) result.get("y").orElseThrow().getValue();
                h = (float[][][]) result.get("hn").orElseThrow().getValue();
                if (w.hasCell()) {
                    c = (float[][][]) result.get("cn").orElseThrow().getValue();
                }
            } finally {
                inputs.values().forEach(OnnxTensor::close);
            }
        }

        @Override
        public float[] output() {
            float[] flat = new float[w.steps() * w.rows() * w.size()];
            for (int t = 0; t < w.steps(); t++) {
                for (int n = 0; n < w.rows(); n++) {
                    System.arraycopy(y[t][0][n], 0, flat, (t * w.rows() + n) * w.size(), w.size());
                }
            }
            return flat;
        }

        @Override
        public void close() {
            PinnedOnnxCall.close(session);
        }
    }
}
