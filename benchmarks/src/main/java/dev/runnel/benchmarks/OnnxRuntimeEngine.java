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
        if (w.weights() != Workload.Weights.F32) {
            throw new UnsupportedOperationException("weights of " + w.weights());
        }
        OrtSession session = PinnedOnnxCall.session(w.toOnnx());
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
}
