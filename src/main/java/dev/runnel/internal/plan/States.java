package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.Node;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The tensors a plan carries from step to step: those the graph has as inputs and outputs, and
/// those of recurrences that would start each call from zero, under `Options.stateful()`.
final class States {
    private final String model;
    private final Set<String> named;
    private final Map<String, Value> before = new LinkedHashMap<>();
    private final Map<String, Value> after = new LinkedHashMap<>();

    /// @param named those that the caller paired
    States(String model, Set<String> named) {
        this.model = model;
        this.named = named;
    }

    void begin(Value value) {
        before.put(value.name, value);
    }

    void end(String name, Value value) {
        after.put(name, value);
    }

    /// Where a forward recurrence starts from zero, gives it a tensor of the state to start from,
    /// and asks for its last h (and c).
    ///
    /// @param in the node's inputs, which it changes
    /// @return the node so changed, or the node itself where nothing is to do
    Node keep(Node node, List<@Nullable Value> in, String path) {
        if (!Recurrence.isForward(node)) {
            return node;
        }
        List<String> outputs = new ArrayList<>(node.outputs());
        boolean changed = false;
        for (Recurrence.Memory m : Recurrence.memories(node)) {
            Value initial = m.input() < in.size() ? in.get(m.input()) : null;
            TensorType type = Recurrence.memoryType(node, in, m);
            if (type == null || initial != null && !isZero(initial)) {
                continue;
            }
            Value kept = Value.state(path + node.name() + "." + m.name(), type);
            begin(kept);
            while (in.size() <= m.input()) {
                in.add(null);
            }
            in.set(m.input(), kept);
            while (outputs.size() <= m.output()) {
                outputs.add("");
            }
            if (outputs.get(m.output()).isEmpty()) {
                outputs.set(m.output(), kept.name + " after");
            }
            changed = true;
        }
        if (!changed) {
            return node;
        }
        List<String> inputs = new ArrayList<>();
        for (Value v : in) {
            inputs.add(v == null ? "" : v.name);
        }
        return new Node(node.name(), node.domain(), node.op(), inputs, outputs, node.attributes());
    }

    /// Notes what a node that [#keep] changed ends with.
    void endKept(Node node, List<@Nullable Value> out) {
        for (Recurrence.Memory m : Recurrence.memories(node)) {
            String name = node.inputs().get(m.input());
            Value kept = before.get(name);
            if (kept != null && name.endsWith(node.name() + "." + m.name())) {
                end(name, Objects.requireNonNull(out.get(m.output())));
            }
        }
    }

    static boolean isZero(Value v) {
        if (v.tensor == null) {
            return false;
        }
        for (long i = 0; i < v.tensor.elements(); i++) {
            if (v.tensor.getDouble(i) != 0) {
                return false;
            }
        }
        return true;
    }

    /// All of them, before and after a step.
    ///
    /// @throws MalformedModelException if one comes out as another type than it went in
    /// @throws IllegalArgumentException if the caller paired these
    List<Lowered.Carried> carried() {
        List<Lowered.Carried> carried = new ArrayList<>();
        for (Map.Entry<String, Value> e : before.entrySet()) {
            Value in = e.getValue();
            Value out = Objects.requireNonNull(after.get(e.getKey()));
            if (!out.type.equals(in.type)) {
                String message =
                        model
                                + ": state '"
                                + e.getKey()
                                + "' goes in as "
                                + in.type
                                + " and comes out as "
                                + out.type
                                + "; a state keeps its type: ";
                throw named.contains(e.getKey())
                        ? new IllegalArgumentException(
                                message + "name others in Options.state(output, input)")
                        : new MalformedModelException(
                                message + "leave it to the caller with Options.stateless()");
            }
            carried.add(new Lowered.Carried(e.getKey(), in, out));
        }
        return carried;
    }
}
