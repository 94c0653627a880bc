package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.internal.fuse.Fusing;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Operators;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// A graph that was checked, with all that its plans share: bound inputs, state pairs, packed
/// weights, folded constants. Thread-safe.
public final class Compilation {
    /// The operators that have graphs of their own, which the planner lowers itself.
    public static final Set<String> CONTROL = Set.of("If", "Loop", "Scan");

    /// As it was read.
    private final Graph original;

    /// Recurrent layers fused.
    private final Graph graph;

    private final List<String> fusions;
    private final Map<String, Tensor> bound;
    private final Map<String, String> pairs;
    private final Set<String> namedStates;
    private final boolean stateful;
    private final Weights weights;
    private final long memoryLimit;
    private final Folder folder = new Folder();

    private Compilation(
            Graph original,
            Graph graph,
            List<String> fusions,
            Map<String, Tensor> bound,
            Map<String, String> pairs,
            Set<String> namedStates,
            boolean stateful,
            Weights weights,
            long memoryLimit) {
        this.original = original;
        this.graph = graph;
        this.fusions = fusions;
        this.bound = bound;
        this.pairs = pairs;
        this.namedStates = namedStates;
        this.stateful = stateful;
        this.weights = weights;
        this.memoryLimit = memoryLimit;
    }

    /// Checks the graph, that all its operators exist, and what is bound and paired.
    ///
    /// @param bound values of inputs, by name
    /// @param states outputs by the inputs they feed, as the caller named them
    /// @param pairing whether to find the states of recurrent nodes
    /// @param stateful whether recurrences that start from zero keep their state
    /// @param memoryLimit the greatest tensor and the greatest session, in bytes
    /// @throws dev.runnel.MalformedModelException if the graph does not hang together
    /// @throws UnsupportedModelException if an operator does not exist
    /// @throws IllegalArgumentException if an input or output named does not exist
    public static Compilation of(
            Graph graph,
            Map<String, Tensor> bound,
            Map<String, String> states,
            boolean pairing,
            boolean stateful,
            Weights weights,
            long memoryLimit) {
        Graph original = Wiring.ordered(graph);
        Fusing.Result fused = Fusing.of(original, weights);
        Graph ordered = fused.graph() == original ? original : Wiring.ordered(fused.graph());
        for (Node node : ordered.nodes()) {
            requireOperators(graph.name(), node);
        }
        Map<String, Tensor> values = new HashMap<>();
        for (Map.Entry<String, Tensor> e : bound.entrySet()) {
            ValueInfo input = input(ordered, e.getKey());
            values.put(e.getKey(), bind(graph.name(), input, e.getValue()));
        }
        Map<String, String> pairs = named(states, ordered);
        if (pairing) {
            for (Map.Entry<String, String> found : Pairs.find(ordered).entrySet()) {
                String in = found.getKey();
                if (!values.containsKey(in) && !pairs.containsValue(found.getValue())) {
                    pairs.putIfAbsent(in, found.getValue());
                }
            }
        }
        for (String in : pairs.keySet()) {
            if (values.containsKey(in)) {
                throw new IllegalArgumentException("input '" + in + "' is both bound and a state");
            }
        }
        return new Compilation(
                original,
                ordered,
                fused.fusions(),
                values,
                pairs,
                states.keySet(),
                stateful,
                weights,
                memoryLimit);
    }

    /// The pairs that the caller named.
    private static Map<String, String> named(Map<String, String> states, Graph graph) {
        Map<String, String> pairs = new LinkedHashMap<>();
        for (Map.Entry<String, String> state : states.entrySet()) {
            ValueInfo input = input(graph, state.getKey());
            String out = state.getValue();
            ValueInfo output = output(graph, out);
            if (!Pairs.fits(input, output)) {
                throw new IllegalArgumentException(
                        "output '"
                                + out
                                + "' cannot be the state of input '"
                                + input.name()
                                + "': it is "
                                + output.typeText()
                                + ", the input "
                                + input.typeText());
            }
            if (pairs.containsValue(out)) {
                throw new IllegalArgumentException(
                        "output '" + out + "' is named as the state of two inputs");
            }
            pairs.put(state.getKey(), out);
        }
        return pairs;
    }

    private static ValueInfo input(Graph graph, String name) {
        return named(graph, "input", graph.inputs(), name);
    }

    private static ValueInfo output(Graph graph, String name) {
        return named(graph, "output", graph.outputs(), name);
    }

    private static ValueInfo named(Graph graph, String kind, List<ValueInfo> values, String name) {
        for (ValueInfo value : values) {
            if (value.name().equals(name)) {
                return value;
            }
        }
        throw new IllegalArgumentException(
                graph.name()
                        + " has no "
                        + kind
                        + " '"
                        + name
                        + "'; its "
                        + kind
                        + "s are "
                        + values.stream().map(ValueInfo::name).toList());
    }

    /// A scalar of the shape and element type that the graph declares for an input.
    private static Tensor bind(String model, ValueInfo info, Tensor value) {
        List<ValueInfo.Dim> dims = info.dims() == null ? List.of() : info.dims();
        boolean fits = dims.size() == value.shape().rank();
        for (int a = 0; fits && a < dims.size(); a++) {
            fits = !dims.get(a).isFixed() || dims.get(a).size() == value.shape().dim(a);
        }
        Shape shape = value.shape();
        if (!fits && value.elements() == 1) {
            long[] ones = new long[dims.size()];
            for (int a = 0; a < ones.length; a++) {
                ones[a] = dims.get(a).isFixed() ? dims.get(a).size() : 1;
            }
            shape = Shape.of(ones);
            fits = shape.elements() == 1;
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    "cannot bind input '"
                            + info.name()
                            + "' of "
                            + model
                            + ": the value is "
                            + value.type()
                            + ", expected "
                            + info.typeText());
        }
        return Tensors.converted(value, new TensorType(info.dtype(), shape));
    }

    /// @throws UnsupportedModelException if there is no such operator
    private static Operator operator(String model, Node node) {
        Operator operator = Operators.find(node.domain(), node.op());
        if (operator == null) {
            throw new UnsupportedModelException(
                    model
                            + ": "
                            + node
                            + ": operator not supported; docs/formats.md lists those that are");
        }
        return operator;
    }

    private static void requireOperators(String model, Node node) {
        if (!CONTROL.contains(node.op()) || !node.domain().isEmpty()) {
            operator(model, node);
        }
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                for (Node inner : g.nodes()) {
                    requireOperators(model, inner);
                }
            }
        }
    }

    /// The plan for these input shapes.
    ///
    /// @param types of all inputs and states that are not bound, by name
    /// @param known values of inputs that the plan may depend on
    /// @throws NeedsInputs if it depends on the value of another
    public Plan plan(Map<String, TensorType> types, Map<String, Tensor> known) {
        try {
            return new Plan(Lowering.lower(this, graph, types, known));
        } catch (MalformedModelException e) {
            if (graph == original) {
                throw e;
            }
            // A fused node asks for as many rows of x, h and c; what it was made of may not.
            return new Plan(Lowering.lower(this, original, types, known));
        }
    }

    /// What was fused, and from what, a line each.
    public List<String> fusions() {
        return fusions;
    }

    /// The layout of a state that is made of the graph's own inputs alone; null if recurrences may
    /// add to it, which only a plan can tell.
    ///
    /// @param types of all inputs and states that are not bound, by name
    public @Nullable StateLayout declaredStates(Map<String, TensorType> types) {
        if (stateful) {
            return null;
        }
        List<String> names =
                graph.inputs().stream().map(ValueInfo::name).filter(pairs::containsKey).toList();
        return StateLayout.of(
                names, names.stream().map(n -> Objects.requireNonNull(types.get(n))).toList());
    }

    public Graph graph() {
        return graph;
    }

    Map<String, Tensor> bound() {
        return bound;
    }

    /// Whether input `name` has a value given by the options.
    public boolean isBound(String name) {
        return bound.containsKey(name);
    }

    /// Outputs by the inputs they feed in the next step.
    public Map<String, String> pairs() {
        return pairs;
    }

    /// The inputs that the caller said are states.
    Set<String> namedStates() {
        return namedStates;
    }

    boolean isStateful() {
        return stateful;
    }

    Weights weights() {
        return weights;
    }

    Folder folder() {
        return folder;
    }

    public long memoryLimit() {
        return memoryLimit;
    }

    Operator operator(Node node) {
        return operator(graph.name(), node);
    }
}
