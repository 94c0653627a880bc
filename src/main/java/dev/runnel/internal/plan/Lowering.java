package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// Turns a graph into what there is to do for given input shapes: infers every type, folds what is
/// known, inlines the branch of an `If` whose condition is known.
final class Lowering {
    final Compilation compilation;
    private final String model;
    private final Map<Value, List<Value>> sources = new IdentityHashMap<>();
    private final Map<String, Value> inputs = new LinkedHashMap<>();
    private final States states;
    private final Map<String, Value> values = new HashMap<>();

    /// Every node met so far.
    final List<Lowered.Met> calls = new ArrayList<>();

    private final Branches branches = new Branches(this);
    private final Loops loops = new Loops(this);
    private List<Item> items = new ArrayList<>();
    private int depth;

    private Lowering(Compilation compilation) {
        this.compilation = compilation;
        this.model = compilation.graph().name();
        this.states = new States(model, compilation.namedStates());
    }

    /// Lowers a graph.
    ///
    /// @param graph the compilation's, or one that computes the same
    /// @param types of all inputs and states that are not bound
    /// @param known values of inputs that the plan may depend on
    /// @throws NeedsInputs if it depends on the value of another
    static Lowered lower(
            Compilation compilation,
            Graph graph,
            Map<String, TensorType> types,
            Map<String, Tensor> known) {
        return new Lowering(compilation).run(graph, types, known);
    }

    private Lowered run(Graph graph, Map<String, TensorType> types, Map<String, Tensor> known) {
        Scope scope = new Scope(null, "");
        for (ValueInfo info : graph.inputs()) {
            String name = info.name();
            Tensor bound = compilation.bound().get(name);
            Tensor value = bound != null ? bound : known.get(name);
            if (value != null) {
                scope.put(name, Value.constant("", name, value));
            } else if (compilation.pairs().containsKey(name)) {
                Value v = Value.state(name, Objects.requireNonNull(types.get(name), name));
                scope.put(name, v);
                states.begin(v);
            } else {
                Value v = Value.input(name, Objects.requireNonNull(types.get(name), name));
                scope.put(name, v);
                inputs.put(name, v);
            }
        }
        lower(graph, scope);
        Map<String, Value> outputs = new LinkedHashMap<>();
        for (ValueInfo info : graph.outputs()) {
            Value v = scope.get(info.name());
            if (v.type.dtype() != info.dtype()) {
                throw new MalformedModelException(
                        model
                                + ": output '"
                                + info.name()
                                + "' is declared "
                                + info.dtype()
                                + ", but the graph yields "
                                + v.type.dtype());
            }
            outputs.put(info.name(), v);
        }
        for (Map.Entry<String, String> pair : compilation.pairs().entrySet()) {
            states.end(pair.getKey(), scope.get(pair.getValue()));
            outputs.remove(pair.getValue());
        }
        return new Lowered(inputs, outputs, states.carried(), items, values, calls);
    }

    /// Lowers the nodes of a graph, or of a subgraph, to the end of the items.
    void lower(Graph graph, Scope scope) {
        for (Map.Entry<String, Tensor> e : graph.initializers().entrySet()) {
            scope.put(e.getKey(), Value.constant(scope.path, e.getKey(), e.getValue()));
        }
        for (Node node : graph.nodes()) {
            switch (node.domain().isEmpty() ? node.op() : "") {
                case "If" -> branches.lower(node, scope);
                case "Loop", "Scan" -> loops.lower(node, scope);
                default -> lowerNode(node, scope);
            }
        }
        for (Value v : scope.own().values()) {
            values.put(v.path + v.name, v);
        }
    }

    /// What `lowering` appends, apart from the other items: what is done under a condition or again
    /// and again.
    List<Item> apart(Runnable lowering) {
        List<Item> before = items;
        List<Item> apart = new ArrayList<>();
        items = apart;
        depth++;
        try {
            lowering.run();
        } finally {
            items = before;
            depth--;
        }
        return apart;
    }

    void add(Item item) {
        items.add(item);
    }

    /// Notes what a value follows from.
    void follows(Value value, List<Value> from) {
        sources.put(value, from);
    }

    // ---- one node

    void lowerNode(Node node, Scope scope) {
        Operator operator = compilation.operator(node);
        List<@Nullable Value> in = new ArrayList<>();
        for (String name : node.inputs()) {
            in.add(name.isEmpty() ? null : scope.get(name));
        }
        Node asked = compilation.isStateful() ? keep(node, in, scope) : node;
        Call call = call(asked, in);
        infer(operator, call, in);
        List<@Nullable Value> out = new ArrayList<>();
        List<Tensor> folded = compilation.folder().fold(operator, call, in);
        if (folded != null) {
            noteStored(call, folded.getFirst());
            for (int i = 0; i < asked.outputs().size(); i++) {
                String name = asked.outputs().get(i);
                out.add(name.isEmpty() ? null : Value.constant(scope.path, name, folded.get(i)));
            }
        } else {
            out = compute(operator, call, in, scope.path);
        }
        calls.add(new Lowered.Met(operator, call, in, out));
        for (int i = 0; i < asked.outputs().size(); i++) {
            Value v = out.get(i);
            if (v != null) {
                scope.put(v.name, v);
            }
        }
        if (asked != node) {
            endKept(asked, out);
        }
    }

    void endKept(Node node, List<@Nullable Value> out) {
        states.endKept(node, out);
    }

    /// Takes note where a folded constant stands for bfloat16 weights, perhaps moved: packed as
    /// what they are, they are the same numbers. Bytes with scales are not: their packing rounds
    /// again, so it is for the caller to ask for it.
    private void noteStored(Call call, Tensor folded) {
        Weights weights = compilation.weights();
        String op = call.node().domain().isEmpty() ? call.node().op() : "";
        Precision precision = Precision.F32;
        if (folded.dtype() != DType.FLOAT32) {
            return;
        } else if (op.equals("Cast") && call.dtype(0) == DType.BFLOAT16) {
            precision = Precision.BF16;
        } else if (Pairs.MOVERS.contains(op) && call.dtype(0) == DType.FLOAT32) {
            precision = Precision.INT8; // the widest of what was moved
            for (int i = 0; i < call.inputCount(); i++) {
                Tensor part = call.constant(i);
                if (part != null && part.dtype() == DType.FLOAT32) {
                    Precision p = weights.stored(part);
                    precision = p.compareTo(precision) < 0 ? p : precision;
                }
            }
        }
        if (precision != Precision.F32) {
            weights.setStored(folded, precision);
        }
    }

    /// The node, keeping its state where it starts from zero.
    Node keep(Node node, List<@Nullable Value> in, Scope scope) {
        Node kept = states.keep(node, in, scope.path);
        if (kept != node && depth > 0) {
            throw new UnsupportedModelException(
                    model
                            + ": "
                            + node
                            + ": keeps its state only if it runs once in every step: outside loops,"
                            + " in a branch that is known when compiling (bind the input that"
                            + " decides with Options.bind)");
        }
        for (Value v : in) {
            if (v != null) {
                values.putIfAbsent(v.path + v.name, v);
            }
        }
        return kept;
    }

    Call call(Node node, List<@Nullable Value> in) {
        List<Call.@Nullable Argument> arguments = new ArrayList<>();
        for (Value v : in) {
            arguments.add(v == null ? null : new Call.Argument(v.type, v.tensor));
        }
        return new Call(model, node, arguments, compilation.weights());
    }

    /// Operators count in ints, and say so when that is not enough.
    static UnsupportedModelException tooLarge(Call call) {
        return call.unsupported("has an extent, or a product of extents, beyond 2^31 - 1");
    }

    private void infer(Operator operator, Call call, List<@Nullable Value> in) {
        List<TensorType> types;
        try {
            types = operator.infer(call);
        } catch (Call.NeedsValue e) {
            throw needsInputs(call, Objects.requireNonNull(in.get(e.input())));
        } catch (ArithmeticException e) {
            throw tooLarge(call);
        }
        List<String> unread = call.unreadAttributes();
        if (!unread.isEmpty()) {
            throw call.unsupported(
                    "attribute '"
                            + unread.getFirst()
                            + "' is not known to this operator; docs/formats.md lists what is");
        }
        if (call.node().outputs().size() > types.size()) {
            throw call.malformed(
                    "has "
                            + call.node().outputs().size()
                            + " outputs, expected at most "
                            + types.size());
        }
        for (TensorType t : types) {
            requireRoom(call, t);
        }
        call.setOutputTypes(types);
    }

    /// @throws UnsupportedModelException if a tensor of that type would exceed the limit
    void requireRoom(Call call, TensorType t) {
        if (t.byteSize() > compilation.memoryLimit()) {
            throw call.unsupported(
                    "yields "
                            + t
                            + ", "
                            + t.byteSize()
                            + " bytes; the limit is "
                            + compilation.memoryLimit()
                            + " (Options.memoryLimit)");
        }
    }

    private List<@Nullable Value> compute(
            Operator operator, Call call, List<@Nullable Value> in, String path) {
        Program program;
        try {
            program = operator.compile(call);
        } catch (Call.NeedsValue e) {
            throw needsInputs(call, Objects.requireNonNull(in.get(e.input())));
        } catch (ArithmeticException e) {
            throw tooLarge(call);
        }
        List<Value> from = new ArrayList<>();
        for (Value v : in) {
            if (v != null) {
                from.add(v);
            }
        }
        List<@Nullable Value> out = new ArrayList<>();
        for (int i = 0; i < call.node().outputs().size(); i++) {
            String name = call.node().outputs().get(i);
            if (name.isEmpty()) {
                out.add(null);
                continue;
            }
            TensorType type = call.outputTypes().get(i);
            Value v =
                    program == Program.VIEW
                            ? Value.view(path, name, type, Objects.requireNonNull(in.getFirst()))
                            : Value.computed(path, name, type);
            sources.put(v, from);
            out.add(v);
        }
        if (program != Program.VIEW) {
            items.add(new Item.Compute(call.node(), operator, call, program, in, out));
        }
        return out;
    }

    /// The inputs of the graph that `value` follows from.
    NeedsInputs needsInputs(Call call, Value value) {
        Set<String> names = new HashSet<>();
        Set<Value> seen = new HashSet<>();
        List<Value> todo = new ArrayList<>(List.of(value));
        while (!todo.isEmpty()) {
            Value v = todo.removeLast();
            if (!seen.add(v)) {
                continue;
            }
            if (v.origin == Value.Origin.STATE) {
                throw call.unsupported(
                        "its shape depends on what the state '"
                                + v.name
                                + "' holds; a state decides no shapes");
            }
            if (v.origin == Value.Origin.INPUT) {
                names.add(v.name);
            }
            todo.addAll(sources.getOrDefault(v, List.of()));
        }
        return new NeedsInputs(call, names);
    }
}
