package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.graph.ValueInfo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Which of the tensors that gates are sums of is the hidden state. By arithmetic it is any one of
/// the right size; what tells is where it comes from and where h′ goes.
final class Hidden {
    private static final int MAX_READERS = 100;

    private Hidden() {}

    /// Those of the right size, the likeliest first.
    ///
    /// @param nextH h′
    /// @param c the cell state before; empty if there is none
    /// @param size its columns
    static List<String> candidates(Site site, List<Affine> sums, String nextH, String c, int size) {
        Map<String, Integer> places = new HashMap<>();
        for (Affine sum : sums) {
            for (Affine.Term term : sum.terms()) {
                List<String> parts = FusedWeights.parts(site, term.source());
                int rows = term.weights().rows();
                if (parts.size() > 1 && rows > size) {
                    places.putIfAbsent(parts.getFirst(), places.size());
                    places.putIfAbsent(parts.getLast(), places.size());
                } else if (rows == size) {
                    places.putIfAbsent(term.source(), places.size());
                }
            }
        }
        List<String> candidates = new ArrayList<>(places.keySet());
        candidates.removeIf(h -> !fits(site.net(), h, size));
        Map<String, Long> likely = new HashMap<>();
        for (String h : candidates) {
            Integer place = places.get(h);
            likely.put(h, evidence(site, h, nextH, c) * 1000L + (place == null ? 0 : place));
        }
        candidates.sort(Comparator.comparing((String h) -> likely.getOrDefault(h, 0L)).reversed());
        return candidates;
    }

    /// Whether the last dimension that an input declares is no other.
    private static boolean fits(Net net, String h, int size) {
        ValueInfo info = net.input(h);
        if (info == null || info.dims() == null || info.dims().isEmpty()) {
            return true;
        }
        ValueInfo.Dim last = info.dims().getLast();
        return !last.isFixed() || last.size() == size;
    }

    private static int evidence(Site site, String h, String nextH, String c) {
        Net net = site.net();
        String root = net.root(h);
        if (net.root(c).equals(site.cells().get(root)) || nextH.equals(nextOf(net, root))) {
            return 1000;
        }
        if (site.constants().find(net, h) != null) {
            return 900;
        }
        if (root.equals(net.root(c))) {
            return 800;
        }
        List<String> inputs = net.inputs.stream().map(ValueInfo::name).toList();
        return inputs.indexOf(root); // x comes first, as in the standard; what is computed is x
    }

    /// In the body of a loop: what an input becomes; empty if it is no such input.
    private static String nextOf(Net net, String input) {
        String output = net.carried.get(input);
        return output == null ? "" : net.root(output);
    }

    /// Whether h′ is what h will be: in the next iteration of a loop, or, h being an input of the
    /// model, when the output of the same type is fed back.
    static boolean isCarried(Site site, String h, String nextH) {
        Net net = site.net();
        String root = net.root(h);
        if (!net.carried.isEmpty()) {
            return nextH.equals(nextOf(net, root));
        }
        ValueInfo in = net.outer == null ? net.input(root) : null;
        if (in == null || in.dims() == null) {
            return false;
        }
        Set<String> reached = moved(net, nextH);
        return net.outputs.stream()
                .anyMatch(
                        o ->
                                reached.contains(o.name())
                                        && in.dtype() == o.dtype()
                                        && in.dims().equals(o.dims()));
    }

    /// The tensors that a tensor becomes by being moved.
    private static Set<String> moved(Net net, String tensor) {
        Set<String> reached = new HashSet<>();
        List<String> todo = new ArrayList<>(List.of(tensor));
        while (!todo.isEmpty() && reached.size() < MAX_READERS) {
            String at = todo.removeLast();
            if (reached.add(at)) {
                for (Node reader : net.readers(at)) {
                    if (net.isMoved(reader, at)) {
                        todo.addAll(reader.outputs());
                    }
                }
            }
        }
        return reached;
    }
}
