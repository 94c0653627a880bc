package dev.runnel.internal.plan;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.Call;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Lowers `Loop` and `Scan`. The body is lowered once and run again and again ([Item.Repeat]) if
/// all iterations have the same shapes and, where results of all of them are collected, their
/// number is known while planning. Otherwise a Loop is unrolled, for which the number of iterations
/// must be known, if need be from the values of inputs.
final class Loops {
    /// Iterations times nodes that unrolling makes at most.
    private static final long MAX_UNROLLED = 100_000;

    private static final Tensor TRUE =
            new Tensor(
                    new TensorType(DType.BOOL, Shape.SCALAR),
                    MemorySegment.ofArray(new byte[] {1}));

    private final Lowering lowering;
    private long unrolled;

    Loops(Lowering lowering) {
        this.lowering = lowering;
    }

    void lower(Node node, Scope scope) {
        List<@Nullable Value> in = new ArrayList<>();
        node.inputs().forEach(name -> in.add(name.isEmpty() ? null : scope.get(name)));
        Node asked = lowering.compilation.isStateful() ? lowering.keep(node, in, scope) : node;
        Call call = lowering.call(asked, in);
        LoopNode loop = LoopNode.of(call, in);
        int met = lowering.calls.size();
        if (isKnown(loop, in, scope) && isShort(loop)) {
            unroll(loop, scope);
            return;
        }
        try {
            repeat(loop, scope);
        } catch (MalformedModelException | UnsupportedModelException | NeedsInputs e) {
            lowering.calls.subList(met, lowering.calls.size()).clear();
            unrollInstead(loop, scope, e);
            return;
        }
        // Time passes through the whole of it or not at all.
        lowering.calls.subList(met, lowering.calls.size()).clear();
        List<@Nullable Value> out = new ArrayList<>();
        asked.outputs().forEach(name -> out.add(name.isEmpty() ? null : scope.get(name)));
        List<@Nullable Value> reads = new ArrayList<>(in);
        Wiring.captures(loop.body()).forEach(name -> reads.add(scope.get(name)));
        lowering.calls.add(new Lowered.Met(loop, call, reads, out));
        if (asked != node) {
            lowering.endKept(asked, out);
        }
    }

    /// Whether all that the loop computes is known while planning.
    private static boolean isKnown(LoopNode loop, List<@Nullable Value> in, Scope scope) {
        return loop.elements().isEmpty()
                && in.stream().allMatch(v -> v == null || v.tensor != null)
                && Wiring.captures(loop.body()).stream()
                        .allMatch(name -> scope.get(name).tensor != null);
    }

    private static boolean isShort(LoopNode loop) {
        long trips = known(loop.count(), Long.MAX_VALUE);
        return trips > 0 && trips <= MAX_UNROLLED / (loop.body().nodes().size() + 1);
    }

    private static long known(@Nullable Value count, long otherwise) {
        return count == null || count.tensor == null ? otherwise : count.tensor.getLong(0);
    }

    private static boolean isTrue(@Nullable Value v) {
        return v == null || (v.tensor != null && v.tensor.getLong(0) != 0);
    }

    private static boolean isFalse(@Nullable Value v) {
        return v != null && v.tensor != null && v.tensor.getLong(0) == 0;
    }

    // ---- at run time

    private void repeat(LoopNode loop, Scope scope) {
        Call call = loop.call();
        String path = scope.path + call.node().name() + ".body/";
        Scope inner = new Scope(scope, path);
        Value iteration =
                Value.computed(
                        path,
                        loop.iteration() == null ? "iteration" : loop.iteration(),
                        new TensorType(DType.INT64, Shape.SCALAR));
        inner.put(iteration.name, iteration);
        if (loop.proceed() != null) { // or else the body would not run
            inner.put(loop.proceed(), Value.constant(path, loop.proceed(), TRUE));
        }
        List<Item> first = new ArrayList<>();
        List<Value> carried = new ArrayList<>();
        for (LoopNode.Carried c : loop.carried()) {
            Value v = Value.computed(path, c.in(), c.initial().type);
            inner.put(c.in(), v);
            carried.add(v);
            first.add(new Item.Copy(c.initial(), v));
        }
        List<Item> body = new ArrayList<>();
        for (LoopNode.Element e : loop.elements()) {
            Value v = Value.computed(path, e.in(), without(e.sequence().type, e.axis()));
            inner.put(e.in(), v);
            body.add(new Item.Part(e.sequence(), v, e.axis(), iteration, e.reverse(), false));
            lowering.follows(v, List.of(e.sequence()));
        }
        for (int i = 0; i < carried.size(); i++) {
            lowering.follows(carried.get(i), List.of(loop.carried().get(i).initial()));
        }
        body.addAll(lowering.apart(() -> lowering.lower(loop.body(), inner)));
        Value again = loop.again() == null ? null : condition(call, inner.get(loop.again()));
        long trips = trips(loop, again);
        for (LoopNode.Collected c : loop.collected()) {
            scope.put(c.result(), collect(loop, c, inner, trips, iteration, body, scope));
        }
        again = isTrue(again) ? null : kept(Objects.requireNonNull(again), carried, body);
        carry(loop, inner, carried, body, scope);
        Value count =
                trips < 0
                        ? loop.count()
                        : Value.constant(path, "trips", Tensor.ofLongs(Shape.SCALAR, trips));
        Value condition = trips < 0 && !isTrue(loop.condition()) ? loop.condition() : null;
        lowering.add(
                new Item.Repeat(
                        call.node(),
                        count,
                        condition,
                        trips < 0 ? again : null,
                        iteration,
                        first,
                        body));
    }

    private static Value condition(Call call, Value again) {
        if (again.type.dtype() != DType.BOOL || again.type.shape().elements() != 1) {
            throw call.malformed("its body's condition is " + again.type + ", expected one bool");
        }
        return again;
    }

    /// How often the body runs; −1 if only the run tells.
    private static long trips(LoopNode loop, @Nullable Value again) {
        long most = known(loop.count(), -1);
        if (isFalse(loop.condition())
                || (loop.count() != null && loop.count().tensor != null && most <= 0)) {
            return 0;
        }
        if (isTrue(loop.condition()) && isTrue(again)) {
            if (loop.count() == null) {
                throw loop.call().unsupported("never ends: it has no trip count and no condition");
            }
            return most;
        }
        return isTrue(loop.condition()) && isFalse(again) && most > 0 ? 1 : -1;
    }

    private Value collect(
            LoopNode loop,
            LoopNode.Collected c,
            Scope inner,
            long trips,
            Value iteration,
            List<Item> body,
            Scope scope) {
        Call call = loop.call();
        if (trips < 0) {
            throw call.unsupported(
                    "output '"
                            + c.result()
                            + "' has as many elements as iterations, whose number only the run"
                            + " tells");
        }
        Value part = inner.get(c.out());
        Shape shape = part.type.shape();
        int axis = call.axis("scan_output_axes", c.axis(), shape.rank() + 1);
        long[] dims = new long[shape.rank() + 1];
        for (int a = 0; a < dims.length; a++) {
            dims[a] = a == axis ? trips : shape.dim(a < axis ? a : a - 1);
        }
        TensorType type = new TensorType(part.type.dtype(), call.shapeOf(dims));
        lowering.requireRoom(call, type);
        Value whole = Value.computed(scope.path, c.result(), type);
        List<Value> from = new ArrayList<>(List.of(part));
        if (loop.count() != null) {
            from.add(loop.count());
        }
        lowering.follows(whole, from);
        body.add(new Item.Part(whole, part, axis, iteration, c.reverse(), true));
        return whole;
    }

    /// Hands what the body yields to the next iteration, and after the last to the reader.
    private void carry(
            LoopNode loop, Scope inner, List<Value> carried, List<Item> body, Scope scope) {
        List<Item> copies = new ArrayList<>();
        for (int i = 0; i < carried.size(); i++) {
            LoopNode.Carried c = loop.carried().get(i);
            Value to = carried.get(i);
            Value from = inner.get(c.out());
            if (!from.type.equals(to.type)) {
                throw loop.call()
                        .unsupported("'" + to + "' goes into its body and " + from + " comes out");
            }
            if (from.root() != to) {
                copies.add(new Item.Copy(kept(from, carried, body), to));
            }
            if (!c.result().isEmpty()) {
                Value result = Value.view(scope.path, c.result(), to.type, to);
                List<Value> sources = new ArrayList<>(List.of(c.initial(), from));
                for (Value v : new @Nullable Value[] {loop.count(), loop.condition()}) {
                    if (v != null) {
                        sources.add(v);
                    }
                }
                lowering.follows(result, sources);
                scope.put(c.result(), result);
            }
        }
        body.addAll(copies);
    }

    /// The value, out of the way of those that change when the iteration ends.
    private Value kept(Value v, List<Value> carried, List<Item> body) {
        if (!carried.contains(v.root())) {
            return v;
        }
        Value copy = Value.computed(v.path, v.name + " after", v.type);
        body.add(new Item.Copy(v, copy));
        return copy;
    }

    private static TensorType without(TensorType type, int axis) {
        long[] dims = new long[type.shape().rank() - 1];
        for (int a = 0; a < dims.length; a++) {
            dims[a] = type.shape().dim(a < axis ? a : a + 1);
        }
        return new TensorType(type.dtype(), Shape.of(dims));
    }

    // ---- unrolled

    /// After the body could not be lowered once for all iterations.
    private void unrollInstead(LoopNode loop, Scope scope, RuntimeException cause) {
        if (!loop.elements().isEmpty()) {
            throw cause;
        }
        for (Value v : new @Nullable Value[] {loop.count(), loop.condition()}) {
            if (v != null && v.tensor == null) {
                throw needs(loop, v, cause);
            }
        }
        if (known(loop.count(), 1) <= 0 || isFalse(loop.condition())) {
            throw cause; // there is no iteration to tell the shapes
        }
        unroll(loop, scope);
    }

    private RuntimeException needs(LoopNode loop, Value value, RuntimeException cause) {
        NeedsInputs needs = lowering.needsInputs(loop.call(), value);
        return needs.inputs().isEmpty() ? cause : needs;
    }

    private void unroll(LoopNode loop, Scope scope) {
        Call call = loop.call();
        List<Value> carried = new ArrayList<>();
        loop.carried().forEach(c -> carried.add(c.initial()));
        List<List<Value>> collected = new ArrayList<>();
        loop.collected().forEach(c -> collected.add(new ArrayList<>()));
        boolean go = isTrue(loop.condition());
        for (long i = 0; go && i < known(loop.count(), Long.MAX_VALUE); i++) {
            unrolled += loop.body().nodes().size() + 1;
            if (unrolled > MAX_UNROLLED) {
                throw call.unsupported(
                        "would have to be unrolled into more than " + MAX_UNROLLED + " nodes");
            }
            Scope inner = new Scope(scope, scope.path + call.node().name() + "." + i + "/");
            String counter = Objects.requireNonNull(loop.iteration());
            String proceed = Objects.requireNonNull(loop.proceed());
            Tensor number = Tensor.ofLongs(Shape.SCALAR, i);
            inner.put(counter, Value.constant(inner.path, counter, number));
            inner.put(proceed, Value.constant(inner.path, proceed, TRUE));
            for (int c = 0; c < carried.size(); c++) {
                inner.put(loop.carried().get(c).in(), carried.get(c));
            }
            lowering.lower(loop.body(), inner);
            for (int c = 0; c < carried.size(); c++) {
                carried.set(c, inner.get(loop.carried().get(c).out()));
            }
            for (int c = 0; c < collected.size(); c++) {
                collected.get(c).add(inner.get(loop.collected().get(c).out()));
            }
            Value again = condition(call, inner.get(Objects.requireNonNull(loop.again())));
            if (again.tensor == null) {
                throw needs(
                        loop,
                        again,
                        call.unsupported(
                                "yields tensors whose shapes depend on a condition that only the"
                                        + " run tells"));
            }
            go = isTrue(again);
        }
        for (int c = 0; c < carried.size(); c++) {
            if (!loop.carried().get(c).result().isEmpty()) {
                scope.put(loop.carried().get(c).result(), carried.get(c));
            }
        }
        for (int c = 0; c < collected.size(); c++) {
            stack(call, collected.get(c), loop.collected().get(c).result(), scope);
        }
    }

    /// Puts the elements together, as nodes would do it.
    private void stack(Call call, List<Value> elements, String result, Scope scope) {
        if (elements.isEmpty()) {
            throw call.unsupported("output '" + result + "' is collected from no iteration");
        }
        Scope inner = new Scope(scope, scope.path);
        inner.put("axes", Value.constant("", "axes", Tensor.ofLongs(Shape.of(1), 0)));
        List<String> names = new ArrayList<>();
        for (int i = 0; i < elements.size(); i++) {
            inner.put("element", elements.get(i));
            String name = result + " " + i;
            names.add(name);
            lowering.lowerNode(
                    new Node(
                            name,
                            "",
                            "Unsqueeze",
                            List.of("element", "axes"),
                            List.of(name),
                            Map.of()),
                    inner);
        }
        Map<String, Attribute> axis = Map.of("axis", new Attribute.OfLong(0));
        lowering.lowerNode(
                new Node(call.node().name(), "", "Concat", names, List.of(result), axis), inner);
        scope.put(result, inner.get(result));
    }
}
