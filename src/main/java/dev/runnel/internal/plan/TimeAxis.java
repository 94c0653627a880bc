package dev.runnel.internal.plan;

import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Decides whether a graph that takes whole sequences may be stepped instead. Lowers it for two
/// lengths of the sequence and compares shapes: the axis of a tensor that grew is time. Then each
/// operator is asked whether it lets time pass step by step.
public final class TimeAxis {
    private final Map<String, Value> shortRun;

    private TimeAxis(Map<String, Value> shortRun) {
        this.shortRun = shortRun;
    }

    /// Whether the dimension in which the inputs of the two runs differ is the one that recurrences
    /// step along.
    public static boolean isTime(Plan one, Plan many) {
        Map<String, Value> before = one.lowered().values();
        for (Lowered.Met met : many.lowered().calls()) {
            Node node = met.call().node();
            if (Recurrence.is(node)) {
                Value x = met.inputs().get(Recurrence.sequence(node));
                Value y = x == null ? null : before.get(x.path + x.name);
                int axis = x == null ? -1 : Recurrence.timeAxis(node, x.type.shape().rank());
                if (x != null
                        && y != null
                        && axis >= 0
                        && y.type.shape().rank() == x.type.shape().rank()
                        && y.type.shape().dim(axis) != x.type.shape().dim(axis)) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Why a graph cannot be stepped, naming the node; null if it can.
    ///
    /// @param one the plan of one step
    /// @param many the plan of several steps at once
    public static @Nullable String obstacle(Plan one, Plan many) {
        return new TimeAxis(one.lowered().values()).obstacle(many.lowered());
    }

    private @Nullable String obstacle(Lowered many) {
        for (Lowered.Met met : many.calls()) {
            String reason = isSettled(met) ? null : obstacle(met);
            if (reason != null) {
                return met.call().node() + " " + reason;
            }
        }
        String choice = choice(many.items());
        if (choice != null) {
            return choice;
        }
        for (Map.Entry<String, Value> output : many.outputs().entrySet()) {
            String reason = constantObstacle(output.getValue());
            if (reason != null) {
                return "output '" + output.getKey() + "' is made of " + reason;
            }
        }
        String start = fedStart(many);
        if (start != null) {
            return start;
        }
        for (Lowered.Carried state : many.states()) {
            if (role(state.after()) == Role.RESULT) {
                return "state '" + state.name() + "' is not what a recurrence ends with";
            }
        }
        return null;
    }

    /// Why a recurrence that the caller gives its state to cannot be stepped: he must get back what
    /// it ends with. Whether he gets the right one is his affair.
    private @Nullable String fedStart(Lowered many) {
        for (Lowered.Met met : fedStarts) {
            if (many.outputs().values().stream().noneMatch(v -> role(v) == Role.LAST)) {
                return met.call().node()
                        + " starts from a state that is fed, but no output is what it ends with";
            }
        }
        return null;
    }

    /// Why the branches that are chosen at run time cannot be chosen step by step.
    private @Nullable String choice(List<Item> items) {
        for (Item item : items) {
            if (item instanceof Item.Choose c) {
                Role role = role(c.condition());
                if (role != Role.FED && role != Role.FIXED) {
                    return c.node() + " chooses once for the whole sequence";
                }
                String inner = choice(c.then());
                inner = inner == null ? choice(c.otherwise()) : inner;
                if (inner != null) {
                    return inner;
                }
            }
        }
        return null;
    }

    /// Whether all that the node does is known while planning.
    private static boolean isSettled(Lowered.Met met) {
        return met.operator().readsOnlyTypes()
                || (areConstants(met.inputs()) && areConstants(met.outputs()));
    }

    private static boolean areConstants(List<@Nullable Value> values) {
        for (Value v : values) {
            if (v != null && v.tensor == null) {
                return false;
            }
        }
        return true;
    }

    private @Nullable String obstacle(Lowered.Met met) {
        int[] in = axes(met.inputs());
        int[] out = axes(met.outputs());
        boolean steps = false;
        for (int axis : in) {
            if (axis == AMBIGUOUS) {
                return "takes a tensor whose steps lie in no single axis";
            }
            steps |= axis >= 0;
        }
        String reason = steps ? met.operator().timeObstacle(met.call(), in, out) : null;
        for (int i = 0; i < in.length && reason == null; i++) {
            Value v = met.inputs().get(i);
            if (v != null && !met.call().hasReadValue(i)) {
                reason = constantObstacle(v);
                reason = reason == null ? null : "takes " + reason;
            }
        }
        if (reason == null) {
            boolean spread = steps;
            for (int axis : out) {
                spread |= axis != -1;
            }
            reason = spread ? mixture(met, in) : stateRead(met);
        }
        if (reason == null) {
            assignRoles(met, out, steps);
        }
        return reason;
    }

    /// What is wrong with a constant that goes to every step alike, if anything is.
    private @Nullable String constantObstacle(Value v) {
        if (v.tensor == null) {
            return null;
        }
        int axis = axis(v);
        if (axis >= 0) {
            return isUniform(v.tensor, axis) ? null : "constants that differ from step to step";
        }
        Value before = shortRun.get(v.path + v.name);
        boolean same =
                before == null
                        || before.tensor == null
                        || before.tensor == v.tensor
                        || (before.type.equals(v.type)
                                && before.tensor.data().mismatch(v.tensor.data()) == -1);
        return same ? null : "a number that depends on the length of the sequence";
    }

    // ---- tensors that have no time axis

    /// What a tensor without time axis is to the steps.
    private enum Role {
        /// The same at every step.
        FIXED,
        /// Fed by the caller, by himself carried from step to step if it is a state.
        FED,
        /// The state from before the step.
        BEFORE,
        /// What is there after the last step.
        LAST,
        /// Computed from that.
        RESULT
    }

    private final List<Lowered.Met> fedStarts = new ArrayList<>();
    private final Map<Value, Role> roles = new IdentityHashMap<>();

    private Role role(Value v) {
        Role known = roles.get(v);
        if (known != null) {
            return known;
        }
        return switch (v.origin) {
            case CONSTANT -> Role.FIXED;
            case INPUT -> Role.FED;
            case STATE -> Role.BEFORE;
            case STEP -> Role.RESULT; // of an If that is decided at run time
        };
    }

    private void assignRoles(Lowered.Met met, int[] out, boolean steps) {
        boolean moves = Pairs.MOVERS.contains(met.call().node().op());
        Role role = Role.FIXED;
        for (Value v : met.inputs()) {
            if (v != null && !steps && v.tensor == null) {
                Role r = role(v);
                role = role == Role.FIXED || role == r ? r : Role.RESULT;
            }
        }
        if (steps) {
            role = moves || Recurrence.is(met.call().node()) ? Role.LAST : Role.RESULT;
        } else if (!moves) {
            role = role == Role.FED || role == Role.FIXED ? Role.FIXED : Role.RESULT;
        }
        for (int i = 0; i < out.length; i++) {
            Value v = met.outputs().get(i);
            if (v != null && out[i] == -1) {
                roles.put(v, role);
            }
        }
    }

    /// Why the tensors without time axis cannot go together with those that have one.
    private @Nullable String mixture(Lowered.Met met, int[] in) {
        Node node = met.call().node();
        boolean recurs = Recurrence.is(node) && runsAlongTime(met, in);
        for (int i = 0; i < in.length; i++) {
            Value v = met.inputs().get(i);
            if (v == null || (recurs && Recurrence.isMemory(node, i))) {
                continue;
            }
            if (v.origin == Value.Origin.STATE && Recurrence.is(node)) {
                return "keeps a state, but runs along another axis than time";
            }
            if (in[i] >= 0) {
                continue;
            }
            switch (role(v)) {
                case LAST, RESULT -> {
                    return "takes what follows the last step, '" + v.name + "', to every step";
                }
                case BEFORE -> {
                    return "takes the state, '" + v.name + "', which changes at every step";
                }
                default -> {}
            }
        }
        return recurs ? start(met) : null;
    }

    private static boolean runsAlongTime(Lowered.Met met, int[] in) {
        Node node = met.call().node();
        int x = Recurrence.sequence(node);
        Value sequence = met.inputs().get(x);
        return sequence != null && in[x] == Recurrence.timeAxis(node, sequence.type.shape().rank());
    }

    private @Nullable String stateRead(Lowered.Met met) {
        if (Pairs.MOVERS.contains(met.call().node().op())) {
            return null;
        }
        for (Value v : met.inputs()) {
            if (v != null && role(v) == Role.BEFORE) {
                return "takes the state, '" + v.name + "', which changes at every step";
            }
        }
        return null;
    }

    /// Why a recurrence does not go on where it was after the step before.
    private @Nullable String start(Lowered.Met met) {
        for (Recurrence.Memory m : Recurrence.memories(met.call().node())) {
            Value initial = m.input() < met.inputs().size() ? met.inputs().get(m.input()) : null;
            if (initial == null || (initial.tensor != null && States.isZero(initial))) {
                return "starts each call from the same state; compile with Options.stateful()";
            }
            if (initial.tensor != null) {
                return "starts each call from '" + initial.name + "', constants other than zero";
            }
            if (role(initial) == Role.FED) {
                fedStarts.add(met);
            } else if (role(initial) != Role.BEFORE) {
                return "starts each call from a state of its own, '" + initial.name + "'";
            }
        }
        return null;
    }

    // ---- axes

    private static final int AMBIGUOUS = -2;

    private int[] axes(List<@Nullable Value> values) {
        int[] axes = new int[values.size()];
        for (int i = 0; i < axes.length; i++) {
            Value v = values.get(i);
            axes[i] = v == null ? -1 : axis(v);
        }
        return axes;
    }

    /// The axis of `v` that is longer than in the short run, or −1.
    private int axis(Value v) {
        Value before = shortRun.get(v.path + v.name);
        if (before == null) {
            return v.tensor == null ? AMBIGUOUS : -1;
        }
        TensorType a = before.type;
        TensorType b = v.type;
        if (a.shape().rank() != b.shape().rank()) {
            return AMBIGUOUS;
        }
        int axis = -1;
        for (int i = 0; i < b.shape().rank(); i++) {
            if (a.shape().dim(i) != b.shape().dim(i)) {
                if (axis >= 0) {
                    return AMBIGUOUS;
                }
                axis = i;
            }
        }
        return axis;
    }

    private static boolean isUniform(Tensor t, int axis) {
        Shape s = t.shape();
        long inner = s.elements(axis + 1, s.rank());
        long length = s.dim(axis);
        for (long i = 0; i < t.elements(); i++) {
            long position = i / inner % length;
            if (position > 0 && Double.compare(t.getDouble(i), t.getDouble(i - inner)) != 0) {
                return false;
            }
        }
        return true;
    }
}
