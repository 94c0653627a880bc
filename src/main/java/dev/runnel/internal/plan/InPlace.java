package dev.runnel.internal.plan;

import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Which states may be computed right where they lie, without a copy at the end of the step.
final class InPlace {
    private final List<Item> items;

    /// Where a value is computed, and where it is read first and last, as indices of items.
    private final Map<Value, Integer> computed = new IdentityHashMap<>();

    private final Map<Value, Integer> firstRead = new IdentityHashMap<>();
    private final Map<Value, Integer> lastRead = new IdentityHashMap<>();

    /// The last item that may refuse what it is fed.
    private int lastRefusal = -1;

    InPlace(List<Item> items) {
        this.items = items;
        for (int i = 0; i < items.size(); i++) {
            note(items.get(i), i);
        }
    }

    private void note(Item item, int i) {
        if (item instanceof Item.Compute c) {
            for (Value v : c.inputs()) {
                read(v, i);
                lastRefusal = mayBeRefused(v) ? i : lastRefusal;
            }
            for (Value v : c.outputs()) {
                if (v != null) {
                    computed.put(v.root(), i);
                }
            }
        } else if (item instanceof Item.Copy(Value from, Value to)) {
            read(from, i);
            computed.put(to.root(), i);
        } else if (item instanceof Item.Choose c) {
            read(c.condition(), i);
            note(c.then(), i);
            note(c.otherwise(), i);
        } else if (item instanceof Item.Part p) {
            read(p.writes() ? p.part() : p.whole(), i);
            computed.put((p.writes() ? p.whole() : p.part()).root(), i);
        } else {
            Item.Repeat r = (Item.Repeat) item;
            read(r.count(), i);
            read(r.condition(), i);
            read(r.again(), i);
            note(r.first(), i);
            note(r.body(), i);
        }
    }

    private void note(List<Item> inner, int i) {
        for (Item item : inner) {
            note(item, i);
        }
    }

    private void read(@Nullable Value v, int i) {
        if (v != null) {
            firstRead.putIfAbsent(v.root(), i);
            lastRead.put(v.root(), i);
        }
    }

    /// What steps refuse while they run are indices and lengths.
    private static boolean mayBeRefused(@Nullable Value v) {
        return v != null
                && v.origin != Value.Origin.CONSTANT
                && (v.type.dtype() == DType.INT32 || v.type.dtype() == DType.INT64);
    }

    /// Whether `after` may be computed where the state's `before` lies: it is for the state alone;
    /// whoever reads `before` has done so by then; and nothing fails from there on, which would
    /// leave the state neither as it was nor as it should be.
    ///
    /// @param after a root value
    boolean allows(Value before, Value after) {
        Integer at = computed.get(after);
        return at != null
                && items.get(at) instanceof Item.Compute c
                && !firstRead.containsKey(after)
                && lastRead.getOrDefault(before, -1) <= (readsFirst(c, after) ? at : at - 1)
                && lastRefusal < at;
    }

    private static boolean readsFirst(Item.Compute c, Value after) {
        Value first = c.outputs().getFirst();
        return c.program().readsFirst() && (first == null || first.root() != after);
    }
}
