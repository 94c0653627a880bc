package dev.runnel.benchmarks.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;

import dev.runnel.benchmarks.Engine;
import dev.runnel.benchmarks.Workload;

/// PyTorch through DJL: the operator of `torch.nn.LSTM`, which DJL's own recurrent blocks call,
/// with one thread, states handed from call to call as the tensors they are.
public final class DjlEngine implements Engine {
    @Override
    public String name() {
        return "djl";
    }

    @Override
    public Call open(Workload w) {
        if (w.weights() != Workload.Weights.F32) {
            throw new UnsupportedOperationException("weights of " + w.weights());
        }
        if (w.op().equals("GRU") && !w.linearBeforeReset()) {
            throw new UnsupportedOperationException("PyTorch's GRU has linear_before_reset = 1");
        }
        return new DjlCall(w);
    }

    private static final class DjlCall implements Call {
        static {
            ai.djl.engine.Engine.getEngine("PyTorch"); // loads the library
            JniUtils.setNumThreads(1);
            JniUtils.setNumInteropThreads(1);
        }

        private final Workload w;
        private final NDManager manager = NDManager.newBaseManager("PyTorch");
        private final NDArray x;
        private final NDList weights;
        private NDList states = new NDList();
        private NDArray y;

        DjlCall(Workload w) {
            this.w = w;
            int h = w.size();
            int rows = w.gates() * h;
            x = manager.create(w.x(), new Shape(w.steps(), w.rows(), h));
            float[] b = w.b();
            weights =
                    new NDList(
                            manager.create(inOrder(w.w(), 0, h), new Shape(rows, h)),
                            manager.create(inOrder(w.r(), 0, h), new Shape(rows, h)),
                            manager.create(inOrder(b, 0, 1), new Shape(rows)),
                            manager.create(inOrder(b, rows, 1), new Shape(rows)));
            states.add(manager.zeros(new Shape(1, w.rows(), h)));
            if (w.hasCell()) {
                states.add(manager.zeros(new Shape(1, w.rows(), h)));
            }
            y = x;
        }

        /// `G·H` rows from ONNX's order of gates (iofc; zrh) to PyTorch's (ifgo; rzn).
        private float[] inOrder(float[] onnx, int fromRow, int columns) {
            int[] order =
                    switch (w.op()) {
                        case "LSTM" -> new int[] {0, 2, 3, 1};
                        case "GRU" -> new int[] {1, 0, 2};
                        default -> new int[] {0};
                    };
            int gate = w.size() * columns;
            float[] ordered = new float[order.length * gate];
            for (int g = 0; g < order.length; g++) {
                System.arraycopy(
                        onnx, fromRow * columns + order[g] * gate, ordered, g * gate, gate);
            }
            return ordered;
        }

        @Override
        public void run() {
            NDList out =
                    switch (w.op()) {
                        case "LSTM" ->
                                x.getNDArrayInternal()
                                        .lstm(x, states, weights, true, 1, 0, false, false, false);
                        case "GRU" ->
                                x.getNDArrayInternal()
                                        .gru(
                                                x,
                                                states.head(),
                                                weights,
                                                true,
                                                1,
                                                0,
                                                false,
                                                false,
                                                false);
                        default ->
                                x.getNDArrayInternal()
                                        .rnn(
                                                x,
                                                states.head(),
                                                weights,
                                                true,
                                                1,
                                                ai.djl.nn.recurrent.RNN.Activation.TANH,
                                                0,
                                                false,
                                                false,
                                                false);
                    };
            states.close();
            if (y != x) {
                y.close();
            }
            y = out.head();
            states = out.subNDList(1);
        }

        @Override
        public float[] output() {
            return y.toFloatArray();
        }

        @Override
        public void close() {
            manager.close();
        }
    }
}
