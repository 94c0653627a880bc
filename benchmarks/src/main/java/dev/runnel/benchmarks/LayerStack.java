package dev.runnel.benchmarks;

import com.google.protobuf.InvalidProtocolBufferException;

import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;

/// `layers` recurrent layers on top of each other, each with weights of its own.
record LayerStack(int layers, Workload layer) {
    private static final int INT64 = 7;

    /// One layer from `LSTM-128`, three from `3xLSTM-128`.
    static LayerStack of(String name) {
        int x = name.indexOf('x');
        return x < 0
                ? new LayerStack(1, Workload.of(name))
                : new LayerStack(
                        Integer.parseInt(name.substring(0, x)), Workload.of(name.substring(x + 1)));
    }

    /// An ONNX file; of several layers all states start from zero, and the output is `y` of the
    /// last.
    byte[] toOnnx() {
        return layers == 1 ? layer.toOnnx() : stacked();
    }

    private byte[] stacked() {
        ModelProto one;
        try {
            one = ModelProto.parseFrom(layer.toOnnx());
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
        GraphProto from = one.getGraph();
        GraphProto.Builder graph =
                GraphProto.newBuilder()
                        .setName(from.getName())
                        .addInput(from.getInput(0))
                        .addOutput(from.getOutput(0))
                        .addInitializer(
                                TensorProto.newBuilder()
                                        .setName("directions")
                                        .setDataType(INT64)
                                        .addDims(1)
                                        .addInt64Data(1));
        for (int i = 0; i < layers; i++) {
            boolean last = i == layers - 1;
            NodeProto.Builder node =
                    NodeProto.newBuilder()
                            .setName("layer " + i)
                            .setOpType(layer.op())
                            .addAllAttribute(from.getNode(0).getAttributeList())
                            .addInput(i == 0 ? "x" : "x" + i)
                            .addOutput(last ? "y" : "y" + i);
            for (TensorProto weights : from.getInitializerList()) {
                String name = weights.getName() + i;
                graph.addInitializer(weights.toBuilder().setName(name));
                node.addInput(name);
            }
            graph.addNode(node);
            if (!last) {
                graph.addNode(
                        NodeProto.newBuilder()
                                .setName("squeeze " + i)
                                .setOpType("Squeeze")
                                .addInput("y" + i)
                                .addInput("directions")
                                .addOutput("x" + (i + 1)));
            }
        }
        return one.toBuilder().setGraph(graph).build().toByteArray();
    }
}
