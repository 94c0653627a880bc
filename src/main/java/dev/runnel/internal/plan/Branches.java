package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.internal.op.Call;

import java.util.ArrayList;
import java.util.List;

/// Lowers `If`: a known condition is replaced by its branch, an unknown one chooses at run time.
final class Branches {
    private final Lowering lowering;

    Branches(Lowering lowering) {
        this.lowering = lowering;
    }

    void lower(Node node, Scope scope) {
        Value condition = scope.get(node.inputs().isEmpty() ? "" : node.inputs().getFirst());
        Call call = lowering.call(node, List.of(condition));
        if (condition.type.dtype() != DType.BOOL || condition.type.shape().elements() != 1) {
            throw call.malformed("condition has type " + condition.type + ", expected one bool");
        }
        Graph then = branch(call, "then_branch");
        Graph otherwise = branch(call, "else_branch");
        for (String name : call.unreadAttributes()) {
            throw call.unsupported("attribute '" + name + "' is not known to this operator");
        }
        if (condition.tensor != null) {
            boolean taken = condition.tensor.getLong(0) != 0;
            Scope inner =
                    new Scope(scope, scope.path + node.name() + (taken ? ".then/" : ".else/"));
            List<Value> results = lowerBranch(call, taken ? then : otherwise, inner);
            for (int i = 0; i < node.outputs().size(); i++) {
                if (!node.outputs().get(i).isEmpty()) {
                    scope.put(node.outputs().get(i), results.get(i));
                }
            }
            return;
        }
        choose(call, condition, then, otherwise, scope);
    }

    static Graph branch(Call call, String name) {
        if (call.hasAttribute(name)
                && call.node().attributes().get(name) instanceof Attribute.OfGraph(Graph g)) {
            return g;
        }
        throw call.malformed("attribute '" + name + "' is missing, expected a graph");
    }

    private List<Value> lowerBranch(Call call, Graph branch, Scope inner) {
        if (branch.outputs().size() < call.node().outputs().size()) {
            throw call.malformed(
                    "a branch has "
                            + branch.outputs().size()
                            + " outputs, expected "
                            + call.node().outputs().size());
        }
        lowering.lower(branch, inner);
        return branch.outputs().stream().map(o -> inner.get(o.name())).toList();
    }

    /// The condition is known only at run time: plans both branches, which must agree on what they
    /// yield. Where they don't, the condition decides shapes, and the plan depends on its value.
    private void choose(Call call, Value condition, Graph then, Graph otherwise, Scope scope) {
        Node node = call.node();
        List<Value> thenResults = new ArrayList<>();
        List<Value> elseResults = new ArrayList<>();
        List<Item> thenItems;
        List<Item> elseItems;
        try {
            Scope yes = new Scope(scope, scope.path + node.name() + ".then/");
            thenItems = lowering.apart(() -> thenResults.addAll(lowerBranch(call, then, yes)));
            Scope no = new Scope(scope, scope.path + node.name() + ".else/");
            elseItems = lowering.apart(() -> elseResults.addAll(lowerBranch(call, otherwise, no)));
        } catch (MalformedModelException | UnsupportedModelException | NeedsInputs e) {
            NeedsInputs needs = lowering.needsInputs(call, condition);
            needs.addSuppressed(e);
            throw needs.inputs().isEmpty() ? e : needs;
        }
        for (int i = 0; i < node.outputs().size(); i++) {
            String name = node.outputs().get(i);
            if (name.isEmpty()) {
                continue;
            }
            Value a = thenResults.get(i);
            Value b = elseResults.get(i);
            if (!a.type.equals(b.type)) {
                NeedsInputs needs = lowering.needsInputs(call, condition);
                throw needs.inputs().isEmpty()
                        ? call.unsupported(
                                "output '"
                                        + name
                                        + "' is "
                                        + a.type
                                        + " in one branch and "
                                        + b.type
                                        + " in the other, and the condition is computed")
                        : needs;
            }
            Value result = Value.computed(scope.path, name, a.type);
            lowering.follows(result, List.of(condition, a, b));
            thenItems.add(new Item.Copy(a, result));
            elseItems.add(new Item.Copy(b, result));
            scope.put(name, result);
        }
        lowering.add(new Item.Choose(node, condition, thenItems, elseItems));
    }
}
