package dev.runnel.internal.op;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Weights;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// One node as a plan sees it: its attributes, the types of its inputs and, where they are known
/// while planning, their values.
public final class Call {
    /// Thrown when a node's output shape depends on a value that is not known yet. The planner then
    /// plans for the very value that the caller feeds, or reports that there is none to be had.
    public static final class NeedsValue extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final transient Call call;
        private final int input;

        NeedsValue(Call call, int input) {
            super(null, null, false, false);
            this.call = call;
            this.input = input;
        }

        public Call call() {
            return call;
        }

        public int input() {
            return input;
        }
    }

    /// An input: its type, and its value if that is known while planning.
    public record Argument(TensorType type, @Nullable Tensor value) {}

    private final String model;
    private final Node node;
    private final List<@Nullable Argument> arguments;
    private final Weights weights;
    private final Set<String> read;
    private final Set<Integer> valuesRead;
    private List<TensorType> outputTypes = List.of();

    /// @param model the model's name, which starts every message
    /// @param arguments one for each of the node's inputs; null for an absent one
    /// @param weights where packed weights are kept
    public Call(String model, Node node, List<@Nullable Argument> arguments, Weights weights) {
        this.model = model;
        this.node = node;
        this.arguments = java.util.Collections.unmodifiableList(new ArrayList<>(arguments));
        this.weights = weights;
        read = new HashSet<>();
        valuesRead = new HashSet<>();
    }

    private Call(Call call, Weights weights) {
        this.model = call.model;
        this.node = call.node;
        this.arguments = call.arguments;
        this.weights = weights;
        read = call.read;
        valuesRead = call.valuesRead;
        outputTypes = call.outputTypes;
    }

    public Node node() {
        return node;
    }

    /// Where to keep packed weights.
    public Weights weights() {
        return weights;
    }

    /// The same call with another place for packed weights.
    Call with(Weights others) {
        return new Call(this, others);
    }

    /// As what to pack the constants that input 0 is multiplied with, the widest of them: float32
    /// where input 0 is known too, since such a product is computed once, while compiling.
    ///
    /// @param inputs where they are
    public Precision precision(int... inputs) {
        Precision widest = Precision.INT8;
        for (int i : inputs) {
            Tensor matrix = constant(i);
            Precision p = matrix == null ? Precision.F32 : weights.precision(matrix);
            widest = p.compareTo(widest) < 0 ? p : widest;
        }
        return constant(0) == null ? widest : Precision.F32;
    }

    // ---- inputs and outputs

    public int inputCount() {
        return arguments.size();
    }

    /// Whether input `i` is present.
    public boolean has(int i) {
        return i < arguments.size() && arguments.get(i) != null;
    }

    private Argument argument(int i) {
        Argument a = i < arguments.size() ? arguments.get(i) : null;
        if (a == null) {
            throw malformed("input " + i + " is missing");
        }
        return a;
    }

    /// The type of input `i`.
    ///
    /// @throws MalformedModelException if it is absent
    public TensorType type(int i) {
        return argument(i).type();
    }

    public Shape shape(int i) {
        return type(i).shape();
    }

    public DType dtype(int i) {
        return type(i).dtype();
    }

    /// The value of input `i` if it is present and known while planning, else null.
    public @Nullable Tensor constant(int i) {
        return has(i) ? argument(i).value() : null;
    }

    /// The value of input `i`, on which the node's plan depends.
    ///
    /// @throws NeedsValue if it is not known yet; the planner mends that
    public Tensor value(int i) {
        Tensor v = argument(i).value();
        if (v == null) {
            throw new NeedsValue(this, i);
        }
        valuesRead.add(i);
        return v;
    }

    /// Whether the node's plan depends on the value of input `i`, as a Reshape's does on its shape:
    /// whether [#value] was asked for it.
    public boolean hasReadValue(int i) {
        return valuesRead.contains(i);
    }

    /// Whether somebody reads output `i`.
    public boolean wants(int i) {
        return i < node.outputs().size() && !node.outputs().get(i).isEmpty();
    }

    /// What [Operator#infer] returned.
    public List<TensorType> outputTypes() {
        return outputTypes;
    }

    public void setOutputTypes(List<TensorType> types) {
        outputTypes = List.copyOf(types);
    }

    // ---- attributes

    public boolean hasAttribute(String name) {
        read.add(name);
        return node.attributes().containsKey(name);
    }

    private <A extends Attribute> @Nullable A attribute(String name, Class<A> kind) {
        read.add(name);
        Attribute a = node.attributes().get(name);
        if (a == null) {
            return null;
        }
        if (!kind.isInstance(a)) {
            throw malformed(
                    "attribute '"
                            + name
                            + "' has kind "
                            + a.getClass().getSimpleName().substring(2)
                            + ", expected "
                            + kind.getSimpleName().substring(2));
        }
        return kind.cast(a);
    }

    public long longAttribute(String name, long otherwise) {
        var a = attribute(name, Attribute.OfLong.class);
        return a == null ? otherwise : a.value();
    }

    /// An attribute that is 0 or 1.
    public boolean flag(String name, boolean otherwise) {
        long v = longAttribute(name, otherwise ? 1 : 0);
        if (v != 0 && v != 1) {
            throw malformed("attribute '" + name + "' is " + v + ", expected 0 or 1");
        }
        return v == 1;
    }

    public float floatAttribute(String name, float otherwise) {
        var a = attribute(name, Attribute.OfFloat.class);
        return a == null ? otherwise : a.value();
    }

    public String stringAttribute(String name, String otherwise) {
        var a = attribute(name, Attribute.OfString.class);
        return a == null ? otherwise : a.value();
    }

    public @Nullable List<Long> longsAttribute(String name) {
        var a = attribute(name, Attribute.OfLongs.class);
        return a == null ? null : a.values();
    }

    public @Nullable List<Float> floatsAttribute(String name) {
        var a = attribute(name, Attribute.OfFloats.class);
        return a == null ? null : a.values();
    }

    public @Nullable List<String> stringsAttribute(String name) {
        var a = attribute(name, Attribute.OfStrings.class);
        return a == null ? null : a.values();
    }

    public @Nullable Tensor tensorAttribute(String name) {
        var a = attribute(name, Attribute.OfTensor.class);
        return a == null ? null : a.value();
    }

    /// Attributes of the node that the operator never asked for.
    public List<String> unreadAttributes() {
        Set<String> unread = new TreeSet<>(node.attributes().keySet());
        unread.removeAll(read);
        return List.copyOf(unread);
    }

    /// `axis`, which may count from the end, as an index into `rank` axes.
    ///
    /// @throws MalformedModelException if it lies outside [−rank, rank − 1]
    public int axis(String what, long axis, int rank) {
        if (axis < -rank || axis >= rank) {
            throw malformed(
                    what
                            + " is "
                            + axis
                            + ", expected "
                            + -rank
                            + " … "
                            + (rank - 1)
                            + " for rank "
                            + rank);
        }
        return (int) (axis < 0 ? axis + rank : axis);
    }

    /// The value of input `i`, a list of integers on which the node's plan depends.
    ///
    /// @param what the input's name in messages
    /// @throws NeedsValue if it is not known yet; the planner mends that
    /// @throws MalformedModelException unless it is an integer tensor of rank 0 or 1
    public long[] longs(int i, String what) {
        if (!dtype(i).isInteger() || shape(i).rank() > 1) {
            throw malformed(what + " is " + type(i) + ", expected a list of integers");
        }
        return value(i).toLongs();
    }

    /// A shape of these dimensions, which the node's parameters led to.
    ///
    /// @throws MalformedModelException if one is negative, or their product, in bytes of the widest
    ///   element, exceeds a long
    public Shape shapeOf(long... dims) {
        try {
            Shape shape = Shape.of(dims);
            Math.multiplyExact(shape.elements(), 8);
            return shape;
        } catch (IllegalArgumentException e) {
            throw malformed("yields an impossible shape: " + e.getMessage());
        } catch (ArithmeticException e) {
            throw malformed(
                    "yields an impossible shape: "
                            + java.util.Arrays.toString(dims)
                            + " takes more than 2^63 - 1 bytes");
        }
    }

    // ---- complaints

    /// What messages of this node start with: `vad.onnx: node 'lstm_2' (LSTM)`.
    public String where() {
        return model + ": " + node;
    }

    /// The model breaks the standard: `vad.onnx: node 'lstm_2' (LSTM): …`.
    public MalformedModelException malformed(String what) {
        return new MalformedModelException(where() + ": " + what);
    }

    /// Runnel does not do this: `vad.onnx: node 'attn_0' (Attention): …`.
    public UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException(where() + ": " + what);
    }

    /// @throws UnsupportedModelException unless input `i` has one of these element types
    public void requireType(int i, DType... supported) {
        if (!List.of(supported).contains(dtype(i))) {
            throw unsupported(
                    "input "
                            + i
                            + " has element type "
                            + dtype(i)
                            + ", supported are "
                            + List.of(supported).toString().replaceAll("[\\[\\]]", ""));
        }
    }

    /// @throws MalformedModelException unless inputs `i` and `j` have the same element type
    public void requireSameType(int i, int j) {
        if (dtype(i) != dtype(j)) {
            throw malformed(
                    "input "
                            + j
                            + " has element type "
                            + dtype(j)
                            + ", expected "
                            + dtype(i)
                            + " as input "
                            + i);
        }
    }

    /// @throws MalformedModelException unless `from ≤` the number of inputs `≤ to`
    public void requireInputs(int from, int to) {
        if (arguments.size() < from || arguments.size() > to) {
            throw malformed(
                    "has "
                            + arguments.size()
                            + " inputs, expected "
                            + (from == to ? "" + from : from + " to " + to));
        }
    }
}
