package dev.runnel.formats.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads safetensors: the length of a header in eight bytes, the header as JSON, and the tensors'
/// bytes without holes. Tensors are slices of the mapped file.
///
/// Source: the format section of safetensors' README, 0.6.
public final class SafetensorsReader {
    /// The format's own limit.
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private static final Map<String, DType> TYPES =
            Map.ofEntries(
                    Map.entry("F64", DType.FLOAT64),
                    Map.entry("F32", DType.FLOAT32),
                    Map.entry("F16", DType.FLOAT16),
                    Map.entry("BF16", DType.BFLOAT16),
                    Map.entry("I64", DType.INT64),
                    Map.entry("I32", DType.INT32),
                    Map.entry("I16", DType.INT16),
                    Map.entry("I8", DType.INT8),
                    Map.entry("U64", DType.UINT64),
                    Map.entry("U32", DType.UINT32),
                    Map.entry("U16", DType.UINT16),
                    Map.entry("U8", DType.UINT8),
                    Map.entry("BOOL", DType.BOOL));

    private final MappedFile file;
    private final MemorySegment data;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    /// A tensor of the header: its bytes are those from `begin` to `end` after the header.
    private record Entry(String name, TensorType type, long begin, long end) {}

    private SafetensorsReader(MappedFile file, MemorySegment data) {
        this.file = file;
        this.data = data;
        metadata.put("format", "safetensors");
    }

    /// The tensors in `file`, and what its `__metadata__` says.
    ///
    /// @throws MalformedModelException if the header is no such JSON, or tensors overlap, leave
    ///   holes or reach beyond the file
    /// @throws dev.runnel.UnsupportedModelException if elements are of a type Runnel does not have
    public static Checkpoint read(MappedFile file) {
        long length = file.size() < 8 ? -1 : file.littleEndianLong(0);
        if (length < 2 || length > file.size() - 8 || length > MAX_HEADER_BYTES) {
            throw file.malformed(
                    "the header is said to have "
                            + Long.toUnsignedString(length)
                            + " bytes, expected 2 to "
                            + Math.min(file.size() - 8, MAX_HEADER_BYTES)
                            + "; the file is truncated or corrupt");
        }
        SafetensorsReader reader = new SafetensorsReader(file, file.bytes().asSlice(8 + length));
        byte[] header = file.bytes().asSlice(8, length).toArray(ValueLayout.JAVA_BYTE);
        try (JsonParser json = new JsonFactory().createParser(header)) {
            reader.header(json);
        } catch (JsonProcessingException e) {
            throw new MalformedModelException(
                    file.name()
                            + ": the header is no JSON at byte "
                            + (8
                                    + Math.max(
                                            0,
                                            e.getLocation() == null
                                                    ? 0
                                                    : e.getLocation().getByteOffset()))
                            + ": "
                            + e.getOriginalMessage(),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException("an array was read, not a file", e);
        }
        reader.checkPlaces();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        reader.entries.forEach((name, entry) -> tensors.put(name, reader.tensor(entry)));
        return new Checkpoint(file.name(), tensors, reader.metadata);
    }

    // ---- the header

    private void header(JsonParser json) throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, "the header");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            if (name.equals("__metadata__")) {
                metadata(json);
                continue;
            }
            if (entries.put(name, entry(json, name)) != null) {
                throw file.malformed("the file has two tensors named '" + name + "'");
            }
        }
        if (json.nextToken() != null) {
            throw file.malformed("the header has something after its last brace");
        }
    }

    private void metadata(JsonParser json) throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, "__metadata__");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            expect(json.nextToken(), JsonToken.VALUE_STRING, "__metadata__ '" + key + "'");
            metadata.putIfAbsent(key, json.getText());
        }
    }

    private Entry entry(JsonParser json, String name) throws IOException {
        String what = "tensor '" + name + "'";
        String dtype = null;
        long[] shape = null;
        long[] offsets = null;
        expect(json.nextToken(), JsonToken.START_OBJECT, what);
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            JsonToken value = json.nextToken();
            switch (key) {
                case "dtype" -> {
                    expect(value, JsonToken.VALUE_STRING, what + ": dtype");
                    dtype = json.getText();
                }
                case "shape" -> shape = numbers(json, what + ": shape");
                case "data_offsets" -> offsets = numbers(json, what + ": data_offsets");
                default -> throw file.malformed(what + " has '" + key + "', which is not known");
            }
        }
        if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
            throw file.malformed(what + " lacks one of dtype, shape and two data_offsets");
        }
        return new Entry(name, type(what, dtype, shape), offsets[0], offsets[1]);
    }

    private TensorType type(String what, String dtype, long[] shape) {
        DType type = TYPES.get(dtype);
        if (type == null) {
            throw file.unsupported(
                    what + " has elements of type " + dtype + ", which Runnel does not have");
        }
        try {
            TensorType t = new TensorType(type, Shape.of(shape));
            t.byteSize();
            return t;
        } catch (IllegalArgumentException e) {
            throw file.malformed(what + ": " + e.getMessage());
        }
    }

    private long[] numbers(JsonParser json, String what) throws IOException {
        expect(json.currentToken(), JsonToken.START_ARRAY, what);
        List<Long> numbers = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            numbers.add(json.getLongValue());
        }
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private void expect(@Nullable JsonToken got, JsonToken want, String what) {
        if (got != want) {
            throw file.malformed(what + " has " + got + " in the header, expected " + want);
        }
    }

    // ---- the data

    /// Tensors fill what follows the header: nothing hides between them, nothing is read twice.
    private void checkPlaces() {
        List<Entry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long at = 0;
        for (Entry e : sorted) {
            long size = e.type().byteSize();
            if (e.begin() != at || e.end() < at || e.end() - at != size) {
                throw file.malformed(
                        "tensor '"
                                + e.name()
                                + "' has data_offsets ["
                                + e.begin()
                                + ", "
                                + e.end()
                                + "], expected ["
                                + at
                                + ", "
                                + (at + size)
                                + "] for "
                                + e.type()
                                + " after the tensors before it");
            }
            at = e.end();
        }
        if (at != data.byteSize()) {
            throw file.malformed(
                    "the file has "
                            + data.byteSize()
                            + " bytes of tensors, expected "
                            + at
                            + " as its header says; the file is truncated or corrupt");
        }
    }

    private Tensor tensor(Entry e) {
        MemorySegment bytes = data.asSlice(e.begin(), e.type().byteSize());
        return Elements.tensor(file, "tensor '" + e.name() + "'", e.type(), bytes);
    }
}
