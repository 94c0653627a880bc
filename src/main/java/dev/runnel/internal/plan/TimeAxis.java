package dev.runnel.internal.plan;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.Optional;

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
            if (Recurrence.is(met.call().node())) {
                Value x = met.inputs().getFirst();
                Value y = x == null ? null : before.get(x.path + x.name);
                int axis = Recurrence.timeAxis(met.call().node());
                if (x != null
                        && y != null
                        && y.type.shape().rank() == 3
                        && x.type.shape().rank() == 3
                        && y.type.shape().dim(axis) != x.type.shape().dim(axis)) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Why a graph cannot be stepped, naming the node; empty if it can.
    ///
    /// @param one the plan of one step
    /// @param many the plan of several steps at once
    public static Optional<String> obstacle(Plan one, Plan many) {
        return new TimeAxis(one.lowered().values()).obstacle(many.lowered());
    }

    private Optional<String> obstacle(Lowered many) {
        for (Lowered.Met met : many.calls()) {
            String reason = obstacle(met);
            if (reason != null) {
                return Optional.of(met.call().node() + " " + reason);
            }
        }
        return Optional.empty();
    }

    private @Nullable String obstacle(Lowered.Met met) {
        int[] in = axes(met.inputs());
        int[] out = axes(met.outputs());
        boolean timeless = true;
        for (int i = 0; i < in.length; i++) {
            Value v = met.inputs().get(i);
            if (in[i] == AMBIGUOUS) {
                return "takes a tensor whose steps lie in no single axis";
            }
            timeless &= in[i] < 0;
            if (v != null
                    && v.tensor != null
                    && in[i] >= 0
                    && v.type.dtype().isFloat()
                    && !isUniform(v.tensor, in[i])) {
                return "takes constants that differ from step to step";
            }
        }
        if (timeless) {
            return null;
        }
        boolean folded =
                met.outputs().stream().allMatch(v -> v == null || v.tensor != null)
                        && met.inputs().stream().allMatch(v -> v == null || v.tensor != null);
        if (folded || met.operator().readsOnlyTypes()) {
            return null;
        }
        String reason = met.operator().timeObstacle(met.call(), in, out);
        if (reason == null && Recurrence.is(met.call().node())) {
            return startsFromZero(met, in);
        }
        return reason;
    }

    private static @Nullable String startsFromZero(Lowered.Met met, int[] in) {
        if (in[0] != Recurrence.timeAxis(met.call().node())) {
            return null;
        }
        for (Recurrence.Memory m : Recurrence.memories(met.call().node())) {
            Value initial = m.input() < met.inputs().size() ? met.inputs().get(m.input()) : null;
            if (initial == null || initial.tensor != null) {
                return "starts each call from the same state; compile with Options.stateful()";
            }
        }
        return null;
    }

    private static final int AMBIGUOUS = -2;

    private int[] axes(List<@Nullable Value> values) {
        return values.stream().mapToInt(v -> v == null ? -1 : axis(v)).toArray();
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
