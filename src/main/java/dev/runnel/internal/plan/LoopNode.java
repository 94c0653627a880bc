package dev.runnel.internal.plan;

import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// A `Loop` or `Scan`, checked: what its body takes and yields (ONNX Loop-21, Scan-21).
///
/// @param count how often to run the body at most; null for no limit
/// @param condition whether to run it at all; null for yes
/// @param iteration the body's input that counts; null for Scan's
/// @param proceed the body's input that is the condition; null for Scan's
/// @param again the body's output that is the next condition; null for Scan's
record LoopNode(
        Call call,
        Graph body,
        @Nullable Value count,
        @Nullable Value condition,
        @Nullable String iteration,
        @Nullable String proceed,
        @Nullable String again,
        List<Carried> carried,
        List<Element> elements,
        List<Collected> collected)
        implements Operator {

    /// A tensor handed from iteration to iteration.
    ///
    /// @param in the body's input
    /// @param out the body's output
    /// @param result the node's output; empty if nobody reads it
    record Carried(Value initial, String in, String out, String result) {}

    /// A sequence of which each iteration takes an element.
    record Element(Value sequence, int axis, boolean reverse, String in) {}

    /// Elements that make a sequence. `axis` may count from the end.
    record Collected(String out, long axis, boolean reverse, String result) {}

    static LoopNode of(Call call, List<@Nullable Value> in) {
        LoopNode loop = call.node().op().equals("Scan") ? scan(call, in) : loop(call, in);
        for (String name : call.unreadAttributes()) {
            throw call.unsupported("attribute '" + name + "' is not known to this operator");
        }
        return loop;
    }

    private static LoopNode loop(Call call, List<@Nullable Value> in) {
        Graph body = Branches.branch(call, "body");
        int n = Math.max(0, in.size() - 2);
        requireBody(call, body.inputs(), "inputs", n + 2, n + 2);
        requireBody(call, body.outputs(), "outputs", n + 1, Integer.MAX_VALUE);
        return new LoopNode(
                call,
                body,
                scalar(call, in, 0, DType.INT64),
                scalar(call, in, 1, DType.BOOL),
                body.inputs().get(0).name(),
                body.inputs().get(1).name(),
                body.outputs().getFirst().name(),
                carried(call, in, body, 2, n, 1),
                List.of(),
                collected(call, body, n, 1, null, null));
    }

    private static LoopNode scan(Call call, List<@Nullable Value> in) {
        Graph body = Branches.branch(call, "body");
        long m = call.longAttribute("num_scan_inputs", 0);
        if (m < 1 || m > in.size()) {
            throw call.malformed(
                    "num_scan_inputs is " + m + ", expected 1 … " + in.size() + " inputs");
        }
        int n = in.size() - (int) m;
        requireBody(call, body.inputs(), "inputs", in.size(), in.size());
        requireBody(call, body.outputs(), "outputs", n, Integer.MAX_VALUE);
        int k = body.outputs().size() - n;
        List<Element> elements = new ArrayList<>();
        List<Long> axes = list(call, "scan_input_axes", m);
        List<Long> directions = list(call, "scan_input_directions", m);
        long length = -1;
        for (int i = 0; i < m; i++) {
            Value v = in.get(n + i);
            int rank = call.shape(n + i).rank();
            int axis = call.axis("scan_input_axes", axes == null ? 0 : axes.get(i), rank);
            long extent = call.shape(n + i).dim(axis);
            if (v == null || (length >= 0 && extent != length)) {
                throw call.malformed(
                        "scan input " + i + " has " + extent + " elements, expected " + length);
            }
            length = extent;
            String name = body.inputs().get(n + i).name();
            elements.add(new Element(v, axis, reverse(call, directions, i), name));
        }
        Value count = Value.constant("", "trips", Tensor.ofLongs(Shape.SCALAR, length));
        return new LoopNode(
                call,
                body,
                count,
                null,
                null,
                null,
                null,
                carried(call, in, body, 0, n, 0),
                elements,
                collected(
                        call,
                        body,
                        n,
                        0,
                        list(call, "scan_output_axes", k),
                        list(call, "scan_output_directions", k)));
    }

    private static void requireBody(
            Call call, List<ValueInfo> list, String what, int from, int to) {
        if (list.size() < from || list.size() > to) {
            throw call.malformed("its body has " + list.size() + " " + what + ", expected " + from);
        }
    }

    private static @Nullable Value scalar(Call call, List<@Nullable Value> in, int i, DType dtype) {
        Value v = i < in.size() ? in.get(i) : null;
        if (v != null && (v.type.dtype() != dtype || v.type.shape().elements() != 1)) {
            throw call.malformed("input " + i + " is " + v.type + ", expected one " + dtype);
        }
        return v;
    }

    private static List<Carried> carried(
            Call call, List<@Nullable Value> in, Graph body, int firstIn, int n, int firstOut) {
        List<Carried> carried = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Value initial = in.get(firstIn + i);
            if (initial == null) {
                throw call.malformed("input " + (firstIn + i) + " is missing");
            }
            String from = body.inputs().get(firstIn + i).name();
            String to = body.outputs().get(firstOut + i).name();
            carried.add(new Carried(initial, from, to, output(call, i)));
        }
        return carried;
    }

    private static List<Collected> collected(
            Call call,
            Graph body,
            int n,
            int firstOut,
            @Nullable List<Long> axes,
            @Nullable List<Long> directions) {
        int k = body.outputs().size() - n - firstOut;
        if (call.node().outputs().size() > n + k) {
            throw call.malformed(
                    "has "
                            + call.node().outputs().size()
                            + " outputs, expected at most "
                            + (n + k));
        }
        List<Collected> collected = new ArrayList<>();
        for (int i = 0; i < k; i++) {
            String result = output(call, n + i);
            if (!result.isEmpty()) {
                collected.add(
                        new Collected(
                                body.outputs().get(firstOut + n + i).name(),
                                axes == null ? 0 : axes.get(i),
                                reverse(call, directions, i),
                                result));
            }
        }
        return collected;
    }

    private static String output(Call call, int i) {
        return call.wants(i) ? call.node().outputs().get(i) : "";
    }

    private static @Nullable List<Long> list(Call call, String name, long size) {
        List<Long> list = call.longsAttribute(name);
        if (list != null && list.size() != size) {
            throw call.malformed(
                    "attribute '" + name + "' has " + list.size() + " values, expected " + size);
        }
        return list;
    }

    private static boolean reverse(Call call, @Nullable List<Long> directions, int i) {
        long direction = directions == null ? 0 : directions.get(i);
        if (direction != 0 && direction != 1) {
            throw call.malformed("direction is " + direction + ", expected 0 or 1");
        }
        return direction == 1;
    }

    // ---- as TimeAxis sees it

    @Override
    public List<TensorType> infer(Call call) {
        throw new IllegalStateException("the planner lowers loops itself");
    }

    @Override
    public Program compile(Call call) {
        throw new IllegalStateException("the planner lowers loops itself");
    }

    /// A Scan forwards along time, of every sequence it takes and makes, is a recurrence.
    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        int n = carried.size();
        int m = elements.size();
        boolean passes = m > 0;
        for (int i = 0; i < in.length; i++) {
            Element e = i >= n && i < n + m ? elements.get(i - n) : null;
            passes &= in[i] == (e == null ? -1 : e.axis) && (e == null || !e.reverse);
        }
        for (int i = 0, k = 0; i < out.length; i++) {
            boolean collects = i >= n && call.wants(i);
            Collected c = collects ? collected.get(k++) : null;
            passes &= out[i] == -1 ? c == null : c != null && !c.reverse;
        }
        return passes ? null : "runs its body over the whole sequence";
    }
}
