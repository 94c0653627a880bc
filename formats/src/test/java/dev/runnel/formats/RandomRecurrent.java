package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.longs;
import static dev.runnel.formats.Onnx.node;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A random recurrent model: an embedding, a projection or a convolution, one to three recurrent
/// layers with random attributes, sizes and wiring, and a head. The same seed draws the same model.
final class RandomRecurrent {
    private static final int[] SIZES = {1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 31, 32, 33, 64, 100, 129};
    private static final int[] OPSETS = {7, 9, 11, 13, 14, 16, 18, 20, 22};
    private static final String[] ACTIVATIONS = {
        "Relu",
        "Tanh",
        "Sigmoid",
        "Affine",
        "LeakyRelu",
        "ThresholdedRelu",
        "ScaledTanh",
        "HardSigmoid",
        "Elu",
        "Softsign",
        "Softplus"
    };

    final StringBuilder description = new StringBuilder();
    final Map<String, Tensor> inputs = new LinkedHashMap<>();

    /// Whether all layers go forwards from zero over whole sequences, so that it can be stepped.
    boolean causal = true;

    private final Random random;
    private final GraphProto.Builder graph = GraphProto.newBuilder().setName("g");
    private final int opset;
    private final int steps;
    private final int batch;
    private int names;

    RandomRecurrent(long seed, int batch) {
        random = new Random(seed);
        opset = OPSETS[random.nextInt(OPSETS.length)];
        steps = 1 + random.nextInt(9);
        this.batch = batch > 0 ? batch : 1 + random.nextInt(5);
        description.append("seed=").append(seed).append(" opset=").append(opset);
        description.append(" T=").append(steps).append(" N=").append(this.batch);
        int features = front();
        String x = "front";
        int layers = 1 + random.nextInt(3);
        for (int l = 0; l < layers; l++) {
            features = layer(l, x, features);
            x = "x" + l;
        }
        head(x, features);
    }

    byte[] bytes() {
        return ModelProto.newBuilder()
                .setIrVersion(opset < 15 ? 6 : 8)
                .setGraph(graph)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .build()
                .toByteArray();
    }

    private int size() {
        return SIZES[random.nextInt(SIZES.length)];
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    // ---- what comes before: front[T, N, F]

    private int front() {
        int features = size();
        switch (random.nextInt(4)) {
            case 0 -> {
                description.append(" embedding");
                int words = 2 + random.nextInt(20);
                long[] tokens = random.longs((long) steps * batch, 0, words).toArray();
                input("x", 7, Tensor.ofLongs(Shape.of(steps, batch), tokens), 0, batch);
                weight("embedding", words, features);
                add(node("Gather", "embedding x", "front"));
            }
            case 1 -> {
                int width = size();
                description.append(" projection ").append(width);
                feed(width);
                weight("projection", width, features);
                weight("shift", features);
                add(node("MatMul", "x projection", "projected"));
                add(node("Add", "projected shift", "shifted"));
                add(node(chance(50) ? "Tanh" : "Relu", "shifted", "front"));
            }
            case 2 -> {
                int width = size();
                int extent = 1 + 2 * random.nextInt(2);
                description.append(" convolution ").append(width).append('x').append(extent);
                causal &= extent == 1;
                feed(width);
                weight("kernel", features, width, extent);
                weight("shift", features);
                int pad = extent / 2;
                add(node("Transpose", "x", "channels", longs("perm", 1, 2, 0)));
                add(node("Conv", "channels kernel shift", "convolved", longs("pads", pad, pad)));
                add(node("Transpose", "convolved", "front", longs("perm", 2, 0, 1)));
            }
            default -> {
                feed(features);
                add(node("Identity", "x", "front"));
            }
        }
        return features;
    }

    private void feed(int features) {
        input("x", 1, floats(steps, batch, features), 0, batch, features);
    }

    // ---- a layer: x<l>[T, N, D·H]

    private int layer(int l, String x, int features) {
        String op = List.of("RNN", "GRU", "LSTM").get(random.nextInt(3));
        int gates = op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
        int hidden = size();
        String direction =
                List.of("forward", "forward", "reverse", "bidirectional").get(random.nextInt(4));
        int directions = direction.equals("bidirectional") ? 2 : 1;
        causal &= direction.equals("forward");
        description
                .append(" | ")
                .append(op)
                .append(' ')
                .append(features)
                .append("->")
                .append(hidden);
        description.append(' ').append(direction);
        List<AttributeProto.Builder> attributes = new ArrayList<>();
        attributes.add(attribute("hidden_size", hidden));
        attributes.add(attribute("direction", direction));
        activations(op, directions, attributes);
        if (chance(20)) {
            attributes.add(attribute("clip", 0.5f + random.nextFloat()));
            description.append(" clip");
        }
        if (op.equals("GRU") && chance(50)) {
            attributes.add(attribute("linear_before_reset", 1));
            description.append(" linear_before_reset");
        }
        if (op.equals("LSTM") && chance(15)) {
            attributes.add(attribute("input_forget", 1));
            description.append(" input_forget");
        }
        List<String> in = new ArrayList<>(List.of(x));
        in.add(reached("w" + l, directions, gates * hidden, features));
        in.add(reached("r" + l, directions, gates * hidden, hidden));
        in.add(chance(75) ? weight("b" + l, directions, 2 * gates * hidden) : "-");
        in.add(chance(25) ? lengths(l) : "-");
        in.add(chance(30) ? initial("h" + l, directions, hidden) : "-");
        if (op.equals("LSTM")) {
            in.add(chance(30) ? initial("c" + l, directions, hidden) : "-");
            in.add(chance(25) ? weight("p" + l, directions, 3 * hidden) : "-");
        }
        String out = "y" + l;
        out += last("yh" + l, directions, hidden);
        if (op.equals("LSTM")) {
            out += last("yc" + l, directions, hidden);
        }
        add(node(op, String.join(" ", in), out, attributes.toArray(AttributeProto.Builder[]::new)));
        // Compared too, and so that a head cannot hide a layer that ran away.
        output("y" + l, 1, 0, directions, batch, hidden);
        add(node("Transpose", "y" + l, "t" + l, longs("perm", 0, 2, 1, 3)));
        constant("flat" + l, 0, 0, (long) directions * hidden);
        add(node("Reshape", "t" + l + " flat" + l, "x" + l));
        return directions * hidden;
    }

    private void activations(String op, int directions, List<AttributeProto.Builder> attributes) {
        if (!chance(30)) {
            return;
        }
        int functions = op.equals("RNN") ? 1 : op.equals("GRU") ? 2 : 3;
        AttributeProto.Builder list =
                AttributeProto.newBuilder()
                        .setName("activations")
                        .setType(AttributeProto.AttributeType.STRINGS);
        float[] alpha = new float[directions * functions];
        float[] beta = new float[directions * functions];
        int alphas = 0;
        int betas = 0;
        for (int i = 0; i < directions * functions; i++) {
            String f = ACTIVATIONS[random.nextInt(ACTIVATIONS.length)];
            description.append(' ').append(f);
            list.addStrings(ByteString.copyFromUtf8(f));
            if (List.of(
                            "Affine",
                            "LeakyRelu",
                            "ThresholdedRelu",
                            "ScaledTanh",
                            "HardSigmoid",
                            "Elu")
                    .contains(f)) {
                alpha[alphas++] = 0.25f + random.nextFloat() / 2;
            }
            if (List.of("Affine", "ScaledTanh", "HardSigmoid").contains(f)) {
                beta[betas++] = 0.25f + random.nextFloat() / 2;
            }
        }
        attributes.add(list);
        attributes.add(Onnx.floats("activation_alpha", java.util.Arrays.copyOf(alpha, alphas)));
        attributes.add(Onnx.floats("activation_beta", java.util.Arrays.copyOf(beta, betas)));
    }

    private String lengths(int l) {
        causal = false;
        description.append(" ragged");
        String name = "lengths" + l;
        TensorProto.Builder t =
                TensorProto.newBuilder().setName(name).setDataType(6).addDims(batch);
        for (int n = 0; n < batch; n++) {
            t.addInt32Data(random.nextInt(steps + 1));
        }
        graph.addInitializer(t);
        return name;
    }

    private String initial(String name, int directions, int hidden) {
        causal = false;
        description.append(' ').append(name.charAt(0)).append('0');
        return input(name, 1, floats(directions, batch, hidden), directions, batch, hidden);
    }

    private String last(String name, int directions, int hidden) {
        if (!chance(40)) {
            return " -";
        }
        output(name, 1, directions, batch, hidden);
        return " " + name;
    }

    // ---- what comes after

    private void head(String x, int features) {
        if (chance(50)) {
            int classes = size();
            description.append(" | head ").append(classes);
            weight("head", features, classes);
            add(node("MatMul", x + " head", "logits"));
            add(node("Softmax", "logits", "y", attribute("axis", 2)));
            output("y", 1, 0, batch, classes);
        } else {
            add(node("Identity", x, "y"));
            output("y", 1, 0, batch, features);
        }
    }

    // ---- tensors

    private Tensor floats(long... dims) {
        Shape shape = Shape.of(dims);
        float[] v = new float[(int) shape.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = random.nextFloat() * 2 - 1;
        }
        return Tensor.ofFloats(shape, v);
    }

    private TensorProto.Builder tensor(String name, long... dims) {
        Tensor t = floats(dims);
        double scale = 1 / Math.sqrt(dims[dims.length - 1]);
        ByteBuffer raw =
                ByteBuffer.allocate((int) (4 * t.elements())).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : t.toFloats()) {
            raw.putFloat((float) (v * scale));
        }
        TensorProto.Builder b =
                TensorProto.newBuilder()
                        .setName(name)
                        .setDataType(1)
                        .setRawData(ByteString.copyFrom(raw.flip()));
        for (long d : dims) {
            b.addDims(d);
        }
        return b;
    }

    private String weight(String name, long... dims) {
        graph.addInitializer(tensor(name, dims));
        return name;
    }

    private void constant(String name, long... values) {
        TensorProto.Builder t =
                TensorProto.newBuilder().setName(name).setDataType(7).addDims(values.length);
        for (long v : values) {
            t.addInt64Data(v);
        }
        graph.addInitializer(t);
    }

    /// A weight of three axes that the node reaches the way some exporters wire it.
    private String reached(String name, long d, long m, long k) {
        String part = name + "_part";
        switch (random.nextInt(6)) {
            case 0 -> add(node("Constant", "", name, attribute("value", tensor("", d, m, k))));
            case 1 -> {
                weight(part, d, k, m);
                add(node("Transpose", part, name, longs("perm", 0, 2, 1)));
            }
            case 2 -> {
                weight(part, d, m, k);
                weight(part + 2, d, m, k);
                add(node("Concat", part + " " + part + 2, part + 3, attribute("axis", 1)));
                if (opset < 10) {
                    add(
                            node(
                                    "Slice",
                                    part + 3,
                                    name,
                                    longs("starts", m / 2),
                                    longs("ends", m / 2 + m),
                                    longs("axes", 1)));
                } else {
                    constant(part + "from", m / 2);
                    constant(part + "to", m / 2 + m);
                    constant(part + "axis", 1);
                    add(
                            node(
                                    "Slice",
                                    part + 3 + " " + part + "from " + part + "to " + part + "axis",
                                    name));
                }
            }
            case 3 -> {
                weight(part, d * m, k);
                constant(part + "shape", d, m, k);
                add(node("Reshape", part + " " + part + "shape", part + 2));
                add(node("Cast", part + 2, name, attribute("to", 1)));
            }
            default -> weight(name, d, m, k);
        }
        return name;
    }

    private String input(String name, int type, Tensor value, long... dims) {
        graph.addInput(info(name, type, dims));
        inputs.put(name, value);
        return name;
    }

    private void output(String name, int type, long... dims) {
        graph.addOutput(info(name, type, dims));
    }

    /// A value whose dimensions of 0 are T, which the caller chooses.
    private static ValueInfoProto.Builder info(String name, int type, long... dims) {
        ValueInfoProto.Builder info = Onnx.value(name, dims);
        info.getTypeBuilder().getTensorTypeBuilder().setElemType(type);
        info.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder().getDimBuilderList().stream()
                .filter(d -> d.getDimValue() == 0)
                .forEach(d -> d.setDimParam("T"));
        return info;
    }

    private void add(NodeProto.Builder n) {
        graph.addNode(n.setName("n" + names++));
    }
}
