package dev.runnel.tools;

import dev.runnel.MalformedModelException;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Rounding;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/// What there is to know of a model. The components are the keys of `runnel inspect --json`, in
/// snake case. Of a model that cannot be compiled it holds what its graph says.
///
/// @param model the graph's name
/// @param metadata what the file says of itself
/// @param inputs what the caller feeds
/// @param outputs what the caller reads
/// @param states what a stream's memory holds
/// @param operators in use, subgraphs included, the most frequent first
/// @param nodes their number, subgraphs included
/// @param fused the recurrent layers that were recognised, each with the nodes it was made of
/// @param parameters the number of weights
/// @param weightBytes packed weights and constants, off-heap; null if not compiled
/// @param roundings what tensors of weights lost that were packed in fewer bits; none if no
///   precision was asked for
/// @param stateBytes one stream's memory; null if not compiled
/// @param kernels the arithmetic in use; null if not compiled
/// @param compiles whether the model can be compiled; null if that was not tried
/// @param problem why not; null if it can, or that was not tried
/// @param steps whether it can be stepped
/// @param stepObstacle why not; null if it can, or is not compiled
/// @param plan the steps of the plan as text; null if not compiled
record Inspection(
        String model,
        Map<String, String> metadata,
        List<PortLine> inputs,
        List<PortLine> outputs,
        List<PortLine> states,
        List<OperatorLine> operators,
        int nodes,
        List<String> fused,
        long parameters,
        @Nullable Long weightBytes,
        List<Rounding> roundings,
        @Nullable Long stateBytes,
        @Nullable String kernels,
        @Nullable Boolean compiles,
        @Nullable String problem,
        boolean steps,
        @Nullable String stepObstacle,
        @Nullable String plan) {
    /// @param declared the type that the file declares, symbolic dimensions included
    /// @param step the type in one step of one stream; null if not compiled
    record PortLine(String name, String declared, @Nullable String step) {
        static PortLine of(Port port) {
            return new PortLine(port.name(), port.declared().typeText(), port.type().toString());
        }

        static PortLine of(ValueInfo value) {
            return new PortLine(value.name(), value.typeText(), null);
        }
    }

    /// @param name with its domain, if that is not the standard one
    record OperatorLine(String name, int count, boolean supported) {}

    /// Looks at a graph, and plans it to look at the model.
    ///
    /// @param packs whether to pack its weights, and see what they lose
    static Inspection of(Graph graph, Options options, boolean packs) {
        List<OperatorLine> operators = operators(graph);
        int nodes = operators.stream().mapToInt(OperatorLine::count).sum();
        Map<String, String> metadata = new TreeMap<>(graph.metadata());
        try (Model model = packs ? Model.compile(graph, options) : Model.plan(graph, options)) {
            String obstacle = model.stepObstacle().map(Failures::inOptionWords).orElse(null);
            return new Inspection(
                    model.name(),
                    metadata,
                    model.inputs().stream().map(PortLine::of).toList(),
                    model.outputs().stream().map(PortLine::of).toList(),
                    model.states().stream().map(PortLine::of).toList(),
                    operators,
                    nodes,
                    model.fusions(),
                    model.parameters(),
                    model.weightBytes(),
                    packs ? model.roundings() : List.of(),
                    model.stateBytes(),
                    model.kernels(),
                    true,
                    null,
                    obstacle == null,
                    obstacle,
                    Failures.inOptionWords(model.describe()));
        } catch (MalformedModelException
                | UnsupportedModelException
                | IllegalArgumentException
                | IllegalStateException e) {
            return ofGraph(graph, false, Failures.describe(e));
        }
    }

    /// Looks at a graph alone, and reads no weights.
    static Inspection of(Graph graph) {
        return ofGraph(graph, null, null);
    }

    private static Inspection ofGraph(
            Graph graph, @Nullable Boolean compiles, @Nullable String problem) {
        List<OperatorLine> operators = operators(graph);
        return new Inspection(
                graph.name(),
                new TreeMap<>(graph.metadata()),
                graph.inputs().stream().map(PortLine::of).toList(),
                graph.outputs().stream().map(PortLine::of).toList(),
                List.of(),
                operators,
                operators.stream().mapToInt(OperatorLine::count).sum(),
                List.of(),
                graph.parameters(),
                null,
                List.of(),
                null,
                null,
                compiles,
                problem,
                false,
                null,
                null);
    }

    private static List<OperatorLine> operators(Graph graph) {
        Map<String, OperatorLine> lines = new LinkedHashMap<>();
        forEachNode(
                graph,
                node -> {
                    String name =
                            node.domain().isEmpty() ? node.op() : node.domain() + "." + node.op();
                    boolean supported = Model.operators().contains(name);
                    lines.merge(
                            name,
                            new OperatorLine(name, 1, supported),
                            (a, _) -> new OperatorLine(name, a.count + 1, supported));
                });
        return lines.values().stream()
                .sorted(
                        Comparator.comparingInt(OperatorLine::count)
                                .reversed()
                                .thenComparing(OperatorLine::name))
                .toList();
    }

    private static void forEachNode(Graph graph, Consumer<Node> action) {
        for (Node node : graph.nodes()) {
            action.accept(node);
            for (Attribute attribute : node.attributes().values()) {
                if (attribute instanceof Attribute.OfGraph(Graph subgraph)) {
                    forEachNode(subgraph, action);
                }
            }
        }
    }

    /// The inspection as text for people.
    String text() {
        StringBuilder s = new StringBuilder(model).append('\n');
        metadata.forEach(
                (key, value) ->
                        s.append("  ").append(Printable.line(key + ": " + value)).append('\n'));
        ports(s, "inputs", inputs);
        ports(s, "outputs", outputs);
        if (compiles != null) {
            ports(s, "states", states);
        }
        s.append("operators (").append(nodes).append(" nodes)\n");
        for (OperatorLine line : operators) {
            s.append(
                    String.format(
                            Locale.ROOT,
                            "  %5d %s%s\n",
                            line.count,
                            line.name,
                            line.supported ? "" : "  not supported"));
        }
        if (!fused.isEmpty()) {
            s.append("fused\n");
            fused.forEach(line -> s.append("  ").append(line).append('\n'));
        }
        s.append(String.format(Locale.ROOT, "parameters\n  %,d\n", parameters));
        if (weightBytes != null && stateBytes != null) {
            s.append(
                    String.format(
                            Locale.ROOT,
                            "memory\n"
                                    + "  %,d bytes of weights, shared\n"
                                    + "  %,d bytes of state a stream\n",
                            weightBytes,
                            stateBytes));
            if (!roundings.isEmpty()) {
                s.append("weights as packed, off from those of the file\n");
                s.append(Roundings.text(roundings));
            }
            s.append("kernels at first\n  ").append(kernels).append('\n');
        }
        if (compiles == null) {
            return s.toString();
        }
        s.append("can be stepped\n  ");
        s.append(
                        steps
                                ? "yes"
                                : "no: "
                                        + (problem == null
                                                ? stepObstacle
                                                : "it cannot be compiled"))
                .append('\n');
        return s.toString();
    }

    private static void ports(StringBuilder s, String title, List<PortLine> ports) {
        s.append(title).append('\n');
        int width = ports.stream().mapToInt(p -> Printable.line(p.name).length()).max().orElse(0);
        for (PortLine p : ports) {
            String name = Printable.line(p.name);
            s.append("  ").append(name).append(" ".repeat(width - name.length()));
            s.append("  ").append(p.declared);
            if (p.step != null && !p.step.equals(p.declared)) {
                s.append("  in one step ").append(p.step);
            }
            s.append('\n');
        }
        if (ports.isEmpty()) {
            s.append("  none\n");
        }
    }
}
