package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads ONNX files: models as graphs in the vocabulary of operator set [Graph#OPSET], and single
/// tensors.
public final class OnnxReader {
    /// The newest operator set whose changes the [Normalizer] knows.
    private static final int MOST_OPSETS = 100;

    static final long NEWEST_OPSET = 27;

    private static final long NEWEST_IR = 13;

    private static final long LONGEST_DOC = 1 << 20;

    /// The first bytes of the fields of a `ModelProto`: how content is told to be ONNX, which has
    /// no magic number. Fields 20 and 25 and beyond take two bytes; the first is enough to go by.
    private static final List<Integer> MODEL_TAGS =
            List.of(0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, 0xa2, 0xca, 0xd2);

    private OnnxReader() {}

    /// Whether `file` may be an ONNX model, by its first byte.
    public static boolean mayBeModel(MappedFile file) {
        return file.size() > 1 && MODEL_TAGS.contains(file.unsignedByte(0));
    }

    /// The model in `file`.
    ///
    /// @throws dev.runnel.MalformedModelException if it is not well-formed
    /// @throws dev.runnel.UnsupportedModelException if it uses what Runnel does not have
    /// @throws IOException if external data cannot be opened
    public static Graph readModel(MappedFile file) throws IOException {
        Message model = Message.of(file, "ModelProto", 0, file.size());
        if (!model.has(ModelProto.GRAPH_FIELD_NUMBER)) {
            throw file.malformed("the model has no graph");
        }
        long version = model.number(ModelProto.IR_VERSION_FIELD_NUMBER);
        if (version < 1) {
            throw file.malformed(
                    "the model has ir_version " + version + ", expected 1 to " + NEWEST_IR);
        }
        if (version > NEWEST_IR) {
            throw file.unsupported(
                    "the model has ir_version "
                            + version
                            + ", newer than "
                            + NEWEST_IR
                            + ", the newest known");
        }
        Map<String, Long> opsets =
                opsets(
                        file,
                        model.messages(ModelProto.OPSET_IMPORT_FIELD_NUMBER, "OperatorSetIdProto"));
        if (version < 3) { // such files don't say
            opsets.putIfAbsent("", 1L);
        }
        return new GraphReader(file, model).model(new Scope(opsets, null), metadata(model, opsets));
    }

    /// The tensor in `file`, a serialised `TensorProto`.
    ///
    /// @throws dev.runnel.MalformedModelException if it is not well-formed
    /// @throws dev.runnel.UnsupportedModelException if it is of a type that Runnel does not have
    /// @throws IOException if external data cannot be opened
    public static Tensor readTensor(MappedFile file) throws IOException {
        return new TensorReader(file).read(tensorProto(file), "the tensor");
    }

    /// The name that the tensor in `file` gives itself; empty if it has none.
    ///
    /// @throws dev.runnel.MalformedModelException if it is not well-formed
    public static String tensorName(MappedFile file) {
        return tensorProto(file).text(TensorProto.NAME_FIELD_NUMBER);
    }

    private static Message tensorProto(MappedFile file) {
        return Message.of(file, "TensorProto", 0, file.size());
    }

    /// The operator sets that a model or a function imports, by domain.
    static Map<String, Long> opsets(MappedFile file, List<Message> imports) {
        Map<String, Long> opsets = new HashMap<>();
        if (imports.size() > MOST_OPSETS) {
            throw file.malformed(
                    imports.size()
                            + " operator sets are imported, expected at most "
                            + MOST_OPSETS);
        }
        for (Message o : imports) {
            String domain = domain(o.text(OperatorSetIdProto.DOMAIN_FIELD_NUMBER));
            long version = o.number(OperatorSetIdProto.VERSION_FIELD_NUMBER);
            Long other = opsets.put(domain, version);
            if (other != null && other != version) {
                throw file.malformed(
                        "operator set '"
                                + domain
                                + "' is imported in versions "
                                + other
                                + " and "
                                + version);
            }
        }
        long version = opsets.getOrDefault("", 1L);
        if (version < 1) {
            throw file.malformed(
                    "operator set " + version + " is imported, expected 1 to " + NEWEST_OPSET);
        }
        if (version > NEWEST_OPSET) {
            throw file.unsupported(
                    "operator set "
                            + version
                            + " is newer than "
                            + NEWEST_OPSET
                            + ", the newest known");
        }
        return opsets;
    }

    /// The standard operators' domain has two names.
    static String domain(String name) {
        return name.equals("ai.onnx") ? "" : name;
    }

    private static Map<String, String> metadata(Message m, Map<String, Long> opsets) {
        Map<String, String> map = new LinkedHashMap<>();
        for (Message e :
                m.messages(ModelProto.METADATA_PROPS_FIELD_NUMBER, "StringStringEntryProto")) {
            map.put(
                    e.text(StringStringEntryProto.KEY_FIELD_NUMBER),
                    e.text(StringStringEntryProto.VALUE_FIELD_NUMBER));
        }
        map.put("format", "ONNX");
        map.put("ir_version", Long.toString(m.number(ModelProto.IR_VERSION_FIELD_NUMBER)));
        for (Map.Entry<String, Long> e : opsets.entrySet()) {
            map.put(
                    e.getKey().isEmpty() ? "opset" : "opset." + e.getKey(),
                    e.getValue().toString());
        }
        putUnlessEmpty(map, "producer", m.text(ModelProto.PRODUCER_NAME_FIELD_NUMBER));
        putUnlessEmpty(map, "producer_version", m.text(ModelProto.PRODUCER_VERSION_FIELD_NUMBER));
        putUnlessEmpty(map, "domain", m.text(ModelProto.DOMAIN_FIELD_NUMBER));
        putUnlessEmpty(map, "doc", doc(m.bytes(ModelProto.DOC_STRING_FIELD_NUMBER)));
        long version = m.number(ModelProto.MODEL_VERSION_FIELD_NUMBER);
        if (version != 0) {
            map.put("model_version", Long.toString(version));
        }
        return map;
    }

    /// The beginning of what the model says of itself, in whatever encoding.
    private static String doc(MemorySegment bytes) {
        byte[] beginning = new byte[(int) Math.min(bytes.byteSize(), LONGEST_DOC)];
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, 0, beginning, 0, beginning.length);
        return new String(beginning, StandardCharsets.UTF_8);
    }

    private static void putUnlessEmpty(Map<String, String> map, String key, String value) {
        if (!value.isEmpty()) {
            map.put(key, value);
        }
    }
}
