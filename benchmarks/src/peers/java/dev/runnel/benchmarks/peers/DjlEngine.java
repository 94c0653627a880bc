package dev.runnel.benchmarks.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.recurrent.RNN;
import ai.djl.pytorch.jni.JniUtils;

import dev.runnel.benchmarks.Engine;
import dev.runnel.benchmarks.Workload;

/// PyTorch through DJL with one thread, in the way that is the faster one there: a step from linear
/// layers and element-wise operators, for the recurrent operators make ready anew in each call; a
/// sequence by the operator of `torch.nn.LSTM`, which DJL's own recurrent blocks call. States are
/// handed from call to call as the tensors they are.
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
        return w.steps() == 1 ? new Step(new Layer(w)) : new Sequence(new Layer(w));
    }

    /// What both need: the input and the weights, rows in PyTorch's order.
    private static final class Layer {
        static {
            ai.djl.engine.Engine.getEngine("PyTorch"); // loads the library
            JniUtils.setNumThreads(1);
            JniUtils.setNumInteropThreads(1);
        }

        final Workload workload;
        final NDManager manager = NDManager.newBaseManager("PyTorch");
        final NDArray x;
        final NDArray w;
        final NDArray r;
        final NDArray wBias;
        final NDArray rBias;

        Layer(Workload workload) {
            this.workload = workload;
            int h = workload.size();
            int rows = workload.gates() * h;
            float[] b = workload.b();
            x = manager.create(workload.x(), new Shape(workload.steps(), workload.rows(), h));
            w = manager.create(inOrder(workload.w(), 0, h), new Shape(rows, h));
            r = manager.create(inOrder(workload.r(), 0, h), new Shape(rows, h));
            wBias = manager.create(inOrder(b, 0, 1), new Shape(rows));
            rBias = manager.create(inOrder(b, rows, 1), new Shape(rows));
        }

        /// `G·H` rows from ONNX's order of gates (iofc; zrh) to PyTorch's (ifgo; rzn).
        private float[] inOrder(float[] onnx, int fromRow, int columns) {
            int[] order =
                    switch (workload.op()) {
                        case "LSTM" -> new int[] {0, 2, 3, 1};
                        case "GRU" -> new int[] {1, 0, 2};
                        default -> new int[] {0};
                    };
            int gate = workload.size() * columns;
            float[] ordered = new float[order.length * gate];
            for (int g = 0; g < order.length; g++) {
                System.arraycopy(
                        onnx, fromRow * columns + order[g] * gate, ordered, g * gate, gate);
            }
            return ordered;
        }

        NDArray zeros(long... dims) {
            return manager.zeros(new Shape(dims));
        }
    }

    /// One step, operator by operator. Every tensor made is closed in the call, but the new h.
    private static final class Step implements Call {
        private final Layer layer;
        private final NDArray x;
        private final NDArray rTransposed;
        private final NDArray bias;
        private final NDArray c;
        private NDArray h;

        Step(Layer layer) {
            this.layer = layer;
            int rows = layer.workload.rows();
            int size = layer.workload.size();
            x = layer.x.reshape(rows, size);
            rTransposed = layer.r.transpose();
            bias = layer.wBias.add(layer.rBias);
            h = layer.zeros(rows, size);
            c = layer.zeros(rows, size);
        }

        @Override
        public void run() {
            NDArray next =
                    switch (layer.workload.op()) {
                        case "LSTM" -> lstm();
                        case "GRU" -> gru();
                        default -> rnn();
                    };
            h.close();
            h = next;
        }

        private NDArray lstm() {
            try (NDArray sum = sum();
                    NDList gates = sum.split(4, 1);
                    NDArray in = sigmoid(gates.get(0));
                    NDArray forget = sigmoid(gates.get(1));
                    NDArray candidate = gates.get(2).tanh()) {
                c.muli(forget).addi(in.muli(candidate));
                try (NDArray squashed = c.tanh()) {
                    return sigmoid(gates.get(3)).muli(squashed);
                }
            }
        }

        private NDArray gru() {
            try (NDArray fromX = linear(x, layer.w, layer.wBias);
                    NDArray fromH = linear(h, layer.r, layer.rBias);
                    NDList ofX = fromX.split(3, 1);
                    NDList ofH = fromH.split(3, 1);
                    NDArray reset = sigmoid(ofX.get(0).addi(ofH.get(0)));
                    NDArray update = sigmoid(ofX.get(1).addi(ofH.get(1)));
                    NDArray candidate = reset.muli(ofH.get(2)).addi(ofX.get(2)).tanh()) {
                return h.sub(candidate).muli(update).addi(candidate);
            }
        }

        private NDArray rnn() {
            try (NDArray sum = sum()) {
                return sum.tanh();
            }
        }

        /// `W·x + R·h + b`.
        private NDArray sum() {
            try (NDArray fromH = h.matMul(rTransposed)) {
                return linear(x, layer.w, bias).addi(fromH);
            }
        }

        private static NDArray linear(NDArray x, NDArray w, NDArray b) {
            return x.getNDArrayInternal().linear(x, w, b).head();
        }

        private static NDArray sigmoid(NDArray x) {
            return x.getNDArrayInternal().sigmoid();
        }

        @Override
        public float[] output() {
            return h.toFloatArray();
        }

        @Override
        public void close() {
            layer.manager.close();
        }
    }

    /// All steps by one operator.
    private static final class Sequence implements Call {
        private final Layer layer;
        private final NDList weights;
        private NDList states;
        private NDArray y;

        Sequence(Layer layer) {
            this.layer = layer;
            Workload w = layer.workload;
            weights = new NDList(layer.w, layer.r, layer.wBias, layer.rBias);
            states = new NDList(layer.zeros(1, w.rows(), w.size()));
            if (w.hasCell()) {
                states.add(layer.zeros(1, w.rows(), w.size()));
            }
            y = layer.zeros(0);
        }

        @Override
        public void run() {
            NDArray x = layer.x;
            NDArray h = states.head();
            NDArrayEx operators = x.getNDArrayInternal();
            NDList out =
                    switch (layer.workload.op()) {
                        case "LSTM" ->
                                operators.lstm(x, states, weights, true, 1, 0, false, false, false);
                        case "GRU" -> operators.gru(x, h, weights, true, 1, 0, false, false, false);
                        default ->
                                operators.rnn(
                                        x,
                                        h,
                                        weights,
                                        true,
                                        1,
                                        RNN.Activation.TANH,
                                        0,
                                        false,
                                        false,
                                        false);
                    };
            states.close();
            y.close();
            y = out.head();
            states = out.subNDList(1);
        }

        @Override
        public float[] output() {
            return y.toFloatArray();
        }

        @Override
        public void close() {
            layer.manager.close();
        }
    }
}
