package dev.runnel.formats.onnx;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/// The order that ONNX asks of nodes: each after those whose outputs it reads.
final class NodeOrder {
    private NodeOrder() {}

    /// The nodes of `graph`, in their own order where that will do. Those that wait for each other,
    /// which no order mends, come last.
    static List<Node> of(Graph graph) {
        List<Node> nodes = graph.nodes();
        Map<String, Integer> producers = new HashMap<>();
        for (int i = 0; i < nodes.size(); i++) {
            for (String output : nodes.get(i).outputs()) {
                producers.putIfAbsent(output, i);
            }
        }
        producers.remove("");
        List<List<Integer>> readers = new ArrayList<>();
        nodes.forEach(_ -> readers.add(new ArrayList<>()));
        int[] awaited = new int[nodes.size()];
        for (int i = 0; i < nodes.size(); i++) {
            for (String name : reads(nodes.get(i))) {
                Integer producer = producers.get(name);
                if (producer != null && producer != i) {
                    readers.get(producer).add(i);
                    awaited[i]++;
                }
            }
        }
        PriorityQueue<Integer> ready = new PriorityQueue<>();
        for (int i = 0; i < awaited.length; i++) {
            if (awaited[i] == 0) {
                ready.add(i);
            }
        }
        Set<Integer> order = new java.util.LinkedHashSet<>();
        while (!ready.isEmpty()) {
            int next = ready.remove();
            order.add(next);
            for (int reader : readers.get(next)) {
                if (--awaited[reader] == 0) {
                    ready.add(reader);
                }
            }
        }
        for (int i = 0; i < awaited.length; i++) {
            order.add(i);
        }
        return order.stream().map(nodes::get).toList();
    }

    /// What `node` reads, by itself and in its subgraphs.
    private static Set<String> reads(Node node) {
        Set<String> names = new HashSet<>(node.inputs());
        for (Attribute a : node.attributes().values()) {
            if (a instanceof Attribute.OfGraph(Graph g)) {
                g.outputs().forEach(o -> names.add(o.name()));
                g.nodes().forEach(n -> names.addAll(reads(n)));
            }
        }
        return names;
    }
}
