package dev.runnel.formats.random;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.longs;

import com.google.protobuf.ByteString;

import dev.runnel.formats.Onnx;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A model of one node, of arithmetic, a product, a convolution, a pool, a reduction or a
/// normalisation, with random shapes and attributes; what comes behind the first input is a
/// constant or fed.
final class RandomOperator {
    final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private final Random random;
    private final String op;
    private final List<AttributeProto.Builder> attributes = new ArrayList<>();
    private final List<String> names = new ArrayList<>();
    private final ModelProto.Builder model;

    RandomOperator(long seed) {
        random = new Random(seed);
        model = Onnx.model(21);
        model.getGraphBuilder().clearInput();
        op = draw();
        NodeProto.Builder node =
                Onnx.node(
                        op,
                        String.join(" ", names),
                        "y",
                        attributes.toArray(AttributeProto.Builder[]::new));
        model.getGraphBuilder().addNode(node);
    }

    ModelProto model() {
        return model.build();
    }

    @Override
    public String toString() {
        return op
                + " "
                + inputs
                + " "
                + attributes.stream().map(a -> a.getName() + a.getIntsList() + a.getI()).toList();
    }

    private String draw() {
        return switch (random.nextInt(9)) {
            case 0 -> conv();
            case 1 -> convTranspose();
            case 2 -> pool();
            case 3 -> gemm();
            case 4 -> matMul();
            case 5 -> einsum();
            case 6 -> reduce();
            case 7 -> normalise();
            default -> arithmetic();
        };
    }

    // ---- drawing

    private int from(int low, int high) {
        return random.nextInt(low, high + 1);
    }

    private int one(int... of) {
        return of[random.nextInt(of.length)];
    }

    private String one(String... of) {
        return of[random.nextInt(of.length)];
    }

    private boolean chance() {
        return random.nextBoolean();
    }

    private long[] list(int count, int low, int high) {
        return random.longs(count, low, high + 1L).toArray();
    }

    private long[] shape(int rank, int high) {
        return list(rank, 1, high);
    }

    private static long[] join(long[] a, long... b) {
        long[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    private void input(long... dims) {
        Shape shape = Shape.of(dims);
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(-1, 1);
        }
        add(Tensor.ofFloats(shape, values), names.isEmpty() || chance());
    }

    private void add(Tensor t, boolean fed) {
        String name = "i" + names.size();
        names.add(name);
        if (fed) {
            inputs.put(name, t);
            var info = Onnx.value(name, t.shape().dims());
            if (t.shape().rank() == 0) {
                info.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
            }
            model.getGraphBuilder().addInput(info);
        } else {
            TensorProto.Builder proto = TensorProto.newBuilder().setName(name);
            proto.setDataType(t.dtype() == DType.INT64 ? 7 : 1);
            Arrays.stream(t.shape().dims()).forEach(proto::addDims);
            byte[] raw = t.data().toArray(ValueLayout.JAVA_BYTE);
            model.getGraphBuilder().addInitializer(proto.setRawData(ByteString.copyFrom(raw)));
        }
    }

    // ---- operators

    private String conv() {
        int rank = from(1, 3);
        int group = one(1, 1, 2, 3);
        int channels = one(1, 2, 5);
        int outputs = one(1, 2, 8, 17, 40);
        long[] kernel = shape(rank, 4);
        long[] dilations = shape(rank, 2);
        long[] in = window(kernel, dilations, rank == 3 ? 4 : 20);
        input(join(new long[] {from(1, 2), (long) group * channels}, in));
        input(join(new long[] {(long) group * outputs, channels}, kernel));
        if (chance()) {
            input((long) group * outputs);
        }
        attributes.add(attribute("group", group));
        attributes.add(longs("strides", shape(rank, 3)));
        if (chance()) {
            attributes.add(longs("dilations", dilations));
        }
        if (chance()) {
            attributes.add(longs("pads", list(2 * rank, 0, 3)));
        } else if (Arrays.stream(dilations).allMatch(d -> d == 1)) {
            attributes.add(attribute("auto_pad", one("SAME_UPPER", "SAME_LOWER", "VALID")));
        }
        return "Conv";
    }

    /// Extents that hold at least one window.
    private long[] window(long[] kernel, long[] dilations, int more) {
        long[] in = new long[kernel.length];
        for (int a = 0; a < in.length; a++) {
            in[a] = (kernel[a] - 1) * dilations[a] + 1 + from(0, more);
        }
        return in;
    }

    private String convTranspose() {
        int rank = from(1, 2);
        int group = one(1, 1, 2);
        int channels = one(1, 3, 8);
        int outputs = one(1, 2, 17);
        long[] kernel = list(rank, 2, 4);
        long[] strides = shape(rank, 3);
        input(join(new long[] {1, (long) group * channels}, list(rank, 2, 12)));
        input(join(new long[] {(long) group * channels, outputs}, kernel));
        if (chance()) {
            input((long) group * outputs);
        }
        attributes.add(attribute("group", group));
        attributes.add(longs("strides", strides));
        if (chance()) {
            attributes.add(longs("dilations", shape(rank, 2)));
        }
        if (chance()) {
            long[] extra = Arrays.stream(strides).map(s -> random.nextLong(s)).toArray();
            attributes.add(longs("output_padding", extra));
        }
        if (chance()) {
            attributes.add(longs("pads", list(2 * rank, 0, 1)));
        } else {
            attributes.add(attribute("auto_pad", one("SAME_UPPER", "SAME_LOWER", "VALID")));
        }
        return "ConvTranspose";
    }

    private String pool() {
        int rank = from(1, 3);
        long[] kernel = shape(rank, 4);
        long[] dilations = shape(rank, 2);
        input(join(new long[] {from(1, 2), from(1, 3)}, window(kernel, dilations, 8)));
        attributes.add(longs("kernel_shape", kernel));
        attributes.add(longs("dilations", dilations));
        attributes.add(longs("strides", shape(rank, 3)));
        attributes.add(attribute("ceil_mode", from(0, 1)));
        if (chance()) {
            long[] pads = Arrays.stream(kernel).map(k -> random.nextLong(k)).toArray();
            attributes.add(longs("pads", join(pads, pads)));
        }
        if (chance()) {
            return "MaxPool";
        }
        attributes.add(attribute("count_include_pad", from(0, 1)));
        return "AveragePool";
    }

    private String gemm() {
        int m = from(1, 9);
        int k = from(1, 40);
        int n = one(1, 3, 16, 33, 140);
        int transA = from(0, 1);
        int transB = from(0, 1);
        input(transA == 1 ? k : m, transA == 1 ? m : k);
        input(transB == 1 ? n : k, transB == 1 ? k : n);
        switch (from(0, 4)) {
            case 0 -> input();
            case 1 -> input(n);
            case 2 -> input(m, n);
            case 3 -> input(m, 1);
            default -> {}
        }
        attributes.add(attribute("transA", transA));
        attributes.add(attribute("transB", transB));
        attributes.add(attribute("alpha", one(1, 2) * 0.5f));
        attributes.add(attribute("beta", one(1, 2) * 0.5f));
        return "Gemm";
    }

    private String matMul() {
        int k = from(1, 30);
        long[] batch = shape(from(0, 2), 3);
        long[] left = Arrays.stream(batch).map(d -> chance() ? d : 1).toArray();
        long[] right = Arrays.stream(batch).map(d -> chance() ? d : 1).toArray();
        if (from(0, 5) == 0) {
            input(k);
        } else {
            input(join(left, from(1, 6), k));
        }
        if (from(0, 5) == 0) {
            input(k);
        } else {
            input(join(right, k, one(1, 4, 17, 130)));
        }
        return "MatMul";
    }

    private String einsum() {
        String equation =
                one(
                        "btgi,gio->btgo",
                        "ab,bc->ac",
                        "abc,cd->abd",
                        "ab,ab->",
                        "a,b->ab",
                        "bij,bkj->bik",
                        "ab,bc,cd->ad",
                        "abc->b",
                        "ij,ik->jk",
                        "aab->ba",
                        "ba,ab");
        Map<Character, Long> sizes = new LinkedHashMap<>();
        for (String term : equation.split("->")[0].split(",")) {
            input(
                    term.chars()
                            .mapToLong(
                                    c -> sizes.computeIfAbsent((char) c, l -> (long) from(1, 18)))
                            .toArray());
        }
        attributes.add(attribute("equation", equation));
        return "Einsum";
    }

    private String reduce() {
        int rank = from(1, 4);
        input(join(shape(rank - 1, 6), one(1, 5, 17, 40)));
        int axis = from(-rank, rank - 1);
        if (from(0, 2) == 0) {
            attributes.add(attribute("axis", axis));
            return one("Softmax", "LogSoftmax");
        }
        attributes.add(attribute("keepdims", from(0, 1)));
        if (chance()) {
            long[] axes = rank > 2 && chance() ? new long[] {-1, 0} : new long[] {axis};
            add(Tensor.ofLongs(Shape.of(axes.length), axes), false);
        }
        return "Reduce"
                + one("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp");
    }

    private String normalise() {
        long[] dims = shape(from(3, 4), 9);
        input(dims);
        attributes.add(attribute("epsilon", 0.01f));
        if (chance()) {
            int axis = from(0, dims.length - 1);
            attributes.add(attribute("axis", axis));
            input(Arrays.copyOfRange(dims, axis, dims.length));
            if (chance()) {
                input(Arrays.copyOfRange(dims, axis, dims.length));
            }
            return "LayerNormalization";
        }
        input(dims[1]);
        input(dims[1]);
        return "InstanceNormalization";
    }

    private String arithmetic() {
        long[] dims = shape(from(0, 4), chance() ? 18 : 4);
        if (chance()) {
            input(dims);
            return one(
                    "Relu",
                    "LeakyRelu",
                    "Elu",
                    "Selu",
                    "Sigmoid",
                    "HardSigmoid",
                    "Tanh",
                    "Softplus",
                    "Softsign",
                    "Gelu",
                    "Erf",
                    "Exp",
                    "Abs",
                    "Floor",
                    "Round");
        }
        input(dims);
        long[] other = Arrays.stream(dims).map(d -> chance() ? d : 1).toArray();
        input(chance() ? other : Arrays.copyOfRange(other, from(0, other.length), other.length));
        return one("Add", "Sub", "Mul", "Min", "Max", "Sum", "Mean", "PRelu");
    }
}
