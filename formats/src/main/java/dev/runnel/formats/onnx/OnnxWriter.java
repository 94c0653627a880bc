package dev.runnel.formats.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;

import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.AtomicFile;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;

import java.nio.channels.Channels;
import java.util.Map;
import java.util.TreeMap;

/// Writes graphs as ONNX models of operator set [Graph#OPSET]: the same bytes for the same graph.
public final class OnnxWriter {
    /// The IR version that came with operator set 22 (ONNX 1.17).
    private static final long IR_VERSION = 10;

    /// All that a protobuf message may have.
    private static final long MAX_BYTES = Integer.MAX_VALUE;

    private static final int BUFFER = 1 << 16;

    /// The domain of operators that ONNX does not have.
    private static final String OURS = "dev.runnel";

    private OnnxWriter() {}

    /// What a file of `graph` holds. The tensors go from where they are to the file, through a
    /// small buffer.
    ///
    /// @throws IllegalArgumentException if it takes more than 2 GB
    /// @throws UnsupportedModelException if it has an operator that is Runnel's own
    public static AtomicFile.Content content(Graph graph) {
        ModelProto model = model(graph);
        return channel -> {
            CodedOutputStream out =
                    CodedOutputStream.newInstance(Channels.newOutputStream(channel), BUFFER);
            model.writeTo(out);
            out.flush();
        };
    }

    /// The message that the file is; it refers to the tensors' bytes where they are.
    static ModelProto model(Graph any) {
        Graph graph = ProjectedLstm.writtenOut(any);
        GraphWriter writer = new GraphWriter();
        requireFit(graph, GraphWriter.tensorBytes(graph));
        ModelProto.Builder m =
                ModelProto.newBuilder().setIrVersion(IR_VERSION).setGraph(writer.graph(graph));
        if (writer.domains().contains(OURS)) {
            throw new UnsupportedModelException(ours(graph));
        }
        Map<String, String> metadata = new TreeMap<>(graph.metadata());
        writer.domains()
                .forEach(
                        domain ->
                                m.addOpsetImport(
                                        OperatorSetIdProto.newBuilder()
                                                .setDomain(domain)
                                                .setVersion(version(domain, metadata))));
        // What the reader takes from fields of the file goes back there, or is told anew.
        metadata.keySet().removeIf(k -> k.matches("format|ir_version|opset(\\..*)?"));
        m.setProducerName(taken(metadata, "producer", "Runnel"))
                .setProducerVersion(taken(metadata, "producer_version", ""))
                .setDomain(taken(metadata, "domain", ""))
                .setDocString(ByteString.copyFromUtf8(taken(metadata, "doc", "")))
                .setModelVersion(number(taken(metadata, "model_version", ""), 0));
        metadata.forEach(
                (key, value) ->
                        m.addMetadataProps(
                                StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
        ModelProto model = m.build();
        // Computed in ints: negative where it is beyond them.
        requireFit(graph, Integer.toUnsignedLong(model.getSerializedSize()));
        return model;
    }

    private static String ours(Graph graph) {
        String node =
                graph.nodes().stream()
                        .filter(n -> n.domain().equals(OURS))
                        .map(Node::toString)
                        .findFirst()
                        .orElse("a node of a subgraph");
        return graph.name()
                + ": "
                + node
                + ": ONNX has no such operator, and nobody else would run the file; write .rnl";
    }

    private static void requireFit(Graph graph, long bytes) {
        if (bytes > MAX_BYTES) {
            throw new IllegalArgumentException(
                    graph.name()
                            + " takes "
                            + bytes
                            + " bytes as ONNX, which has room for "
                            + MAX_BYTES
                            + "; write .rnl, or store the weights as bf16, f16 or int8");
        }
    }

    private static long version(String domain, Map<String, String> metadata) {
        return domain.isEmpty()
                ? Graph.OPSET
                : number(metadata.getOrDefault("opset." + domain, ""), 1);
    }

    private static long number(String text, long otherwise) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    private static String taken(Map<String, String> metadata, String key, String otherwise) {
        String value = metadata.remove(key);
        return value == null ? otherwise : value;
    }
}
