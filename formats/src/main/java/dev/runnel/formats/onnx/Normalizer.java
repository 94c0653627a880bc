package dev.runnel.formats.onnx;

import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// Gives nodes of other operator sets the meaning they would have in [Graph#OPSET].
///
/// [#rules] is all there is to it: for each operator the rewritings that it needs, each with the
/// operator set from which on it is no longer needed. What a rule does not touch has not changed
/// between operator sets 1 and 27, or only in the element types allowed. Source: the operators'
/// change log of the ONNX standard.
final class Normalizer {
    private static final long ALWAYS = Long.MAX_VALUE;

    /// No tensor has this many axes; a larger axis is a corrupt file's.
    private static final int MAX_RANK = 64;

    private final Draft draft;
    private final long version;

    private Normalizer(Draft draft, long version) {
        this.draft = draft;
        this.version = version;
    }

    /// Rewrites `d`, a node of the standard domain in operator set `version`.
    ///
    /// @throws dev.runnel.MalformedModelException if an attribute is of the wrong type
    /// @throws dev.runnel.UnsupportedModelException if the old meaning cannot be said in the new
    ///   set
    static void apply(Draft d, long version) {
        if (version < 6) {
            d.attributes.remove("consumed_inputs"); // a hint to an executor of 2017
        }
        new Normalizer(d, version).rules();
    }

    /// A rule is made when its operator is met: a process that starts waits for no others.
    private void rules() {
        switch (draft.op) {
            // What was an attribute is an input now.
            case "Squeeze", "Unsqueeze", "ReduceSum" -> before(13, Normalizer::axesToInput);
            case "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax" ->
                    before(18, Normalizer::axesToInput);
            case "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare" ->
                    before(18, Normalizer::axesToInput);
            case "Reshape" -> before(5, d -> attributeToInput(d, "shape", 1));
            case "Slice" -> before(10, Normalizer::sliceToInputs);
            case "Clip" -> before(11, Normalizer::clipToInputs);
            case "Pad" -> before(11, Normalizer::padToInputs);
            case "TopK" -> before(10, d -> d.setInput(1, d.longs("k", d.takeLong("k", 0))));
            case "Split" -> {
                before(13, d -> attributeToInput(d, "split", 1));
                before(18, Normalizer::splitEqually);
            }
            // What was implied is said now.
            case "Concat" ->
                    before(4, d -> d.attributes.putIfAbsent("axis", new Attribute.OfLong(1)));
            case "Selu" -> before(6, Normalizer::seluOfFewerDigits);
            case "Softmax", "LogSoftmax", "Hardmax" -> before(13, Normalizer::coerceToMatrix);
            case "Add", "Sub", "Mul", "Div", "Pow" -> before(7, Normalizer::broadcastAtAxis);
            case "And", "Or", "Xor", "Equal", "Greater", "Less" ->
                    before(7, Normalizer::broadcastAtAxis);
            case "PRelu" -> before(7, Normalizer::slopeAtChannels);
            case "GroupNormalization" -> before(21, Normalizer::groupNormalizationByChannel);
            case "Scatter" -> before(11, d -> d.becomeOther("ScatterElements"));
            case "Scan" -> before(9, BatchedScan::rewrite);
            // What has gone.
            case "Cast" -> {
                before(6, Normalizer::castByName);
                before(ALWAYS, Normalizer::castWithoutFloat8);
            }
            case "CastLike" -> before(ALWAYS, Normalizer::castWithoutFloat8);
            // Broadcasting is always allowed now.
            case "Gemm" -> before(7, d -> d.takeLong("broadcast", 0));
            // An output's name says it.
            case "RNN", "GRU", "LSTM" -> {
                if (version < 7) {
                    draft.takeLong("output_sequence", 0);
                }
            }
            case "Tile" -> before(6, Normalizer::refuseTile);
            case "BatchNormalization" -> before(14, Normalizer::batchNormalizationForInference);
            // What is nothing at run time.
            case "Dropout" -> {
                before(7, Normalizer::refuseTraining);
                before(ALWAYS, Normalizer::dropoutForInference);
            }
            // What is said in parts.
            case "QLinearMatMul" -> before(ALWAYS, QuantizedOperators::qLinearMatMul);
            case "QLinearConv" -> before(ALWAYS, QuantizedOperators::qLinearConv);
            case "Constant" -> before(ALWAYS, Normalizer::constantToInitializer);
            default -> {}
        }
    }

    /// Does what operator sets before `set` need.
    private void before(long set, Consumer<Draft> rewriting) {
        if (version >= set) {
            return;
        }
        if (draft.outputs.isEmpty() || draft.outputs.getFirst().isEmpty()) {
            throw draft.malformed("has no output");
        }
        rewriting.accept(draft);
    }

    private static void attributeToInput(Draft d, String name, int input) {
        long[] values = d.takeLongs(name);
        if (values != null) {
            d.setInput(input, d.longs(name, values));
        }
    }

    /// An empty list of axes meant the same as none: all of them.
    private static void axesToInput(Draft d) {
        long[] axes = d.takeLongs("axes");
        if (axes != null && axes.length > 0) {
            d.setInput(1, d.longs("axes", axes));
        }
    }

    private static void sliceToInputs(Draft d) {
        attributeToInput(d, "starts", 1);
        attributeToInput(d, "ends", 2);
        attributeToInput(d, "axes", 3);
    }

    private static void clipToInputs(Draft d) {
        floatToInput(d, "min", 1);
        floatToInput(d, "max", 2);
    }

    /// Operator set 1 called them `paddings`.
    private static void padToInputs(Draft d) {
        attributeToInput(d, "paddings", 1);
        attributeToInput(d, "pads", 1);
        floatToInput(d, "value", 2);
    }

    private static void floatToInput(Draft d, String name, int input) {
        Float value = d.takeFloat(name);
        if (value != null) {
            d.setInput(input, d.constant(name, Tensor.ofFloats(Shape.SCALAR, value)));
        }
    }

    private static void seluOfFewerDigits(Draft d) {
        d.attributes.putIfAbsent("alpha", new Attribute.OfFloat(1.6732f));
        d.attributes.putIfAbsent("gamma", new Attribute.OfFloat(1.0507f));
    }

    private static void splitEqually(Draft d) {
        if (d.input(1).isEmpty()) {
            d.attributes.put("num_outputs", new Attribute.OfLong(d.outputs.size()));
        }
    }

    /// Softmax of old regarded x as a matrix: the axes from `axis` on were one. So they are made
    /// one for its sake, unless there is only one.
    private static void coerceToMatrix(Draft d) {
        String x = d.input(0);
        int rank = Math.max(d.rank(x), d.rank(d.outputs.getFirst()));
        long axis = axis(d, 1);
        if (axis < -1 && rank >= 0) {
            axis += rank;
        }
        d.attributes.put("axis", new Attribute.OfLong(-1));
        if (axis == -1 || (rank >= 0 && axis == rank - 1)) {
            return;
        }
        String shape = d.emit("Shape", x);
        if (axis < 0) {
            d.setInput(0, d.emit("Flatten", Map.of("axis", new Attribute.OfLong(axis)), x));
        } else {
            long[] joined = new long[(int) axis + 1]; // 0: as it is
            joined[(int) axis] = -1;
            d.setInput(0, d.emit("Reshape", x, d.longs("joined", joined)));
        }
        String y = d.outputs.getFirst();
        d.emitAfter("Reshape", List.of(d.renameOutput(0), shape), y, Map.of());
    }

    private static long axis(Draft d, long otherwise) {
        long axis = d.takeLong("axis", otherwise);
        if (axis < -MAX_RANK || axis > MAX_RANK) {
            throw d.malformed("attribute 'axis' is " + axis + ", expected at most " + MAX_RANK);
        }
        return axis;
    }

    /// Broadcasting of old was asked for, and of the second operand only, whose axes were those of
    /// the first from `axis` on.
    private static void broadcastAtAxis(Draft d) {
        boolean broadcast = d.takeLong("broadcast", 0) != 0;
        boolean hasAxis = d.attributes.containsKey("axis");
        long axis = axis(d, 0);
        if (broadcast && hasAxis) {
            align(d, axis);
        }
    }

    /// PRelu of old took a vector of slopes for the channels, which are axis 1.
    private static void slopeAtChannels(Draft d) {
        Tensor slope = d.constant(d.input(1));
        if (d.rank(d.input(1)) == 1 && (slope == null || slope.elements() != 1)) {
            align(d, 1);
        }
    }

    /// Appends axes of extent 1 to input 1, so that its first axis meets `axis` of input 0: as many
    /// as the ranks say, or as they will say once they are known.
    private static void align(Draft d, long axis) {
        String a = d.input(0);
        String b = d.input(1);
        int rankA = d.rank(a);
        int rankB = d.rank(b);
        if (rankA >= 0 && rankB >= 0) {
            long missing = rankA - (axis < 0 ? axis + rankA : axis) - rankB;
            if (missing < 0) {
                throw d.malformed(
                        "broadcasts " + rankB + " axes from axis " + axis + " of " + rankA);
            }
            if (missing > 0) {
                d.setInput(
                        1,
                        d.emit(
                                "Unsqueeze",
                                b,
                                d.longs("axes", LongStream.range(-missing, 0).toArray())));
            }
            return;
        }
        if (axis < 0) {
            throw d.unsupported(
                    "broadcasts from axis "
                            + axis
                            + " of a tensor whose rank the file does not say");
        }
        String shapeB = d.emit("Shape", b);
        String difference =
                d.emit("Sub", d.emit("Shape", d.emit("Shape", a)), d.emit("Shape", shapeB));
        String missing = d.emit("Sub", difference, d.longs("axis", axis));
        Tensor one = Tensor.ofLongs(Shape.of(1), 1);
        String ones =
                d.emit("ConstantOfShape", Map.of("value", new Attribute.OfTensor(one)), missing);
        String shape = d.emit("Concat", Map.of("axis", new Attribute.OfLong(0)), shapeB, ones);
        d.setInput(1, d.emit("Reshape", b, shape));
    }

    /// The scales and biases were those of the groups: each is repeated for the group's channels.
    private static void groupNormalizationByChannel(Draft d) {
        if (!(d.attributes.get("num_groups") instanceof Attribute.OfLong(long groups))
                || groups < 1) {
            return; // refused by the operator
        }
        String channels =
                d.emit("Slice", d.emit("Shape", d.input(0)), d.longs("from", 1), d.longs("to", 2));
        String each = d.emit("Div", channels, d.longs("groups", groups));
        String repeated =
                d.emit(
                        "Concat",
                        Map.of("axis", new Attribute.OfLong(0)),
                        d.longs("rows", groups),
                        each);
        for (int i = 1; i <= 2; i++) {
            String column = d.emit("Unsqueeze", d.input(i), d.longs("column", -1));
            d.setInput(
                    i, d.emit("Reshape", d.emit("Expand", column, repeated), d.longs("flat", -1)));
        }
    }

    private static void castByName(Draft d) {
        if (d.attributes.get("to") instanceof Attribute.OfString(String name)) {
            TensorProto.DataType type =
                    Stream.of(TensorProto.DataType.values())
                            .filter(t -> t.name().equals(name))
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            d.malformed(
                                                    "attribute 'to' is '"
                                                            + name
                                                            + "', expected the name of a type"));
            d.attributes.put("to", new Attribute.OfLong(type.getNumber()));
        }
    }

    /// These say how values are brought to 8 bits, which Runnel's Cast refuses anyway.
    private static void castWithoutFloat8(Draft d) {
        d.attributes.remove("saturate");
        d.attributes.remove("round_mode");
    }

    private static void refuseTile(Draft d) {
        throw d.unsupported(
                "Tile of operator sets below 6 is not supported; convert the model to 6 or later");
    }

    private static void refuseTraining(Draft d) {
        if (d.takeLong("is_test", 0) == 0) {
            throw d.unsupported("is_test is 0, the training mode");
        }
    }

    /// More outputs than one meant training, except before operator set 7, where `is_test` said it.
    private static void batchNormalizationForInference(Draft d) {
        boolean says = d.attributes.containsKey("is_test");
        if (says) {
            refuseTraining(d);
        }
        if (d.takeLong("spatial", 1) != 1) {
            throw d.unsupported("spatial is 0: statistics per element are not supported");
        }
        for (int i = 1; i < d.outputs.size(); i++) {
            if (says ? d.isRead(i) : !d.outputs.get(i).isEmpty()) {
                throw d.unsupported("output '" + d.outputs.get(i) + "' is of the training mode");
            }
        }
        d.outputs.subList(1, d.outputs.size()).clear();
    }

    private static void dropoutForInference(Draft d) {
        if (d.inputs.isEmpty()) {
            throw d.malformed("has no input");
        }
        Tensor training = d.constant(d.input(2));
        if (!d.input(2).isEmpty()
                && (training == null || training.elements() != 1 || training.getDouble(0) != 0)) {
            throw d.unsupported("training_mode is not known to be false");
        }
        if (d.isRead(1)) {
            throw d.unsupported(
                    "output '" + d.outputs.get(1) + "' (mask) is read; it is of the training mode");
        }
        d.inputs.subList(1, d.inputs.size()).clear();
        d.outputs.subList(1, d.outputs.size()).clear();
        d.attributes.clear();
        d.becomeOther("Identity");
    }

    private static void constantToInitializer(Draft d) {
        if (d.attributes.size() != 1) {
            throw d.malformed(
                    "has " + d.attributes.size() + " attributes, expected one: the value");
        }
        Map.Entry<String, Attribute> only = d.attributes.entrySet().iterator().next();
        String name = only.getKey();
        d.becomeConstant(
                switch (only.getValue()) {
                    case Attribute.OfTensor(Tensor t) when name.equals("value") -> t;
                    case Attribute.OfFloat(float f) when name.equals("value_float") ->
                            Tensor.ofFloats(Shape.SCALAR, f);
                    case Attribute.OfLong(long i) when name.equals("value_int") ->
                            Tensor.ofLongs(Shape.SCALAR, i);
                    case Attribute.OfFloats(List<Float> f) when name.equals("value_floats") ->
                            floats(f);
                    case Attribute.OfLongs(List<Long> i) when name.equals("value_ints") ->
                            Tensor.ofLongs(
                                    Shape.of(i.size()),
                                    i.stream().mapToLong(Long::longValue).toArray());
                    case Attribute.OfString _, Attribute.OfStrings _ ->
                            throw d.unsupported(
                                    "attribute '" + name + "': strings are not supported");
                    default ->
                            throw d.malformed(
                                    "attribute '"
                                            + name
                                            + "' is none of Constant's, or of the wrong type");
                });
    }

    private static Tensor floats(List<Float> values) {
        float[] f = new float[values.size()];
        for (int i = 0; i < f.length; i++) {
            f[i] = values.get(i);
        }
        return Tensor.ofFloats(Shape.of(f.length), f);
    }
}
