package dev.runnel.formats.random;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.longs;

import dev.runnel.formats.Onnx;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A model of one operator on quantised numbers, with random shapes, scales and zero points; what
/// comes behind the first input is a constant or fed.
///
/// Integers of weights stay within 7 bits, as ONNX Runtime's quantiser has it: on some processors
/// its sums of 8 bits saturate.
final class RandomQuantized {
    private static final DType[] BYTES = {DType.UINT8, DType.INT8};

    final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private final Dice dice;
    private final List<String> names = new ArrayList<>();
    private final List<AttributeProto.Builder> attributes = new ArrayList<>();
    private final ModelProto.Builder model = Onnx.model(21);
    private final NodeProto.Builder node;

    RandomQuantized(long seed) {
        dice = new Dice(seed);
        model.addOpsetImport(
                OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1));
        model.getGraphBuilder().clearInput().clearOutput();
        String op = draw();
        boolean dynamic = op.equals("DynamicQuantizeLinear");
        node =
                Onnx.node(
                        op,
                        String.join(" ", names),
                        dynamic ? "y s z" : "y",
                        attributes.toArray(AttributeProto.Builder[]::new));
        if (op.equals("MatMulIntegerToFloat")) {
            node.setDomain("com.microsoft");
        }
        model.getGraphBuilder().addNode(node);
    }

    ModelProto model() {
        return model.build();
    }

    @Override
    public String toString() {
        return node.getOpType()
                + names
                + attributes.stream().map(a -> a.getName() + a.getIntsList() + a.getI()).toList()
                + model.getGraph().getInitializerList().stream()
                        .map(i -> i.getName() + i.getDimsList())
                        .toList()
                + inputs;
    }

    private String draw() {
        return switch (dice.in(0, 7)) {
            case 0 -> quantize();
            case 1 -> dequantize();
            case 2 -> {
                add(floats(-3, 2, shape(dice.in(0, 3))), true);
                output("y", DType.UINT8);
                output("s", DType.FLOAT32);
                output("z", DType.UINT8);
                yield "DynamicQuantizeLinear";
            }
            case 3 -> matMulInteger();
            case 4 -> matMulIntegerToFloat();
            case 5 -> qLinearMatMul();
            case 6 -> convInteger();
            default -> qLinearConv();
        };
    }

    // ---- drawing

    private long[] shape(int rank) {
        return dice.longs(rank, 1, 7);
    }

    private static long[] join(long[] a, long... b) {
        long[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    private Tensor floats(double low, double high, long... dims) {
        Shape s = Shape.of(dims);
        return Tensor.ofFloats(s, dice.floats(s.elements(), low, high));
    }

    private Tensor integers(DType dtype, int low, int high, long... dims) {
        Shape s = Shape.of(dims);
        double[] values =
                Arrays.stream(dice.longs(s.elements(), low, high)).asDoubleStream().toArray();
        return Tensors.of(dtype, s, values);
    }

    private Tensor activations(DType dtype, long... dims) {
        return dtype == DType.UINT8
                ? integers(dtype, 0, 255, dims)
                : integers(dtype, -128, 127, dims);
    }

    private Tensor weights(DType dtype, long... dims) {
        return dtype == DType.UINT8
                ? integers(dtype, 64, 191, dims)
                : integers(dtype, -64, 63, dims);
    }

    private void add(Tensor t, boolean fed) {
        String name = "i" + names.size();
        names.add(name);
        if (fed) {
            inputs.put(name, t);
            var info = Onnx.value(name, t.shape().dims());
            var type = info.getTypeBuilder().getTensorTypeBuilder();
            type.setElemType(t.dtype().onnxCode()).getShapeBuilder();
            model.getGraphBuilder().addInput(info);
        } else {
            model.getGraphBuilder().addInitializer(Tensors.proto(name, t, dice.chance(0.5)));
        }
    }

    private void constant(Tensor t) {
        add(t, false);
    }

    private void absent() {
        names.add("-");
    }

    private void output(String name, DType dtype) {
        var info = Onnx.value(name);
        info.getTypeBuilder().getTensorTypeBuilder().setElemType(dtype.onnxCode());
        model.getGraphBuilder().addOutput(info);
    }

    // ---- operators

    /// The shape of scales for a tensor of shape `x`, and the attributes that say so.
    private long[] scales(long[] x) {
        int axis = dice.in(0, x.length - 1);
        switch (dice.in(0, 3)) {
            case 0 -> {
                return dice.chance(0.5) ? new long[0] : new long[] {1};
            }
            case 1 -> {
                attributes.add(attribute("axis", dice.chance(0.5) ? axis : axis - x.length));
                return new long[] {x[axis]};
            }
            default -> {
                int block = dice.in(1, 4);
                attributes.add(attribute("axis", axis));
                attributes.add(attribute("block_size", block));
                long[] s = x.clone();
                s[axis] = Math.ceilDiv(x[axis], block);
                return s;
            }
        }
    }

    private String quantize() {
        DType to = dice.of(DType.UINT8, DType.INT8, DType.INT16);
        long[] x = shape(dice.in(1, 4));
        long[] s = scales(x);
        add(floats(-9, 9, x), true);
        constant(floats(0.01, 0.1, s));
        if (dice.chance(0.7)) {
            constant(integers(to, 0, 127, s));
        } else {
            attributes.add(attribute("output_dtype", to.onnxCode()));
        }
        output("y", to);
        return "QuantizeLinear";
    }

    private String dequantize() {
        DType from = dice.of(DType.UINT8, DType.INT8, DType.INT16, DType.INT32);
        DType to = dice.chance(0.7) ? DType.FLOAT32 : DType.FLOAT16;
        long[] x = shape(dice.in(1, 4));
        long[] s = scales(x);
        add(integers(from, 0, from == DType.INT32 ? 1 << 20 : 127, x), true);
        constant(Tensors.cast(floats(0.001, 0.01, s), to));
        if (from != DType.INT32 && dice.chance(0.7)) {
            constant(integers(from, 0, 127, s));
        }
        output("y", to);
        return "DequantizeLinear";
    }

    private DType left = DType.UINT8;
    private DType right = DType.UINT8;
    private long columns;

    /// Shapes of a and b.
    private List<long[]> product() {
        left = dice.of(BYTES);
        right = left == DType.INT8 ? DType.INT8 : dice.of(BYTES);
        int k = dice.of(1, 3, 16, 40, 300);
        columns = dice.of(1, 4, 17, 130);
        long[] batch = shape(dice.in(0, 2));
        long[] b = dice.chance(0.5) ? new long[0] : batch;
        return List.of(join(batch, dice.in(1, 6), k), join(b, k, columns));
    }

    private Tensor oneZero(DType dtype) {
        return integers(dtype, 0, 127, dice.chance(0.5) ? new long[0] : new long[] {1});
    }

    private long[] perColumn() {
        return dice.chance(0.5) ? new long[0] : new long[] {columns};
    }

    private String matMulInteger() {
        List<long[]> shapes = product();
        add(activations(left, shapes.get(0)), true);
        add(weights(right, shapes.get(1)), dice.chance(0.3));
        if (dice.chance(0.8)) {
            constant(oneZero(left));
            if (dice.chance(0.8)) {
                constant(weights(right, shapes.get(1).length == 2 ? perColumn() : new long[0]));
            }
        }
        output("y", DType.INT32);
        return "MatMulInteger";
    }

    private String matMulIntegerToFloat() {
        List<long[]> shapes = product();
        add(activations(left, shapes.get(0)), true);
        add(weights(right, shapes.get(1)), dice.chance(0.3));
        long[] each = shapes.get(1).length == 2 ? perColumn() : new long[0];
        constant(floats(0.001, 0.01));
        constant(floats(0.001, 0.01, each));
        if (dice.chance(0.5)) {
            constant(oneZero(left));
            constant(weights(right, each));
        } else {
            absent();
            absent();
        }
        if (dice.chance(0.5)) {
            constant(floats(-1, 1, columns));
        }
        output("y", DType.FLOAT32);
        return "MatMulIntegerToFloat";
    }

    private String qLinearMatMul() {
        List<long[]> shapes = product();
        long[] each = shapes.get(1).length == 2 ? perColumn() : new long[0];
        add(activations(left, shapes.get(0)), true);
        constant(floats(0.001, 0.01));
        constant(oneZero(left));
        add(weights(right, shapes.get(1)), dice.chance(0.3));
        constant(floats(0.001, 0.01, each));
        constant(weights(right, each));
        constant(floats(0.01, 0.05));
        constant(oneZero(left));
        output("y", left);
        return "QLinearMatMul";
    }

    /// Shapes of x and w.
    private List<long[]> convolution(DType x, DType w) {
        left = x;
        right = w;
        int rank = dice.in(1, 2);
        int group = dice.of(1, 1, 2, 3);
        int channels = dice.of(1, 2, 5);
        columns = (long) group * dice.of(1, 2, 8);
        long[] kernel = dice.longs(rank, 1, 3);
        attributes.add(attribute("group", group));
        attributes.add(longs("strides", dice.longs(rank, 1, 2)));
        attributes.add(longs("dilations", dice.longs(rank, 1, 2)));
        attributes.add(longs("pads", dice.longs(2L * rank, 0, 2)));
        long[] in = dice.longs(rank, 5, rank == 1 && dice.chance(0.2) ? 600 : 12);
        return List.of(
                join(new long[] {dice.in(1, 2), (long) group * channels}, in),
                join(new long[] {columns, channels}, kernel));
    }

    private String convInteger() {
        List<long[]> shapes = convolution(DType.UINT8, dice.of(BYTES));
        add(activations(left, shapes.get(0)), true);
        add(weights(right, shapes.get(1)), dice.chance(0.3));
        if (dice.chance(0.8)) {
            constant(integers(left, 0, 127));
            if (dice.chance(0.5)) {
                constant(weights(right));
            }
        }
        output("y", DType.INT32);
        return "ConvInteger";
    }

    private String qLinearConv() {
        List<long[]> shapes = convolution(DType.UINT8, dice.of(BYTES));
        add(activations(left, shapes.get(0)), true);
        constant(floats(0.001, 0.01));
        constant(integers(left, 0, 127));
        add(weights(right, shapes.get(1)), dice.chance(0.3));
        constant(floats(0.001, 0.01, perColumn()));
        constant(weights(right));
        constant(floats(0.01, 0.05));
        constant(integers(left, 0, 127));
        if (dice.chance(0.5)) {
            constant(integers(DType.INT32, -5000, 5000, columns));
        }
        output("y", left);
        return "QLinearConv";
    }
}
