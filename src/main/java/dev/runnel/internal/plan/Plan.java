package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.graph.Rounding;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.kernel.PackingError;
import dev.runnel.internal.memory.Blocks;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Bench;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// What to do for given input shapes, and where each tensor lies meanwhile. Immutable; shared by
/// all sessions, each of which binds it to memory of its own ([#bind]).
public final class Plan {
    private final Lowered lowered;
    private final List<Item> items;
    private final Map<Value, String> inputPorts = new IdentityHashMap<>();
    private final Map<Value, String> outputPorts = new IdentityHashMap<>();
    private final Map<Value, Long> stateOffsets = new IdentityHashMap<>();
    private final Map<Value, Long> blockOffsets;
    private final long rowBytes;
    private final StateLayout stateLayout;

    Plan(Lowered lowered) {
        this.lowered = lowered;
        this.items = new ArrayList<>(lowered.items());
        for (Map.Entry<String, Value> input : lowered.inputs().entrySet()) {
            inputPorts.put(input.getValue(), input.getKey());
        }
        List<String> names = new ArrayList<>();
        List<TensorType> types = new ArrayList<>();
        for (Lowered.Carried state : lowered.states()) {
            names.add(state.name());
            types.add(state.before().type);
        }
        stateLayout = StateLayout.of(names, types);
        for (int i = 0; i < lowered.states().size(); i++) {
            stateOffsets.put(lowered.states().get(i).before(), stateLayout.slots().get(i).offset());
        }
        placeOutputs();
        commitStates();
        Placement.Result placed = Placement.of(items, elsewhere());
        blockOffsets = placed.offsets();
        rowBytes = placed.rowBytes();
    }

    private Map<Value, String> elsewhere() {
        Map<Value, String> all = new IdentityHashMap<>(inputPorts);
        all.putAll(outputPorts);
        for (Value v : stateOffsets.keySet()) {
            all.put(v, "state");
        }
        return all;
    }

    /// An output is computed right where the caller reads it, unless that memory is already
    /// another's.
    private void placeOutputs() {
        for (Map.Entry<String, Value> output : lowered.outputs().entrySet()) {
            String name = output.getKey();
            Value v = output.getValue();
            Value root = v.root();
            if (root.origin == Value.Origin.STEP && !outputPorts.containsKey(root)) {
                outputPorts.put(root, name);
            } else {
                Value copy = Value.computed("", name, v.type);
                items.add(new Item.Copy(v, copy));
                outputPorts.put(copy, name);
            }
        }
    }

    /// Only when all is computed do states change: a step that fails leaves them as they were. So
    /// each is computed beside its former self and copied at the end, unless [InPlace] finds that
    /// nothing can tell the difference.
    private void commitStates() {
        List<Lowered.Carried> changed = new ArrayList<>();
        for (Lowered.Carried c : lowered.states()) {
            Value after = c.after();
            if (after.root() == c.before()) {
                continue;
            }
            if (after.root().origin == Value.Origin.STATE) {
                Value copy = Value.computed("", c.name() + " after", after.type);
                items.add(new Item.Copy(after, copy));
                after = copy;
            }
            changed.add(new Lowered.Carried(c.name(), c.before(), after));
        }
        InPlace inPlace = new InPlace(items);
        List<Item> commits = new ArrayList<>();
        for (Lowered.Carried c : changed) {
            Value root = c.after().root();
            Long offset = Objects.requireNonNull(stateOffsets.get(c.before()));
            if (!outputPorts.containsKey(root)
                    && !stateOffsets.containsKey(root) // two states may become the same
                    && inPlace.allows(c.before(), root)) {
                stateOffsets.put(root, offset);
            } else {
                commits.add(new Item.Copy(c.after(), c.before()));
            }
        }
        items.addAll(commits);
    }

    List<Item> items() {
        return items;
    }

    Lowered lowered() {
        return lowered;
    }

    /// What the caller feeds, by name, in the graph's order.
    public Map<String, TensorType> inputs() {
        return types(lowered.inputs());
    }

    /// What the caller reads, by name, in the graph's order.
    public Map<String, TensorType> outputs() {
        return types(lowered.outputs());
    }

    private static Map<String, TensorType> types(Map<String, Value> values) {
        Map<String, TensorType> types = new LinkedHashMap<>();
        for (Map.Entry<String, Value> e : values.entrySet()) {
            types.put(e.getKey(), e.getValue().type);
        }
        return types;
    }

    public StateLayout stateLayout() {
        return stateLayout;
    }

    /// Bytes of one row's block of intermediate tensors.
    public long rowBytes() {
        return rowBytes;
    }

    /// Bytes of a session of that many rows: ports, blocks, and scratch for each thread.
    public long byteSize(int rows, int threads) {
        long ports = 0;
        for (TensorType t : inputs().values()) {
            ports = Math.addExact(ports, Math.multiplyExact(Blocks.aligned(t.byteSize()), rows));
        }
        for (TensorType t : outputs().values()) {
            ports = Math.addExact(ports, Math.multiplyExact(Blocks.aligned(t.byteSize()), rows));
        }
        return Math.addExact(
                Math.addExact(ports, Math.multiplyExact(rowBytes, rows)),
                Math.multiplyExact(scratchBytes(rows), threads));
    }

    /// Bytes of one thread's scratch, in whole cache lines.
    long scratchBytes(int rows) {
        return Blocks.aligned(scratchBytes(items, rows));
    }

    private static long scratchBytes(List<Item> items, int rows) {
        long bytes = 0;
        for (Item item : items) {
            if (item instanceof Item.Compute c) {
                bytes = Math.max(bytes, c.program().scratchBytes(rows));
            } else if (item instanceof Item.Repeat r) {
                bytes = Math.max(bytes, scratchBytes(r.body(), rows));
            } else if (item instanceof Item.Choose c) {
                bytes = Math.max(bytes, scratchBytes(c.then(), rows));
                bytes = Math.max(bytes, scratchBytes(c.otherwise(), rows));
            }
        }
        return bytes;
    }

    /// Whether a run ends whatever the inputs are: no loop has nothing but a condition to end it.
    public boolean isBounded() {
        return isBounded(items);
    }

    private static boolean isBounded(List<Item> items) {
        for (Item item : items) {
            if (item instanceof Item.Repeat r && (r.count() == null || !isBounded(r.body()))) {
                return false;
            }
            if (item instanceof Item.Choose c
                    && !(isBounded(c.then()) && isBounded(c.otherwise()))) {
                return false;
            }
        }
        return true;
    }

    /// Where the root value `v` lies.
    @Nullable String inputPort(Value v) {
        return inputPorts.get(v);
    }

    @Nullable String outputPort(Value v) {
        return outputPorts.get(v);
    }

    @Nullable Long stateOffset(Value v) {
        return stateOffsets.get(v);
    }

    long blockOffset(Value v) {
        return Objects.requireNonNull(blockOffsets.get(v), v.name);
    }

    /// Memory and steps for one session.
    ///
    /// @param rows the greatest number of rows to run
    /// @param crew shares the products
    public BoundPlan bind(int rows, Weights weights, KernelSwitch kernels, Crew crew) {
        return bind(rows, weights, kernels, crew, false);
    }

    /// The same for a rehearsal, whose results are of no use: see [Bench].
    public BoundPlan bindForRehearsal(int rows, Weights weights, KernelSwitch kernels) {
        return bind(rows, weights, kernels, Crew.ALONE, true);
    }

    private BoundPlan bind(
            int rows, Weights weights, KernelSwitch kernels, Crew crew, boolean rehearsal) {
        Arena arena = Arena.ofShared();
        boolean done = false;
        try {
            BoundPlan bound = new BoundPlan(this, rows, weights, kernels, crew, rehearsal, arena);
            done = true;
            return bound;
        } finally {
            if (!done) {
                arena.close();
            }
        }
    }

    /// What weights lost that were packed in fewer bits, in the order of the nodes.
    public List<Rounding> roundings() {
        List<Rounding> all = new ArrayList<>();
        addRoundings(items, all);
        return all.stream().distinct().toList(); // a loop may have a program twice
    }

    private static void addRoundings(List<Item> items, List<Rounding> to) {
        for (Item item : items) {
            switch (item) {
                case Item.Compute c ->
                        c.program()
                                .packingErrors()
                                .forEach((input, e) -> to.add(rounding(c.node(), input, e)));
                case Item.Choose c -> {
                    addRoundings(c.then(), to);
                    addRoundings(c.otherwise(), to);
                }
                case Item.Repeat r -> {
                    addRoundings(r.first(), to);
                    addRoundings(r.body(), to);
                }
                case Item.Copy _, Item.Part _ -> {}
            }
        }
    }

    private static Rounding rounding(Node node, int input, PackingError e) {
        return new Rounding(
                node.name(), node.inputs().get(input), e.precision(), e.max(), e.mean());
    }

    /// The plan as text, a line for each step.
    public String describe() {
        return Description.of(this);
    }
}
