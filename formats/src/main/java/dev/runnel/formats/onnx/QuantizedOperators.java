package dev.runnel.formats.onnx;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/// Says quantised operators in simpler ones, with the weights as they are, integers and scales:
///
/// - those with float inputs and outputs (`com.microsoft`: DynamicQuantizeLSTM,
///   DynamicQuantizeMatMul, MatMulIntegerToFloat) are the float operator of dequantised weights.
///   ONNX Runtime quantises their activations, too, with scales made of each call's values; here
///   they stay float32, which is nearer to the model that was quantised;
/// - those with quantised inputs and outputs (QLinearMatMul, QLinearConv) are the integer operator,
///   whose sums are scaled and quantised.
///
/// Source: ONNX 1.22; ONNX Runtime's contributed operators.
final class QuantizedOperators {
    static final String DOMAIN = "com.microsoft";

    private QuantizedOperators() {}

    /// Rewrites `d`, a node of domain [#DOMAIN], if it is one of those above.
    static void apply(Draft d) {
        if (d.outputs.isEmpty()) {
            throw d.malformed("has no output");
        }
        switch (d.op) {
            case "QuantizeLinear", "DequantizeLinear" -> d.becomeOther(d.op);
            case "DynamicQuantizeLSTM" -> lstm(d);
            case "DynamicQuantizeMatMul" -> {
                d.setInput(1, dequantize(d, 1, 2, 3));
                matMul(d, 4);
            }
            case "MatMulIntegerToFloat" -> {
                d.setInput(0, dequantize(d, 0, 2, 4));
                d.setInput(1, dequantize(d, 1, 3, 5));
                matMul(d, 6);
            }
            default -> {}
        }
    }

    /// Inputs as LSTM's, but W\[D, I, 4·H\] and R\[D, H, 4·H\] of 8 bits; then W's scale and zero
    /// point, and R's: \[D\], or \[D, 4·H\] for each column.
    private static void lstm(Draft d) {
        d.setInput(1, gates(d, 1, 8));
        d.setInput(2, gates(d, 2, 10));
        d.inputs.subList(8, d.inputs.size()).clear();
        while (d.inputs.getLast().isEmpty()) {
            d.inputs.removeLast();
        }
        d.becomeOther("LSTM");
    }

    /// The name of W or R as LSTM has it, `[D, 4·H, …]`.
    private static String gates(Draft d, int input, int scale) {
        String scales = d.input(scale);
        String zeros = d.input(scale + 1);
        Map<String, Attribute> attributes = Map.of("axis", new Attribute.OfLong(0));
        Tensor w = d.constant(d.input(input));
        int rank = d.rank(scales);
        if (rank == 2) {
            if (w == null || w.shape().rank() != 3 || w.shape().dim(1) == 0) {
                throw d.unsupported(
                        "input " + input + " is no constant of three axes, as its scales need");
            }
            // A column is a block.
            scales = d.emit("Unsqueeze", scales, d.longs("columns", 1));
            zeros = zeros.isEmpty() ? "" : d.emit("Unsqueeze", zeros, d.longs("columns", 1));
            attributes =
                    Map.of(
                            "axis",
                            new Attribute.OfLong(1),
                            "block_size",
                            new Attribute.OfLong(w.shape().dim(1)));
        } else if (rank != 1) {
            throw d.malformed(
                    "input "
                            + scale
                            + (rank < 0 ? " has no known rank" : " has rank " + rank)
                            + ", expected shape [D] or [D, 4·H]");
        }
        String floats = dequantize(d, d.input(input), scales, zeros, attributes);
        return d.emit(
                "Transpose", Map.of("perm", new Attribute.OfLongs(List.of(0L, 2L, 1L))), floats);
    }

    private static String dequantize(Draft d, int input, int scale, int zero) {
        Map<String, Attribute> columns = Map.of("axis", new Attribute.OfLong(-1));
        return dequantize(d, d.input(input), d.input(scale), d.input(zero), columns);
    }

    private static String dequantize(
            Draft d, String x, String scale, String zero, Map<String, Attribute> attributes) {
        return zero.isEmpty()
                ? d.emit("DequantizeLinear", attributes, x, scale)
                : d.emit("DequantizeLinear", attributes, x, scale, zero);
    }

    private static void matMul(Draft d, int bias) {
        String b = d.input(bias);
        d.inputs.subList(2, d.inputs.size()).clear();
        if (!b.isEmpty()) {
            String y = d.outputs.getFirst();
            d.emitAfter("Add", List.of(d.renameOutput(0), b), y, Map.of());
        }
        d.becomeOther("MatMul");
    }

    // ---- QLinearMatMul, QLinearConv: x, its scale and zero point, w, …, y's scale and zero point

    /// Rows of a have scales, or columns of b.
    static void qLinearMatMul(Draft d) {
        requireInputs(d, 8);
        String sums = d.emit("MatMulInteger", d.input(0), d.input(3), d.input(2), d.input(5));
        quantize(d, sums, spread(d, d.input(1), 1), d.input(4));
    }

    static void qLinearConv(Draft d) {
        requireInputs(d, 8);
        int rank = Math.max(d.rank(d.input(3)), d.rank(d.input(0)));
        if (rank < 3) {
            throw d.unsupported("the file does not say how many axes its input has");
        }
        String sums =
                d.emit(
                        "ConvInteger",
                        Map.copyOf(d.attributes),
                        d.input(0),
                        d.input(3),
                        d.input(2),
                        d.input(5));
        d.attributes.clear();
        if (!d.input(8).isEmpty()) {
            sums = d.emit("Add", sums, spread(d, d.input(8), rank - 2));
        }
        quantize(d, sums, d.input(1), spread(d, d.input(4), rank - 2));
    }

    private static void requireInputs(Draft d, int count) {
        if (d.inputs.size() < count) {
            throw d.malformed("has " + d.inputs.size() + " inputs, expected " + count);
        }
    }

    /// A vector with `axes` axes of extent 1 behind it; a scalar as it is.
    private static String spread(Draft d, String vector, int axes) {
        Tensor known = d.constant(vector);
        return d.rank(vector) == 0 || (known != null && known.elements() == 1)
                ? vector
                : d.emit(
                        "Unsqueeze", vector, d.longs("axes", LongStream.range(-axes, 0).toArray()));
    }

    /// The node's output is `sums`, scaled to y and quantised.
    private static void quantize(Draft d, String sums, String xScale, String wScale) {
        String scale = d.emit("Div", d.emit("Mul", xScale, wScale), d.input(6));
        long float32 = DType.FLOAT32.onnxCode();
        String floats = d.emit("Cast", Map.of("to", new Attribute.OfLong(float32)), sums);
        String scaled = d.emit("Mul", floats, scale);
        String one = d.constant("one", Tensor.ofFloats(Shape.SCALAR, 1));
        String zero = d.input(7);
        d.inputs.clear();
        d.inputs.addAll(List.of(scaled, one, zero));
        d.becomeOther("QuantizeLinear");
    }
}
