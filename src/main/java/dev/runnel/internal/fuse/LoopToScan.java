package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A Loop that goes from the first to the last element of an axis, and takes nothing but elements
/// by its counter, is a Scan. So is one that collects its results in a sequence, element after
/// element, which is then stacked (what PyTorch makes of a scripted loop).
final class LoopToScan {
    private record Element(String sequence, long axis, String in) {}

    private record Carried(String initial, ValueInfo in, ValueInfo out, String result) {}

    private record Collected(ValueInfo out, long axis, String result) {}

    private final Net net;
    private final Net body;
    private final Node loop;
    private final Constants constants;
    private final List<Carried> carried = new ArrayList<>();
    private final List<Collected> collected = new ArrayList<>();
    private final List<Element> elements = new ArrayList<>();
    private final List<Node> outside = new ArrayList<>();
    private final List<Node> inside = new ArrayList<>();

    private LoopToScan(Net net, Node loop, Graph body, Constants constants) {
        this.net = net;
        this.loop = loop;
        this.body = new Net(body, net, LoopBody.carried(loop, body));
        this.constants = constants;
    }

    /// Replaces the Loop in `net`.
    ///
    /// @return the Scan; null, and nothing changed, if it is none
    static @Nullable Node replace(Net net, Node loop, Constants constants) {
        if (!(loop.attributes().get("body") instanceof Attribute.OfGraph(Graph g))
                || loop.inputs().size() < 2
                || g.inputs().size() != loop.inputs().size()
                || g.outputs().size() < loop.inputs().size() - 1
                || loop.outputs().size() > g.outputs().size() - 1) {
            return null;
        }
        LoopToScan rewriting = new LoopToScan(net, loop, g, constants);
        return rewriting.isWhole() && rewriting.sort() ? rewriting.put() : null;
    }

    // ---- whether it is one

    /// Whether no condition ends it, and it counts the elements it takes.
    private boolean isWhole() {
        String condition = loop.inputs().get(1);
        String again = body.root(body.outputs.getFirst().name());
        if (!(condition.isEmpty() || isTrue(net, condition))
                || !(again.equals(body.inputs.get(1).name()) || isTrue(body, again))) {
            return false;
        }
        String counter = body.inputs.getFirst().name();
        if (body.isOutput(counter)) {
            return false;
        }
        for (Node gather : body.readers(counter)) {
            long axis = (long) Affines.number(gather, "axis", 0);
            if (!Net.is(gather, "Gather")
                    || !gather.inputs().get(1).equals(counter)
                    || body.owner(gather.inputs().getFirst()) == body
                    || !isExtent(loop.inputs().getFirst(), gather.inputs().getFirst(), axis)) {
                return false;
            }
            elements.add(
                    new Element(gather.inputs().getFirst(), axis, gather.outputs().getFirst()));
            inside.add(gather);
        }
        return !elements.isEmpty();
    }

    private boolean isTrue(Net where, String tensor) {
        Tensor t = constants.find(where, tensor);
        return t != null && t.dtype() == DType.BOOL && t.elements() == 1 && t.getLong(0) != 0;
    }

    /// Whether `count` is the extent of that axis of `tensor`.
    private boolean isExtent(String count, String tensor, long axis) {
        Tensor known = count.isEmpty() ? null : constants.find(net, count);
        if (known != null) {
            Net owner = net.owner(tensor);
            ValueInfo info = owner == null ? null : owner.input(tensor);
            return known.elements() == 1
                    && info != null
                    && info.dims() != null
                    && axis >= 0
                    && axis < info.dims().size()
                    && info.dims().get((int) axis).isFixed()
                    && info.dims().get((int) axis).size() == known.getLong(0);
        }
        String at = count;
        for (Node n = net.producer(at); n != null; n = net.producer(at)) {
            switch (n.op()) {
                case "Cast", "Squeeze", "Unsqueeze", "Reshape", "Identity" ->
                        at = n.inputs().getFirst();
                case "Gather", "Slice" -> {
                    long[] index = constants.longs(net, n.inputs().get(1));
                    Node shape = net.producer(n.inputs().getFirst(), "Shape");
                    return index != null
                            && index.length == 1
                            && index[0] == axis
                            && shape != null
                            && shape.attributes().isEmpty()
                            && shape.inputs().getFirst().equals(tensor);
                }
                default -> {
                    return false;
                }
            }
        }
        return false;
    }

    // ---- what it carries and collects

    private boolean sort() {
        int n = loop.inputs().size() - 2;
        for (int i = 0; i < n; i++) {
            ValueInfo in = body.inputs.get(2 + i);
            ValueInfo out = body.outputs.get(1 + i);
            String initial = loop.inputs().get(2 + i);
            Node empty = net.producer(initial, "SequenceEmpty");
            if (empty == null) {
                carried.add(new Carried(initial, in, out, result(i)));
            } else if (!sequence(in, out, result(i))) {
                return false;
            } else {
                outside.add(empty);
            }
        }
        for (int i = n; i + 1 < body.outputs.size(); i++) {
            collected.add(new Collected(body.outputs.get(i + 1), 0, result(i)));
        }
        collected.removeIf(c -> c.result.isEmpty());
        return true;
    }

    private String result(int i) {
        return i < loop.outputs().size() ? loop.outputs().get(i) : "";
    }

    /// A sequence to which each iteration appends a tensor, and which is stacked in the end.
    private boolean sequence(ValueInfo in, ValueInfo out, String result) {
        Node insert = body.producer(out.name(), "SequenceInsert");
        if (insert == null
                || insert.inputs().size() != 2
                || !insert.inputs().getFirst().equals(in.name())
                || body.readers(in.name()).size() != 1
                || !body.readers(out.name()).isEmpty()
                || net.isOutput(result)) {
            return false;
        }
        inside.add(insert);
        String element = insert.inputs().get(1);
        for (Node stack : net.readers(result)) {
            if (!Net.is(stack, "ConcatFromSequence")
                    || Affines.number(stack, "new_axis", 0) != 1
                    || Affines.number(stack, "axis", -1) < 0) {
                return false;
            }
            collected.add(
                    new Collected(
                            new ValueInfo(element, DType.FLOAT32, null),
                            (long) Affines.number(stack, "axis", 0),
                            stack.outputs().getFirst()));
            outside.add(stack);
        }
        return true;
    }

    // ---- the Scan

    private Node put() {
        net.remove(loop);
        outside.stream().filter(n -> !Net.is(n, "SequenceEmpty")).forEach(net::remove);
        net.removeUnread(outside);
        inside.forEach(body::remove);
        List<String> in = new ArrayList<>();
        List<String> out = new ArrayList<>();
        List<ValueInfo> bodyIn = new ArrayList<>();
        List<ValueInfo> bodyOut = new ArrayList<>();
        for (Carried c : carried) {
            in.add(c.initial);
            out.add(c.result);
            bodyIn.add(c.in);
            bodyOut.add(c.out);
        }
        for (Element e : elements) {
            in.add(e.sequence);
            bodyIn.add(new ValueInfo(e.in, DType.FLOAT32, null));
        }
        for (Collected c : collected) {
            out.add(c.result);
            bodyOut.add(c.out);
        }
        // The condition's input is no more: what still reads it is told.
        body.initializers.put(
                body.inputs.get(1).name(),
                new Tensor(
                        new TensorType(DType.BOOL, Shape.SCALAR),
                        MemorySegment.ofArray(new byte[] {1})));
        Graph g = body.toGraph();
        Graph scanned =
                new Graph(g.name(), bodyIn, bodyOut, g.initializers(), g.nodes(), g.metadata());
        Node scan =
                new Node(
                        loop.name(),
                        "",
                        "Scan",
                        in,
                        out,
                        Map.of(
                                "body",
                                new Attribute.OfGraph(scanned),
                                "num_scan_inputs",
                                new Attribute.OfLong(elements.size()),
                                "scan_input_axes",
                                new Attribute.OfLongs(
                                        elements.stream().map(Element::axis).toList()),
                                "scan_output_axes",
                                new Attribute.OfLongs(
                                        collected.stream().map(Collected::axis).toList())));
        net.add(scan);
        return scan;
    }
}
