package dev.runnel.formats.random;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.AttributeProto.AttributeType;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// An ONNX model in the making, twice: once for Runnel and once for ONNX Runtime. The two differ
/// only where ONNX Runtime lacks a part of the standard, which its twin says in other words.
final class Sketch {
    /// The IR version that came with each operator set.
    private static final TreeMap<Integer, Integer> IR =
            new TreeMap<>(Map.of(7, 3, 9, 4, 10, 5, 11, 6, 13, 7, 15, 8, 19, 9, 21, 10));

    /// What is fed to an input: its value, and which of its axes are time and batch, or −1.
    record Feed(Tensor value, int timeAxis, int batchAxis) {}

    final Dice dice;
    final int opset;
    final Map<String, Feed> feeds = new LinkedHashMap<>();
    final List<Value> outputs = new ArrayList<>();

    /// Whether the file names the axes of time and batch instead of giving their extents.
    private final boolean openTime;

    private final boolean openBatch;
    private final List<String> story = new ArrayList<>();
    private final GraphProto.Builder ours = GraphProto.newBuilder();
    private final GraphProto.Builder theirs = GraphProto.newBuilder();
    private final Set<String> produced = new LinkedHashSet<>();
    private int names;

    Sketch(Dice dice, int opset, boolean openTime, boolean openBatch) {
        this.dice = dice;
        this.opset = opset;
        this.openTime = openTime;
        this.openBatch = openBatch;
        tell("opset " + opset);
    }

    /// Adds to the line that a failure is reported with.
    void tell(String what) {
        story.add(what);
    }

    String story() {
        return String.join(" | ", story);
    }

    String fresh(String stem) {
        return stem + "_" + names++;
    }

    // ---- inputs and outputs

    Value input(String name, Tensor value, int timeAxis, int batchAxis) {
        feeds.put(name, new Feed(value, timeAxis, batchAxis));
        Value v = new Value(name, value.dtype(), value.shape());
        ValueInfoProto info = info(v, timeAxis, batchAxis);
        ours.addInput(info);
        theirs.addInput(info);
        return v;
    }

    private ValueInfoProto info(Value v, int timeAxis, int batchAxis) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int a = 0; a < v.rank(); a++) {
            TensorShapeProto.Dimension.Builder d = shape.addDimBuilder();
            if (a == timeAxis && openTime) {
                d.setDimParam("T");
            } else if (a == batchAxis && openBatch) {
                d.setDimParam("N");
            } else {
                d.setDimValue(v.dim(a));
            }
        }
        return ValueInfoProto.newBuilder()
                .setName(v.name())
                .setType(type(v.dtype(), shape))
                .build();
    }

    private static TypeProto.Builder type(DType dtype, TensorShapeProto.Builder shape) {
        return TypeProto.newBuilder()
                .setTensorType(
                        TypeProto.Tensor.newBuilder()
                                .setElemType(dtype.onnxCode())
                                .setShape(shape));
    }

    /// Makes `v` an output of the model; once is enough.
    void output(Value v) {
        if (outputs.stream().anyMatch(o -> o.name().equals(v.name()))) {
            return;
        }
        if (!produced.contains(v.name())) {
            output(node("Identity", v.dtype(), v.shape(), List.of(v)));
            return;
        }
        outputs.add(v);
        TypeProto.Builder type;
        if (openTime || openBatch || dice.chance(0.3)) {
            TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
            for (int a = 0; a < v.rank(); a++) {
                shape.addDimBuilder(); // neither a value nor a name: anything
            }
            type = type(v.dtype(), shape);
        } else {
            type = info(v, -1, -1).getType().toBuilder();
        }
        ValueInfoProto info = ValueInfoProto.newBuilder().setName(v.name()).setType(type).build();
        ours.addOutput(info);
        theirs.addOutput(info);
    }

    // ---- nodes

    /// A node of one output.
    Value node(
            String op, DType dtype, Shape shape, List<Value> inputs, AttributeProto... attributes) {
        Value out = new Value(fresh(op.toLowerCase(java.util.Locale.ROOT)), dtype, shape);
        add(op, inputs, List.of(out), attributes);
        return out;
    }

    /// A node whose output has the type of its first input.
    Value like(String op, List<Value> inputs, AttributeProto... attributes) {
        return node(op, inputs.getFirst().dtype(), inputs.getFirst().shape(), inputs, attributes);
    }

    void add(String op, List<Value> inputs, List<Value> outputs, AttributeProto... attributes) {
        addOurs(op, inputs, outputs, attributes);
        addTheirs(op, inputs, outputs, attributes);
    }

    void addOurs(String op, List<Value> inputs, List<Value> outputs, AttributeProto... attributes) {
        ours.addNode(nodeProto(op, inputs, outputs, attributes));
        outputs.forEach(v -> produced.add(v.name()));
    }

    void addTheirs(
            String op, List<Value> inputs, List<Value> outputs, AttributeProto... attributes) {
        theirs.addNode(nodeProto(op, inputs, outputs, attributes));
    }

    private NodeProto nodeProto(
            String op, List<Value> inputs, List<Value> outputs, AttributeProto... attributes) {
        NodeProto.Builder n =
                NodeProto.newBuilder()
                        .setOpType(op)
                        .setName(op + "." + (ours.getNodeCount() + theirs.getNodeCount()));
        int last = inputs.size();
        while (last > 0 && inputs.get(last - 1).isNone()) {
            last--; // trailing absent inputs are left out, as exporters do
        }
        inputs.subList(0, last).forEach(v -> n.addInput(v.name()));
        outputs.forEach(v -> n.addOutput(v.name()));
        return n.addAllAttribute(Arrays.asList(attributes)).build();
    }

    // ---- attributes

    private static AttributeProto.Builder attribute(String name, AttributeType type) {
        return AttributeProto.newBuilder().setName(name).setType(type);
    }

    static AttributeProto attr(String name, long value) {
        return attribute(name, AttributeType.INT).setI(value).build();
    }

    static AttributeProto attr(String name, float value) {
        return attribute(name, AttributeType.FLOAT).setF(value).build();
    }

    static AttributeProto attr(String name, String value) {
        return attribute(name, AttributeType.STRING).setS(ByteString.copyFromUtf8(value)).build();
    }

    static AttributeProto attr(String name, long... values) {
        AttributeProto.Builder a = attribute(name, AttributeType.INTS);
        Arrays.stream(values).forEach(a::addInts);
        return a.build();
    }

    static AttributeProto attr(String name, int... values) {
        return attr(name, Arrays.stream(values).mapToLong(i -> i).toArray());
    }

    static AttributeProto floats(String name, List<Float> values) {
        return attribute(name, AttributeType.FLOATS).addAllFloats(values).build();
    }

    static AttributeProto strings(String name, List<String> values) {
        AttributeProto.Builder a = attribute(name, AttributeType.STRINGS);
        values.forEach(s -> a.addStrings(ByteString.copyFromUtf8(s)));
        return a.build();
    }

    static AttributeProto attr(String name, Tensor value) {
        return attribute(name, AttributeType.TENSOR).setT(Tensors.proto("", value, true)).build();
    }

    // ---- constants

    /// A constant as files hold it: an initializer or a `Constant` node, raw or typed.
    Value constant(Tensor t) {
        Value v = new Value(fresh("c"), t.dtype(), t.shape());
        TensorProto p = Tensors.proto(v.name(), t, dice.chance(0.7));
        if (dice.chance(0.25)) {
            AttributeProto value = attribute("value", AttributeType.TENSOR).setT(p).build();
            add("Constant", List.of(), List.of(v), value);
        } else {
            ours.addInitializer(p);
            theirs.addInitializer(p);
            if (IR.floorEntry(opset).getValue() < 4) { // each initializer was an input too
                ours.addInput(info(v, -1, -1));
                theirs.addInput(info(v, -1, -1));
            }
        }
        return v;
    }

    Value longs(long... values) {
        return constant(Tensor.ofLongs(Shape.of(values.length), values));
    }

    Value scalar(DType dtype, double value) {
        return constant(Tensors.of(dtype, Shape.SCALAR, value));
    }

    /// A constant, sometimes reached by a detour that has to be folded.
    Value weight(Tensor t) {
        if (t.shape().rank() == 0 || t.elements() == 0 || dice.chance(0.6)) {
            return constant(t);
        }
        int axis = dice.in(0, t.shape().rank() - 1);
        return switch (dice.in(0, 6)) {
            case 0 -> sliced(t, axis);
            case 1 -> concatenated(t, axis);
            case 2 -> transposed(t);
            case 3 -> like("Identity", List.of(constant(t)));
            case 4 -> t.dtype() == DType.FLOAT64 ? constant(t) : widened(t);
            case 5 -> reshape(constant(Tensors.reshape(t, Shape.of(t.elements()))), t.shape());
            default ->
                    t.shape().dim(0) == 1
                            ? unsqueeze(
                                    constant(
                                            Tensors.reshape(
                                                    t,
                                                    t.shape().rank() == 1
                                                            ? Shape.SCALAR
                                                            : Shape.of(
                                                                    Arrays.copyOfRange(
                                                                            t.shape().dims(),
                                                                            1,
                                                                            t.shape().rank())))),
                                    0)
                            : concatenated(t, 0);
        };
    }

    private Value sliced(Tensor t, int axis) {
        int before = dice.in(0, 3);
        int after = dice.in(0, 3);
        Shape wide = t.shape().with(axis, t.shape().dim(axis) + before + after);
        double[] values = new double[Math.toIntExact(wide.elements())];
        Arrays.fill(values, 7);
        long inner = wide.elements(axis + 1, wide.rank());
        int from = 0;
        for (int i = 0; i < values.length; i++) {
            long at = i / inner % wide.dim(axis);
            if (at >= before && at < wide.dim(axis) - after) {
                values[i] = t.getDouble(from++);
            }
        }
        long end = before + t.shape().dim(axis);
        return slice(constant(Tensors.of(t.dtype(), wide, values)), axis, before, end);
    }

    private Value concatenated(Tensor t, int axis) {
        long length = t.shape().dim(axis);
        if (length < 2) {
            return constant(t);
        }
        int cut = dice.in(1, (int) length - 1);
        Value a = weight(Tensors.slice(t, axis, 0, cut));
        Value b = weight(Tensors.slice(t, axis, cut, length));
        return node("Concat", t.dtype(), t.shape(), List.of(a, b), attr("axis", (long) axis));
    }

    private Value transposed(Tensor t) {
        int[] order = dice.permutation(t.shape().rank());
        int[] back = new int[order.length];
        for (int i = 0; i < order.length; i++) {
            back[order[i]] = i;
        }
        return transpose(constant(Tensors.transpose(t, order)), back);
    }

    private Value widened(Tensor t) {
        return cast(constant(Tensors.cast(t, DType.FLOAT64)), t.dtype());
    }

    // ---- glue, in the words of the operator set

    Value cast(Value x, DType to) {
        return node("Cast", to, x.shape(), List.of(x), attr("to", (long) to.onnxCode()));
    }

    Value transpose(Value x, int... order) {
        return node("Transpose", x.dtype(), x.permuted(order), List.of(x), attr("perm", order));
    }

    Value reshape(Value x, Shape to) {
        return node("Reshape", x.dtype(), to, List.of(x, longs(to.dims())));
    }

    /// A Reshape whose target is said as `target`, and comes to `to`.
    Value reshape(Value x, Shape to, long... target) {
        return node("Reshape", x.dtype(), to, List.of(x, longs(target)));
    }

    Value unsqueeze(Value x, int axis) {
        List<Long> dims = new ArrayList<>(Arrays.stream(x.shape().dims()).boxed().toList());
        dims.add(axis, 1L);
        return axes("Unsqueeze", x, Shape.of(dims.stream().mapToLong(d -> d).toArray()), axis);
    }

    Value squeeze(Value x, int axis) {
        List<Long> dims = new ArrayList<>(Arrays.stream(x.shape().dims()).boxed().toList());
        dims.remove(axis);
        return axes("Squeeze", x, Shape.of(dims.stream().mapToLong(d -> d).toArray()), axis);
    }

    private Value axes(String op, Value x, Shape shape, int axis) {
        return opset < 13
                ? node(op, x.dtype(), shape, List.of(x), attr("axes", new long[] {axis}))
                : node(op, x.dtype(), shape, List.of(x, longs(axis)));
    }

    Value slice(Value x, int axis, long from, long to) {
        Shape shape = x.shape().with(axis, to - from);
        if (opset < 10) {
            return node(
                    "Slice",
                    x.dtype(),
                    shape,
                    List.of(x),
                    attr("starts", new long[] {from}),
                    attr("ends", new long[] {to}),
                    attr("axes", new long[] {axis}));
        }
        return node("Slice", x.dtype(), shape, List.of(x, longs(from), longs(to), longs(axis)));
    }

    // ---- the file

    ModelProto ours() {
        return model(ours);
    }

    ModelProto theirs() {
        return model(theirs);
    }

    private ModelProto model(GraphProto.Builder graph) {
        return ModelProto.newBuilder()
                .setIrVersion(IR.floorEntry(opset).getValue())
                .setProducerName("random")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(graph.setName("random"))
                .build();
    }
}
