package dev.runnel.formats.random;

import static dev.runnel.formats.random.Sketch.attr;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.List;

/// The layers that stand before, between and after recurrent nodes.
final class Layers {
    private final Sketch s;
    private final Dice dice;
    private final Flow flow;

    Layers(Sketch s, Flow flow) {
        this.s = s;
        this.dice = s.dice;
        this.flow = flow;
    }

    /// Numbers around 0, `range` at most.
    Tensor random(double range, long... dims) {
        Shape shape = Shape.of(dims);
        return Tensor.ofFloats(shape, dice.floats(shape.elements(), -range, range));
    }

    Value layer(Value x, boolean mayShorten) {
        return switch (dice.in(0, 4)) {
            case 0 -> linear(x, dice.size());
            case 1 -> convolution(x, mayShorten);
            case 2 -> s.opset >= 17 && dice.chance(0.5) ? layerNormalization(x) : normalized(x);
            case 3 ->
                    s.like(
                            dice.of("Tanh", "Relu", "Sigmoid", "LeakyRelu", "Elu", "Softplus"),
                            List.of(x));
            default -> residual(x);
        };
    }

    Value linear(Value x, long size) {
        s.tell("Linear(" + x.dim(2) + ", " + size + ")");
        Value w = s.weight(random(1 / Math.sqrt(x.dim(2)), x.dim(2), size));
        Value b = s.weight(random(0.5, size));
        if (flow.openTime || flow.openBatch || dice.chance(0.6)) {
            Value product = s.node("MatMul", DType.FLOAT32, flow.shaped(size), List.of(x, w));
            return s.like("Add", dice.chance(0.5) ? List.of(product, b) : swapped(product, b));
        }
        Value flat = s.reshape(x, Shape.of(flow.steps * flow.batch, x.dim(2)));
        Value y =
                s.node(
                        "Gemm",
                        DType.FLOAT32,
                        Shape.of(flow.steps * flow.batch, size),
                        List.of(flat, w, b));
        return s.reshape(y, flow.shaped(size));
    }

    private List<Value> swapped(Value product, Value bias) {
        // The type of the result is that of the first input: so let the bias be as large.
        Value zero = s.like("Sub", List.of(product, product));
        return List.of(s.like("Add", List.of(zero, bias)), product);
    }

    private Value residual(Value x) {
        return s.like("Add", List.of(s.like("Tanh", List.of(linear(x, x.dim(2)))), x));
    }

    private Value normalized(Value x) {
        s.tell("norm");
        Value mean = mean(x, 2);
        Value d = s.like("Sub", List.of(x, mean));
        Value square = s.like("Pow", List.of(d, s.scalar(DType.FLOAT32, 2)));
        Value sigma = mean(square, 2);
        Value root =
                s.like(
                        "Sqrt",
                        List.of(s.like("Add", List.of(sigma, s.scalar(DType.FLOAT32, 0.1)))));
        Value y = s.like("Div", List.of(d, root));
        Value scaled = s.like("Mul", List.of(y, s.weight(random(1, x.dim(2)))));
        return s.like("Add", List.of(scaled, s.weight(random(0.5, x.dim(2)))));
    }

    Value mean(Value x, int axis) {
        Shape shape = x.shape().with(axis, 1);
        return s.opset < 18
                ? s.node(
                        "ReduceMean",
                        DType.FLOAT32,
                        shape,
                        List.of(x),
                        attr("axes", new long[] {dice.of(-1L, (long) axis)}))
                : s.node(
                        "ReduceMean",
                        DType.FLOAT32,
                        shape,
                        List.of(x, s.longs(dice.of(-1L, (long) axis))));
    }

    private Value layerNormalization(Value x) {
        s.tell("LayerNormalization");
        return s.like(
                "LayerNormalization",
                List.of(x, s.weight(random(1, x.dim(2))), s.weight(random(0.5, x.dim(2)))),
                attr("axis", -1L),
                attr("epsilon", 0.1f));
    }

    private Value convolution(Value x, boolean mayShorten) {
        Value in = s.transpose(x, flow.batchFirst ? new int[] {0, 2, 1} : new int[] {1, 2, 0});
        long channels = in.dim(1);
        int groups = channels % 3 == 0 && dice.chance(0.4) ? 3 : 1;
        int size = groups * (groups > 1 ? dice.in(1, 5) : dice.size());
        int kernel = flow.streams ? 1 : dice.of(1, 2, 3, 5);
        int dilation = kernel > 1 && dice.chance(0.3) ? 2 : 1;
        int reach = dilation * (kernel - 1);
        int left = mayShorten && flow.steps > reach ? dice.in(0, reach) : reach;
        int right = mayShorten && flow.steps > reach ? dice.in(0, reach) : 0;
        int stride = mayShorten && !flow.streams && dice.chance(0.2) ? 2 : 1;
        long out = (flow.steps + left + right - reach - 1) / stride + 1;
        List<AttributeProto> a =
                new ArrayList<>(
                        List.of(
                                attr("kernel_shape", new long[] {kernel}),
                                attr("pads", new long[] {left, right}),
                                attr("strides", new long[] {stride}),
                                attr("dilations", new long[] {dilation})));
        if (groups > 1) {
            a.add(attr("group", (long) groups));
        }
        s.tell(
                "Conv(" + channels + ", " + size + ", k=" + kernel + " d=" + dilation + " s="
                        + stride + " g=" + groups + " pads=" + left + "," + right + ")");
        List<Value> inputs =
                new ArrayList<>(
                        List.of(
                                in,
                                s.weight(
                                        random(
                                                1 / Math.sqrt(channels * kernel / (double) groups),
                                                size,
                                                channels / groups,
                                                kernel))));
        if (dice.chance(0.7)) {
            inputs.add(s.weight(random(0.5, size)));
        }
        Value y =
                s.node(
                        "Conv",
                        DType.FLOAT32,
                        Shape.of(flow.batch, size, out),
                        inputs,
                        a.toArray(AttributeProto[]::new));
        flow.looksAround |= kernel > 1 || stride > 1;
        flow.steps = out;
        return s.transpose(y, flow.batchFirst ? new int[] {0, 2, 1} : new int[] {2, 0, 1});
    }

    Value gemm(Value x) {
        long size = dice.size();
        boolean turned = dice.chance(0.5);
        double range = 1 / Math.sqrt(x.dim(1));
        Value w = s.weight(turned ? random(range, size, x.dim(1)) : random(range, x.dim(1), size));
        List<AttributeProto> a = new ArrayList<>();
        if (turned) {
            a.add(attr("transB", 1L));
        }
        if (dice.chance(0.3)) {
            a.add(attr("alpha", 0.7f));
            a.add(attr("beta", 1.3f));
        }
        s.tell("Gemm(" + x.dim(1) + ", " + size + ")");
        Value bias = s.weight(dice.chance(0.8) ? random(0.5, size) : random(0.5, 1, 1));
        return s.node(
                "Gemm",
                DType.FLOAT32,
                Shape.of(flow.batch, size),
                List.of(x, w, bias),
                a.toArray(AttributeProto[]::new));
    }
}
