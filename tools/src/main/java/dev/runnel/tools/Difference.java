package dev.runnel.tools;

import com.fasterxml.jackson.annotation.JsonInclude;

import dev.runnel.formats.Checkpoint;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiFunction;

/// In what two files of networks or weights differ. The components are the keys of `runnel diff
/// --json`, in snake case. Where one of them has weights only, only weights are compared.
///
/// @param equal whether they differ in nothing
/// @param a the first file
/// @param b the second file
/// @param inputs of graphs, by name
/// @param outputs of graphs, by name
/// @param operators that not both graphs use as often
/// @param nodes by name; where names differ, by what they yield
/// @param tensors by name; where names differ, by content, see [Renaming]
/// @param equalTensors how many are the same under the same name
record Difference(
        boolean equal,
        Side a,
        Side b,
        List<NodeDifference> inputs,
        List<NodeDifference> outputs,
        List<OperatorCount> operators,
        List<NodeDifference> nodes,
        List<TensorDifference> tensors,
        int equalTensors) {
    /// @param nodes their number, subgraphs included; null if the file has weights only
    /// @param tensors their number
    /// @param parameters as [Graph#parameters] and [Checkpoint#parameters] count them
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Side(String name, @Nullable Integer nodes, int tensors, long parameters) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%s  %s, %,d tensors, %,d parameters",
                    name,
                    nodes == null
                            ? "weights without a graph"
                            : String.format(Locale.ROOT, "%,d nodes", nodes),
                    tensors,
                    parameters);
        }
    }

    /// @param a how often A uses it
    /// @param b how often B uses it
    record OperatorCount(String name, int a, int b) {}

    static Difference between(String nameA, ModelFile a, String nameB, ModelFile b) {
        Map<String, Tensor> tensorsA = tensors(a);
        Map<String, Tensor> tensorsB = tensors(b);
        List<NodeDifference> inputs = List.of();
        List<NodeDifference> outputs = List.of();
        List<OperatorCount> operators = List.of();
        List<NodeDifference> nodes = List.of();
        if (a instanceof ModelFile.OfGraph(Graph ga) && b instanceof ModelFile.OfGraph(Graph gb)) {
            inputs = ports(ga.inputs(), gb.inputs());
            outputs = ports(ga.outputs(), gb.outputs());
            Map<String, Node> nodesA = FlatGraph.of(ga).nodes();
            Map<String, Node> nodesB = FlatGraph.of(gb).nodes();
            operators = operators(nodesA, nodesB);
            nodes =
                    compare(
                            nodesA,
                            namedAs(nodesA, nodesB),
                            (name, n) -> NodeDifference.removed(name, NodeDifference.operator(n)),
                            (name, n) -> NodeDifference.added(name, NodeDifference.operator(n)),
                            NodeDifference::between);
        }
        List<TensorDifference> tensors = compareTensors(tensorsA, tensorsB);
        long common = tensorsA.keySet().stream().filter(tensorsB::containsKey).count();
        long changed = tensors.stream().filter(t -> t.change() == Change.CHANGED).count();
        return new Difference(
                inputs.isEmpty() && outputs.isEmpty() && nodes.isEmpty() && tensors.isEmpty(),
                side(nameA, a, tensorsA),
                side(nameB, b, tensorsB),
                inputs,
                outputs,
                operators,
                nodes,
                tensors,
                (int) (common - changed));
    }

    private static Map<String, Tensor> tensors(ModelFile file) {
        return switch (file) {
            case ModelFile.OfGraph(Graph g) -> FlatGraph.of(g).tensors();
            case ModelFile.OfWeights(Checkpoint c) -> c.tensors();
        };
    }

    private static Side side(String name, ModelFile file, Map<String, Tensor> tensors) {
        return switch (file) {
            case ModelFile.OfGraph(Graph g) ->
                    new Side(name, FlatGraph.of(g).nodes().size(), tensors.size(), g.parameters());
            case ModelFile.OfWeights(Checkpoint c) ->
                    new Side(name, null, tensors.size(), c.parameters());
        };
    }

    private interface Comparison<T, D> {
        @Nullable D between(String name, T a, T b);
    }

    /// What only A has, what only B has, what differs; each in the order of its file.
    private static <T, D> List<D> compare(
            Map<String, T> a,
            Map<String, T> b,
            BiFunction<String, T, D> removed,
            BiFunction<String, T, D> added,
            Comparison<T, D> changed) {
        List<D> differences = new ArrayList<>();
        a.forEach(
                (name, value) -> {
                    T other = b.get(name);
                    D d =
                            other == null
                                    ? removed.apply(name, value)
                                    : changed.between(name, value, other);
                    if (d != null) {
                        differences.add(d);
                    }
                });
        b.forEach(
                (name, value) -> {
                    if (!a.containsKey(name)) {
                        differences.add(added.apply(name, value));
                    }
                });
        return differences;
    }

    private static List<NodeDifference> ports(List<ValueInfo> a, List<ValueInfo> b) {
        return compare(
                byName(a),
                byName(b),
                (name, p) -> NodeDifference.removed(name, p.typeText()),
                (name, p) -> NodeDifference.added(name, p.typeText()),
                (_, pa, pb) -> NodeDifference.between(pa, pb));
    }

    private static Map<String, ValueInfo> byName(List<ValueInfo> ports) {
        Map<String, ValueInfo> byName = new LinkedHashMap<>();
        ports.forEach(p -> byName.put(p.name(), p));
        return byName;
    }

    private static List<OperatorCount> operators(Map<String, Node> a, Map<String, Node> b) {
        Map<String, OperatorCount> counts = new TreeMap<>();
        a.values().forEach(n -> count(counts, NodeDifference.operator(n), 1, 0));
        b.values().forEach(n -> count(counts, NodeDifference.operator(n), 0, 1));
        return counts.values().stream().filter(c -> c.a != c.b).toList();
    }

    private static void count(Map<String, OperatorCount> counts, String name, int a, int b) {
        counts.merge(
                name,
                new OperatorCount(name, a, b),
                (x, y) -> new OperatorCount(name, x.a + y.a, x.b + y.b));
    }

    /// The nodes of B, under the names of A's nodes that yield the same where the name itself is
    /// not A's: readers make up names for nodes without.
    private static Map<String, Node> namedAs(Map<String, Node> a, Map<String, Node> b) {
        Map<List<String>, String> byOutputs = new LinkedHashMap<>();
        a.forEach(
                (name, n) -> {
                    if (!b.containsKey(name)) {
                        byOutputs.put(n.outputs(), name);
                    }
                });
        Map<String, Node> named = new LinkedHashMap<>();
        b.forEach(
                (name, n) -> {
                    String twin = a.containsKey(name) ? null : byOutputs.remove(n.outputs());
                    named.put(Objects.requireNonNullElse(twin, name), n);
                });
        return named;
    }

    private static List<TensorDifference> compareTensors(
            Map<String, Tensor> a, Map<String, Tensor> b) {
        Map<String, Tensor> onlyA = new LinkedHashMap<>(a);
        onlyA.keySet().removeAll(b.keySet());
        Map<String, Tensor> onlyB = new LinkedHashMap<>(b);
        onlyB.keySet().removeAll(a.keySet());
        Map<String, String> renamed = Renaming.between(onlyA, onlyB);
        Map<String, Tensor> restA = new LinkedHashMap<>(a);
        restA.keySet().removeAll(renamed.keySet());
        Map<String, Tensor> restB = new LinkedHashMap<>(b);
        restB.keySet().removeAll(renamed.values());
        List<TensorDifference> differences =
                compare(
                        restA,
                        restB,
                        TensorDifference::removed,
                        TensorDifference::added,
                        TensorDifference::between);
        renamed.forEach(
                (from, to) ->
                        differences.add(
                                TensorDifference.renamed(
                                        from,
                                        Objects.requireNonNull(a.get(from)),
                                        to,
                                        Objects.requireNonNull(b.get(to)))));
        return differences;
    }

    /// The differences as text for people.
    String text() {
        StringBuilder s = new StringBuilder();
        s.append("a  ").append(a).append("\nb  ").append(b).append('\n');
        section(s, "inputs", inputs);
        section(s, "outputs", outputs);
        section(
                s,
                "operators",
                operators.stream().map(o -> "~ " + o.name + "  " + o.a + " → " + o.b).toList());
        section(s, "nodes", nodes);
        section(s, "tensors", tensors);
        s.append(equalTensors)
                .append(equalTensors == 1 ? " tensor is" : " tensors are")
                .append(" the same\n");
        if (a.nodes == null != (b.nodes == null)) {
            s.append("only weights were compared: ")
                    .append(a.nodes == null ? "a" : "b")
                    .append(" has no graph\n");
        }
        return s.toString();
    }

    private static void section(StringBuilder s, String title, List<?> lines) {
        if (!lines.isEmpty()) {
            s.append(title).append('\n');
            lines.forEach(l -> s.append("  ").append(Printable.line(l.toString())).append('\n'));
        }
    }
}
