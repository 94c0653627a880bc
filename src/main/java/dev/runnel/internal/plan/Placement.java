package dev.runnel.internal.plan;

import dev.runnel.internal.memory.Blocks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Places every computed tensor once in a row's block: tensors whose lives do not overlap share
/// memory. Lives are measured in items, counted as they lie in the plan, those of branches
/// included.
final class Placement {
    /// In order of size, the largest first, then of their beginnings.
    private static final class Life implements Comparable<Life> {
        final Value value;
        final long bytes;
        final int from;
        int to;
        long offset = -1;

        Life(Value value, int from) {
            this.value = value;
            this.bytes = Blocks.aligned(value.type.byteSize());
            this.from = from;
            this.to = from;
        }

        @Override
        public int compareTo(Life other) {
            int c = Long.compare(other.bytes, bytes);
            return c != 0 ? c : Integer.compare(from, other.from);
        }

        boolean overlaps(Life other) {
            return from <= other.to && other.from <= to;
        }

        long end() {
            return offset + bytes;
        }
    }

    private final Map<Value, Life> lives = new LinkedHashMap<>();
    private int now;

    private Placement() {}

    /// Where the values lie in a row's block.
    ///
    /// @param offsets by root value, in bytes
    record Result(Map<Value, Long> offsets, long rowBytes) {}

    /// Places all values that items compute, but for those that lie elsewhere.
    static Result of(List<Item> items, Map<Value, ?> elsewhere) {
        Placement p = new Placement();
        p.measure(items);
        p.lives.keySet().removeAll(elsewhere.keySet());
        return p.place();
    }

    private void measure(List<Item> items) {
        for (Item item : items) {
            now++;
            if (item instanceof Item.Compute c) {
                for (Value v : c.inputs()) {
                    read(v);
                }
                for (Value v : c.outputs()) {
                    write(v);
                }
            } else if (item instanceof Item.Copy(Value from, Value to)) {
                read(from);
                write(to);
            } else if (item instanceof Item.Choose c) {
                read(c.condition());
                measure(c.then());
                measure(c.otherwise());
            } else if (item instanceof Item.Part p) {
                read(p.iteration());
                read(p.writes() ? p.part() : p.whole());
                write(p.writes() ? p.whole() : p.part());
            } else {
                repeat((Item.Repeat) item);
            }
        }
    }

    /// What the body shares with other iterations, or with what is around it, lives as long as the
    /// loop.
    private void repeat(Item.Repeat r) {
        read(r.count());
        read(r.condition());
        write(r.iteration());
        for (Item item : r.body()) {
            wholes(item);
        }
        measure(r.first());
        int begin = now;
        measure(r.body());
        now++;
        read(r.again());
        for (Life life : lives.values()) {
            if (life.from <= begin && life.to > begin) {
                life.to = now;
            }
        }
        write(r.iteration());
    }

    private void wholes(Item item) {
        if (item instanceof Item.Part p && p.writes()) {
            write(p.whole());
        }
    }

    private void read(@org.jspecify.annotations.Nullable Value v) {
        Life life = v == null ? null : lives.get(v.root());
        if (life != null) {
            life.to = now;
        }
    }

    private void write(@org.jspecify.annotations.Nullable Value v) {
        if (v == null || v.root().origin != Value.Origin.STEP) {
            return;
        }
        Life life = lives.get(v.root());
        if (life == null) {
            life = new Life(v.root(), now);
            lives.put(v.root(), life);
        }
        life.to = now;
    }

    /// The largest first, each at the lowest place that is free all its life.
    private Result place() {
        Map<Value, Long> offsets = new IdentityHashMap<>();
        List<Life> order = new ArrayList<>(lives.values());
        Collections.sort(order);
        List<Life> placed = new ArrayList<>();
        long rowBytes = 0;
        for (Life life : order) {
            long at = 0;
            for (Life other : placed) {
                if (other.overlaps(life)) {
                    if (at + life.bytes <= other.offset) {
                        break;
                    }
                    at = Math.max(at, other.end());
                }
            }
            life.offset = at;
            offsets.put(life.value, at);
            int i = 0;
            while (i < placed.size() && placed.get(i).offset <= at) {
                i++;
            }
            placed.add(i, life);
            rowBytes = Math.max(rowBytes, life.end());
        }
        return new Result(offsets, rowBytes);
    }
}
