package dev.runnel.formats.precision;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.Session;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/// Where what a layer multiplies with comes from: constants of its graph or of one around it, and
/// the nodes that only move their elements on the way, as exporters do to turn a matrix or to put
/// gates into another order.
final class Origin {
    private static final Set<String> MOVERS =
            Set.of(
                    "Identity",
                    "Reshape",
                    "Squeeze",
                    "Unsqueeze",
                    "Flatten",
                    "Transpose",
                    "Slice",
                    "Split",
                    "Gather",
                    "Concat");

    private static final int MAX_DEPTH = 100;

    /// A tensor by where it is named: names in graphs side by side may be the same.
    private record Place(Scope scope, String name) {}

    /// The float32 constants; those of other types say how to move them.
    final List<Weight> weights = new ArrayList<>();

    /// Under the names that they have among the nodes below.
    private final Map<String, Weight> named = new LinkedHashMap<>();

    private final Map<String, Tensor> settings = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final Map<Place, String> names = new HashMap<>();
    private String result = "";
    private @Nullable Tensor indices;
    private boolean failed;

    private Origin() {}

    /// Where the tensor `name` that `scope` sees comes from; null if not from float32 constants
    /// alone.
    static @Nullable Origin of(Scope scope, String name) {
        Origin origin = new Origin();
        if (name.isEmpty() || !origin.add(scope, name, 0) || origin.weights.isEmpty()) {
            return null;
        }
        origin.result = origin.name(scope, name);
        return origin;
    }

    private String name(Scope scope, String name) {
        Scope owner = Objects.requireNonNull(scope.owner(name));
        return names.computeIfAbsent(new Place(owner, name), _ -> "t" + names.size());
    }

    private boolean add(Scope scope, String name, int depth) {
        Scope owner = scope.owner(name);
        if (owner == null || depth > MAX_DEPTH) {
            return false;
        }
        if (names.containsKey(new Place(owner, name))) {
            return true;
        }
        Tensor constant = owner.constant(name);
        if (constant == null) {
            Node node = owner.producer(name);
            return node != null && add(owner, node, depth);
        }
        if (constant.dtype() != DType.FLOAT32) {
            settings.put(name(owner, name), constant);
        } else if (constant.elements() == 0) {
            return false;
        } else {
            weights.add(owner.weight(name));
            named.put(name(owner, name), owner.weight(name));
        }
        return true;
    }

    private boolean add(Scope scope, Node node, int depth) {
        if (!node.domain().isEmpty() || !MOVERS.contains(node.op())) {
            return false;
        }
        for (String input : node.inputs()) {
            if (!input.isEmpty() && !add(scope, input, depth + 1)) {
                return false;
            }
        }
        nodes.add(
                new Node(
                        node.name(),
                        "",
                        node.op(),
                        node.inputs().stream().map(n -> n.isEmpty() ? n : name(scope, n)).toList(),
                        node.outputs().stream().map(n -> n.isEmpty() ? n : name(scope, n)).toList(),
                        node.attributes()));
        return true;
    }

    /// The shape of what the layer reads; null if the nodes cannot be run.
    @Nullable Shape shape() {
        Tensor t = nodes.isEmpty() ? weights.getFirst().tensor : indices();
        return t == null ? null : t.shape();
    }

    /// The sums that a layer makes of it, as the matrix `[all but the last axis, last axis]`: of
    /// each, the sums of weights that it consists of. Lets weights be stored so, if they have sums
    /// that lie along one axis.
    ///
    /// @param axis of the matrix along which the layer's sums lie
    List<List<Sum>> sums(int axis) {
        if (nodes.isEmpty()) {
            Weight w = weights.getFirst();
            if (!w.storeAlong(axis)) {
                return List.of();
            }
            return IntStream.range(0, w.greatest.length)
                    .mapToObj(i -> List.of(new Sum(w, i)))
                    .toList();
        }
        Tensor indices = indices();
        return indices == null ? List.of() : new Sums(weights, indices, axis).found();
    }

    /// What the nodes yield of the weights' elements if each is its index, counted through the
    /// weights; null if they cannot be run.
    private @Nullable Tensor indices() {
        if (indices == null && !failed) {
            indices = run();
            failed = indices == null;
        }
        return indices;
    }

    private @Nullable Tensor run() {
        Map<String, Tensor> constants = new HashMap<>(settings);
        long first = 0;
        for (Map.Entry<String, Weight> e : named.entrySet()) {
            constants.put(e.getKey(), Numbers.count(e.getValue().tensor.shape(), first));
            first += e.getValue().tensor.elements();
        }
        if (first > Integer.MAX_VALUE) {
            return null;
        }
        Graph graph =
                new Graph(
                        "weights",
                        List.of(),
                        List.of(new ValueInfo(result, DType.INT32, null)),
                        constants,
                        nodes,
                        Map.of());
        Options options = Options.defaults().kernels(KernelSet.SCALAR).memoryLimit(Long.MAX_VALUE);
        try (Model model = Model.compile(graph, options);
                Session session = model.open()) {
            return session.run(Map.of()).get(result);
        } catch (MalformedModelException | UnsupportedModelException | IllegalArgumentException e) {
            return null; // compiling the whole will say what is wrong
        }
    }
}
