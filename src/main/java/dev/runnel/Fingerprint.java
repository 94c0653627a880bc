package dev.runnel;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/// What tells one model from another: a digest of its graph, weights included, and of the options
/// that decide what its state holds. Two files of the same network have the same.
final class Fingerprint {
    private static final long CHUNK = 1 << 30;

    private final StringBuilder text = new StringBuilder();

    private Fingerprint() {}

    static byte[] of(Graph graph, Options options) {
        Fingerprint f = new Fingerprint();
        f.add(graph);
        f.text.append("bound");
        new TreeMap<>(options.bound())
                .forEach((name, t) -> f.text.append(name).append('=').append(digest(t)));
        f.text.append("states").append(new TreeMap<>(options.states()));
        f.text.append("dimensions").append(new TreeMap<>(options.dimensions()));
        f.text.append("shapes").append(new TreeMap<>(options.shapes()));
        f.text.append(options.isStateful()).append(options.isPairing());
        if (options.weights() != Precision.F32) {
            f.text.append(options.weights()); // a state goes on in the arithmetic that made it
        }
        try {
            return MessageDigest.getInstance("SHA-256")
                    .digest(f.text.toString().getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private void add(Graph graph) {
        graph.inputs().forEach(i -> text.append(i.name()).append(i.typeText()).append('\n'));
        graph.outputs().forEach(o -> text.append(o.name()).append('\n'));
        new TreeMap<>(graph.initializers())
                .forEach((name, t) -> text.append(name).append(digest(t)).append('\n'));
        for (Node node : graph.nodes()) {
            text.append(node.domain())
                    .append(node.op())
                    .append(node.inputs())
                    .append(node.outputs());
            new TreeMap<>(node.attributes()).forEach(this::add);
            text.append('\n');
        }
    }

    private void add(String name, Attribute attribute) {
        text.append(name).append('=');
        switch (attribute) {
            case Attribute.OfGraph(Graph g) -> add(g);
            case Attribute.OfTensor(Tensor t) -> text.append(digest(t));
            default -> text.append(attribute);
        }
    }

    private static String digest(Tensor tensor) {
        CRC32C crc = new CRC32C();
        MemorySegment data = tensor.data();
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            crc.update(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
        }
        return tensor.type() + ":" + Long.toHexString(crc.getValue());
    }

    /// The number of elements of all floating-point constants, those in branches included.
    static long parameters(Graph graph) {
        long n = 0;
        for (Tensor t : graph.initializers().values()) {
            n += t.dtype().isFloat() ? t.elements() : 0;
        }
        for (Node node : graph.nodes()) {
            for (Attribute a : node.attributes().values()) {
                n +=
                        switch (a) {
                            case Attribute.OfGraph(Graph g) -> parameters(g);
                            case Attribute.OfTensor(Tensor t) when t.dtype().isFloat() ->
                                    t.elements();
                            default -> 0;
                        };
            }
        }
        return n;
    }
}
