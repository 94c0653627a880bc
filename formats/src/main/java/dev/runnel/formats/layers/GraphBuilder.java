package dev.runnel.formats.layers;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Builds a [Graph] value by value, in the vocabulary of operator set 22. [Layers] and
/// [RecurrentLayer] say what a layer becomes.
///
/// ```java
/// GraphBuilder g = new GraphBuilder("tagger");
/// Value x = g.input("x", DType.FLOAT32, Dim.of("T"), Dim.of("N"), Dim.of(40));
/// Value y = Layers.activation(g, "sigmoid", x, Activation.of("sigmoid"));
/// Graph graph = g.build(Map.of("y", y));
/// ```
public final class GraphBuilder {
    /// Operators whose inputs are all of the type of the first.
    private static final Set<String> OF_ONE_TYPE =
            Set.of(
                    "Add",
                    "Concat",
                    "Conv",
                    "Div",
                    "GRU",
                    "LSTM",
                    "LayerNormalization",
                    "MatMul",
                    "Mul",
                    "RNN",
                    "Sub");

    private final String name;
    private final Map<String, Value> inputs = new LinkedHashMap<>();
    private final Map<String, Tensor> constants = new LinkedHashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    /// For each value that is another one with time and batch exchanged, that other one.
    private final Map<String, Value> exchanged = new HashMap<>();

    /// @param name the graph's name, with which messages begin
    public GraphBuilder(String name) {
        this.name = name;
    }

    /// Says something of the graph, such as which framework it comes from.
    public void note(String key, String value) {
        metadata.put(key, value);
    }

    /// An input of the graph.
    ///
    /// @throws IllegalArgumentException if there is one of that name, or the name is empty
    public Value input(String input, DType dtype, List<Dim> dims) {
        requireName(input);
        if (!names.add(input)) {
            throw new IllegalArgumentException("two values are called '" + input + "'");
        }
        Value v = new Value(input, dtype, dims);
        inputs.put(input, v);
        return v;
    }

    /// A constant, under that name or one made of it.
    public Value constant(String wanted, Tensor tensor) {
        String unique = unique(wanted);
        constants.put(unique, tensor);
        List<Dim> dims = new ArrayList<>();
        for (long d : tensor.shape().dims()) {
            dims.add(Dim.of(d));
        }
        return new Value(unique, tensor.dtype(), dims);
    }

    /// A constant list of integers, such as a shape or axes.
    public Value longs(String wanted, long... values) {
        return constant(wanted, Tensor.ofLongs(Shape.of(values.length), values));
    }

    /// A node of the standard domain with one output, whose element type is that of its first
    /// input.
    ///
    /// @param wanted the node's name, or what it is made of
    /// @param dims of the output
    public Value node(
            String wanted,
            String op,
            Map<String, Attribute> attributes,
            List<Dim> dims,
            Value... in) {
        List<@Nullable Value> all = new ArrayList<>(List.of(in));
        return nodes(wanted, "", op, attributes, List.of(dims), all).getFirst();
    }

    /// A node with several outputs, of the element type of its first input.
    ///
    /// @param dims of each output
    /// @param in null for an absent one
    /// @throws IllegalArgumentException if the operator takes inputs of one type, and these are not
    public List<Value> nodes(
            String wanted,
            String domain,
            String op,
            Map<String, Attribute> attributes,
            List<List<Dim>> dims,
            List<@Nullable Value> in) {
        Value first = in.getFirst();
        DType dtype = first == null ? DType.FLOAT32 : first.dtype();
        for (Value v : in) {
            if (v != null && v.dtype() != dtype && OF_ONE_TYPE.contains(op)) {
                throw new IllegalArgumentException(
                        "reads '"
                                + String.valueOf(first == null ? "" : first.name())
                                + "' of "
                                + dtype
                                + " with '"
                                + v.name()
                                + "' of "
                                + v.dtype()
                                + ", expected one type");
            }
        }
        String node = unique(wanted);
        List<Value> out = new ArrayList<>();
        for (int i = 0; i < dims.size(); i++) {
            String output = dims.size() == 1 ? node : unique(node + "." + i);
            out.add(new Value(output, dtype, dims.get(i)));
        }
        nodes.add(
                new Node(
                        node,
                        domain,
                        op,
                        in.stream().map(v -> v == null ? "" : v.name()).toList(),
                        out.stream().map(Value::name).toList(),
                        attributes));
        return out;
    }

    private static void requireName(String name) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("has an empty name, expected letters and digits");
        }
    }

    private String unique(String wanted) {
        String candidate = wanted;
        for (int i = 2; !names.add(candidate); i++) {
            candidate = wanted + "_" + i;
        }
        return candidate;
    }

    /// `x` of which the first two axes, time and batch, are exchanged. What was exchanged before is
    /// taken from before.
    public Value exchangeTimeAndBatch(Value x) {
        Value known = exchanged.get(x.name());
        if (known != null) {
            return known;
        }
        long[] order = new long[x.rank()];
        List<Dim> dims = new ArrayList<>(x.dims());
        for (int a = 0; a < order.length; a++) {
            order[a] = a < 2 ? 1 - a : a;
        }
        dims.set(0, x.dim(1));
        dims.set(1, x.dim(0));
        Value y = node(x.name() + "/exchanged", "Transpose", Map.of("perm", list(order)), dims, x);
        exchanged.put(x.name(), y);
        exchanged.put(y.name(), x);
        return y;
    }

    static Attribute list(long... values) {
        return new Attribute.OfLongs(java.util.Arrays.stream(values).boxed().toList());
    }

    /// The graph that yields these outputs, without what they do not need; inputs stay.
    ///
    /// @param outputs by the names they are to have
    /// @throws IllegalArgumentException if such a name is empty, or another value's
    public Graph build(Map<String, Value> outputs) {
        Map<String, String> renamed = new HashMap<>();
        List<Node> all = new ArrayList<>(nodes);
        List<ValueInfo> infos = new ArrayList<>();
        Set<String> computed = new HashSet<>();
        nodes.forEach(n -> computed.addAll(n.outputs()));
        outputs.forEach(
                (output, v) -> {
                    requireName(output);
                    boolean taken =
                            computed.contains(output)
                                    || inputs.containsKey(output)
                                    || constants.containsKey(output);
                    if (taken && !output.equals(v.name())) {
                        throw new IllegalArgumentException(
                                "calls an output '" + output + "', as another value is called");
                    }
                    infos.add(new ValueInfo(output, v.dtype(), v.dims()));
                    boolean free = !names.contains(output) || output.equals(v.name());
                    if (free && computed.contains(v.name()) && !renamed.containsKey(v.name())) {
                        renamed.put(v.name(), output);
                    } else if (!output.equals(v.name())) {
                        List<String> in = List.of(v.name());
                        List<String> out = List.of(output);
                        all.add(new Node(unique(output), "", "Identity", in, out, Map.of()));
                    }
                });
        Set<String> needed = new HashSet<>();
        outputs.forEach((output, v) -> needed.add(output));
        renamed.keySet().forEach(needed::add);
        List<Node> kept = new ArrayList<>();
        for (Node n : all.reversed()) {
            if (n.outputs().stream().anyMatch(needed::contains)) {
                needed.addAll(n.inputs());
                kept.addFirst(renamed(n, renamed));
            }
        }
        Map<String, Tensor> initializers = new LinkedHashMap<>(constants);
        initializers.keySet().retainAll(needed);
        List<ValueInfo> in =
                inputs.values().stream()
                        .map(v -> new ValueInfo(v.name(), v.dtype(), v.dims()))
                        .toList();
        return new Graph(name, in, infos, initializers, kept, metadata);
    }

    private static Node renamed(Node n, Map<String, String> names) {
        List<String> in = n.inputs().stream().map(i -> names.getOrDefault(i, i)).toList();
        List<String> out = n.outputs().stream().map(o -> names.getOrDefault(o, o)).toList();
        return new Node(n.name(), n.domain(), n.op(), in, out, n.attributes());
    }
}
