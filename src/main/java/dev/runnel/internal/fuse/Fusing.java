package dev.runnel.internal.fuse;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.internal.memory.Weights;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Finds the recurrent layers that an exporter took apart, and writes them as the RNN, GRU and LSTM
/// nodes that they are: cells of MatMul, Add, Sigmoid, Mul and the like, and loops over such cells.
/// What computes something else, or is read from elsewhere, stays as it is.
///
/// A cell is taken to have an x, h and c of rank 2 and as many rows. If they are not, the fused
/// graph cannot be planned, and the graph as it was can.
public final class Fusing {
    private static final List<Pattern> PATTERNS =
            List.of(new LstmPattern(), new GruPattern(), new RnnPattern());

    private final Constants constants;
    private final List<String> fusions = new ArrayList<>();

    private Fusing(Weights weights) {
        this.constants = new Constants(weights);
    }

    /// @param graph its nodes in any order
    /// @param fusions a line for each node that was fused, saying from which
    public record Result(Graph graph, List<String> fusions) {}

    /// The graph with all that can be fused. The same object if that is nothing.
    ///
    /// @param graph one that was checked
    public static Result of(Graph graph, Weights weights) {
        Set<String> operators = new HashSet<>();
        collectOperators(graph, operators);
        boolean loops = operators.contains("Loop") || operators.contains("Scan");
        boolean products = operators.contains("MatMul") || operators.contains("Gemm");
        if (!loops && !(products && hasActivation(operators))) {
            return new Result(graph, List.of());
        }
        Fusing fusing = new Fusing(weights);
        Graph fused = fusing.rewrite(new Net(graph, null, Map.of())).toGraph();
        return fusing.fusions.isEmpty()
                ? new Result(graph, List.of())
                : new Result(fused, List.copyOf(fusing.fusions));
    }

    private static boolean hasActivation(Set<String> operators) {
        return operators.contains("Tanh")
                || operators.contains("Relu")
                || operators.contains("Sigmoid")
                || operators.contains("HardSigmoid")
                || operators.contains("Clip");
    }

    private static void collectOperators(Graph graph, Set<String> operators) {
        for (Node node : graph.nodes()) {
            operators.add(node.op());
            for (Attribute a : node.attributes().values()) {
                if (a instanceof Attribute.OfGraph(Graph g)) {
                    collectOperators(g, operators);
                }
            }
        }
    }

    private Net rewrite(Net net) {
        for (Node node : net.nodes()) {
            if (node.domain().isEmpty()) {
                inside(net, node);
            }
        }
        Site site = Site.of(net, constants);
        for (Node node : net.nodes()) {
            if (!net.contains(node) || !node.domain().isEmpty()) {
                continue;
            }
            Pattern.Found found = find(site, node);
            String fused = found == null ? null : CellNode.put(site, found);
            if (fused != null) {
                fusions.add(fused);
            }
        }
        return net;
    }

    private static Pattern.@Nullable Found find(Site site, Node node) {
        for (Pattern pattern : PATTERNS) {
            Pattern.Found found = pattern.match(site, node);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    /// Fuses within the subgraphs of a node, and what comes out of loops.
    private void inside(Net net, Node node) {
        Node at = node;
        if (Net.is(node, "Loop")) {
            Node scan = LoopToScan.replace(net, node, constants);
            if (scan != null) {
                fusions.add("Scan '" + scan.name() + "' from Loop '" + node.name() + "'");
                at = scan;
            }
        }
        Node fused = subgraphs(net, at);
        if (fused != at) {
            net.remove(at);
            net.add(fused);
        }
        if (Net.is(fused, "Scan")) {
            fusions.addAll(ScannedCells.take(net, fused, constants));
        }
    }

    private Node subgraphs(Net net, Node node) {
        Map<String, Attribute> attributes = new HashMap<>(node.attributes());
        for (Map.Entry<String, Attribute> e : attributes.entrySet()) {
            if (e.getValue() instanceof Attribute.OfGraph(Graph g)) {
                int before = fusions.size();
                Net body = rewrite(new Net(g, net, LoopBody.carried(node, g)));
                if (fusions.size() > before) {
                    e.setValue(new Attribute.OfGraph(body.toGraph()));
                }
            }
        }
        return attributes.equals(node.attributes())
                ? node
                : new Node(
                        node.name(),
                        node.domain(),
                        node.op(),
                        node.inputs(),
                        node.outputs(),
                        attributes);
    }
}
