package dev.runnel;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What tells one model from another: a digest of its graph, weights included, and of the options
/// that decide what its state holds. Two files of the same network have the same.
final class Fingerprint {
    /// What the digest is made of; as text only then, as that takes a young process milliseconds.
    private final List<Object> parts = new ArrayList<>();

    private Fingerprint() {}

    /// Reads the weights now; the digest is made when it is asked for.
    static Fingerprint of(Graph graph, Options options) {
        Fingerprint f = new Fingerprint();
        f.add(graph);
        f.add("bound");
        for (Map.Entry<String, Tensor> e : new TreeMap<>(options.bound()).entrySet()) {
            f.add(e.getKey(), "=").add(e.getValue());
        }
        f.add("states", new TreeMap<>(options.states()));
        f.add("dimensions", new TreeMap<>(options.dimensions()));
        f.add("shapes", new TreeMap<>(options.shapes()));
        f.add(options.isStateful(), options.isPairing());
        if (options.weights() != null) {
            f.add(options.weights()); // a state goes on in the arithmetic that made it
        }
        return f;
    }

    byte[] digest() {
        StringBuilder text = new StringBuilder();
        parts.forEach(text::append);
        try {
            return MessageDigest.getInstance("SHA-256")
                    .digest(text.toString().getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private Fingerprint add(Object... more) {
        parts.addAll(Arrays.asList(more));
        return this;
    }

    private void add(Graph graph) {
        for (ValueInfo input : graph.inputs()) {
            add(input.name(), input.typeText(), '\n');
        }
        for (ValueInfo output : graph.outputs()) {
            add(output.name(), '\n');
        }
        for (Map.Entry<String, Tensor> e : new TreeMap<>(graph.initializers()).entrySet()) {
            add(e.getKey()).add(e.getValue()).add('\n');
        }
        for (Node node : graph.nodes()) {
            add(node.domain(), node.op(), node.inputs(), node.outputs());
            for (Map.Entry<String, Attribute> e : new TreeMap<>(node.attributes()).entrySet()) {
                add(e.getKey(), e.getValue());
            }
            add('\n');
        }
    }

    private void add(String name, Attribute attribute) {
        add(name, "=");
        if (attribute instanceof Attribute.OfGraph(Graph g)) {
            add(g);
        } else if (attribute instanceof Attribute.OfTensor(Tensor t)) {
            add(t);
        } else {
            add((Object) attribute);
        }
    }

    private Fingerprint add(Tensor tensor) {
        return add(tensor.type(), ":", Long.toHexString(tensor.checksum()));
    }
}
