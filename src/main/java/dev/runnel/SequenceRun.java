package dev.runnel;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// A sequence of T steps of N rows through a graph of one input and one output: lays `x` out for
/// the rows, runs the plan of T steps, and collects `y`.
final class SequenceRun {
    private final Model model;
    private final int rows;
    private final Port in;
    private final Port out;

    SequenceRun(Model model, int rows) {
        this.model = model;
        this.rows = rows;
        in = only(model.inputs(), "inputs to feed");
        out = only(model.outputs(), "outputs to read");
    }

    private Port only(List<Port> ports, String what) {
        if (ports.size() != 1) {
            throw new IllegalArgumentException(
                    model.name()
                            + " has "
                            + ports.size()
                            + " "
                            + what
                            + ", "
                            + ports.stream().map(Port::name).toList()
                            + "; call run with tensors by name");
        }
        return ports.getFirst();
    }

    void run(MemorySegment x, MemorySegment y, Session session) {
        requireAccess("x", x);
        requireAccess("y", y);
        if (y.isReadOnly()) {
            throw new IllegalArgumentException(
                    "y is a read-only segment, expected one to write the output to");
        }
        Plans.TimeDimension time = model.plans().time();
        int axis = time == null ? -1 : time.axes().getOrDefault(in.name(), -1);
        long steps = steps(x, axis);
        Shape shape = axis < 0 ? in.type().shape() : in.type().shape().with(axis, steps);
        Plan plan = model.plans().planFor(Map.of(in.name(), new TensorType(in.dtype(), shape)));
        TensorType yType = Objects.requireNonNull(plan.outputs().get(out.name()));
        if (y.byteSize() != yType.byteSize() * rows) {
            throw new IllegalArgumentException(
                    "y has "
                            + y.byteSize()
                            + " bytes, expected "
                            + yType.byteSize() * rows
                            + " for "
                            + rows
                            + " rows of "
                            + yType);
        }
        int yAxis = steps > 1 ? grownAxis(out.type().shape(), yType.shape()) : axis;
        boolean stepsFirst = yAxis == 0;
        long yStep = stepsFirst ? yType.byteSize() / steps : yType.byteSize();
        BoundPlan bound = session.runs().take(plan, rows);
        try {
            MemorySegment ours = Objects.requireNonNull(bound.input(in.name()));
            copy(x, ours, in.byteSize(), steps, axis == 0, true);
            session.run(bound, session.own());
            ours = Objects.requireNonNull(bound.output(out.name()));
            copy(y, ours, yStep, stepsFirst ? steps : 1, stepsFirst, false);
        } finally {
            session.runs().give(bound);
        }
    }

    /// Asked before anything runs: a run that throws leaves the states as they were.
    private static void requireAccess(String name, MemorySegment s) {
        if (!s.scope().isAlive()) {
            throw new IllegalArgumentException(
                    name + " is in an arena that is closed, expected an open one");
        }
        if (!s.isAccessibleBy(Thread.currentThread())) {
            throw new IllegalArgumentException(
                    name
                            + " is in another thread's confined arena, expected one that this"
                            + " thread may access: of its own, of Arena.ofShared() or"
                            + " Arena.ofAuto()");
        }
    }

    private long steps(MemorySegment x, int axis) {
        long step = in.byteSize() * rows;
        long steps = axis < 0 ? 1 : x.byteSize() / Math.max(step, 1);
        if (steps < 1 || steps * step != x.byteSize()) {
            throw new IllegalArgumentException(
                    "x has "
                            + x.byteSize()
                            + " bytes, expected "
                            + (axis < 0 ? "" : "a positive multiple of ")
                            + step
                            + " for "
                            + rows
                            + " rows of "
                            + in.type());
        }
        return steps;
    }

    private static int grownAxis(Shape one, Shape many) {
        for (int a = 0; a < many.rank() && one.rank() == many.rank(); a++) {
            if (one.dim(a) != many.dim(a)) {
                return a;
            }
        }
        return -1;
    }

    /// Between the caller's `[T, N, …]` and the rows' `[T, …]` one after the other; where steps are
    /// not the first axis, both are in the same order.
    private void copy(
            MemorySegment callers,
            MemorySegment ours,
            long step,
            long steps,
            boolean interleaved,
            boolean in) {
        if (!interleaved || rows == 1) {
            MemorySegment.copy(in ? callers : ours, 0, in ? ours : callers, 0, callers.byteSize());
            return;
        }
        for (long t = 0; t < steps; t++) {
            for (int r = 0; r < rows; r++) {
                long theirs = (t * rows + r) * step;
                long mine = (r * steps + t) * step;
                MemorySegment.copy(
                        in ? callers : ours,
                        in ? theirs : mine,
                        in ? ours : callers,
                        in ? mine : theirs,
                        step);
            }
        }
    }
}
