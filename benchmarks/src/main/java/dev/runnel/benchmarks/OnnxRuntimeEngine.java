package dev.runnel.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;

import java.util.HashMap;
import java.util.Map;

/// ONNX Runtime as an expert uses it: see [PinnedOnnxCall].
final class OnnxRuntimeEngine implements Engine {
    @Override
    public String name() {
        return "onnxRuntime";
    }

    @Override
    public Call open(Workload w) throws OrtException {
        OrtSession session = PinnedOnnxCall.session(model(w));
        int n = w.rows();
        int size = w.size();
        Map<String, OnnxTensor> inputs = new HashMap<>();
        Map<String, String> carried = new HashMap<>();
        inputs.put("x", PinnedOnnxCall.tensor(w.x(), w.steps(), n, size));
        for (String state : w.hasCell() ? new String[] {"h", "c"} : new String[] {"h"}) {
            inputs.put(state, PinnedOnnxCall.tensor(new float[n * size], 1, n, size));
            carried.put(state, state + "n");
        }
        return new PinnedOnnxCall(session, inputs, carried, "y");
    }

    private static byte[] model(Workload w) {
        if (w.weights() == Workload.Weights.F32) {
            return w.toOnnx();
        }
        if (w.weights() == Workload.Weights.INT8 && w.hasCell()) {
            return QuantizedLstm.toOnnx(w);
        }
        throw new UnsupportedOperationException(w.op() + " with weights of " + w.weights());
    }
}
