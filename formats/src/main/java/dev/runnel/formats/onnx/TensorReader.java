package dev.runnel.formats.onnx;

import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// Makes a [Tensor] of a `TensorProto`, wherever its elements are: `raw_data` and external data
/// become slices of the mapped files, typed lists are written to memory of their own.
final class TensorReader {
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MappedFile file;
    private final ExternalData external;

    TensorReader(MappedFile file) {
        this.file = file;
        this.external = new ExternalData(file);
    }

    /// The tensor `p`, which messages call `what`: `tensor 'w'`.
    ///
    /// @throws dev.runnel.MalformedModelException if it contradicts itself or lacks elements
    /// @throws UnsupportedModelException if it is of a type that Runnel does not have
    /// @throws IOException if external data cannot be opened
    Tensor read(Message p, String what) throws IOException {
        if (p.has(TensorProto.SEGMENT_FIELD_NUMBER)) {
            throw file.unsupported(what + " is a segment of a larger tensor, or no tensor");
        }
        TensorType type = type(p, what);
        String place = place(p, type, what);
        MemorySegment data =
                switch (place) {
                    case "" -> MemorySegment.NULL;
                    case "raw_data" -> raw(p, type, what);
                    case "external_data" ->
                            external.slice(
                                    p.messages(
                                            TensorProto.EXTERNAL_DATA_FIELD_NUMBER,
                                            "StringStringEntryProto"),
                                    type,
                                    what);
                    case "float_data" -> {
                        float[] values = p.floats(TensorProto.FLOAT_DATA_FIELD_NUMBER);
                        MemorySegment m = memory(values.length, place, type, what);
                        yield m.copyFrom(MemorySegment.ofArray(values));
                    }
                    case "double_data" -> {
                        double[] values = p.doubles(TensorProto.DOUBLE_DATA_FIELD_NUMBER);
                        MemorySegment m = memory(values.length, place, type, what);
                        yield m.copyFrom(MemorySegment.ofArray(values));
                    }
                    default -> integers(p, place, type, what);
                };
        return Elements.tensor(file, what, type, data);
    }

    private MemorySegment raw(Message p, TensorType type, String what) {
        MemorySegment raw = p.bytes(TensorProto.RAW_DATA_FIELD_NUMBER);
        if (raw.byteSize() != type.byteSize()) {
            throw file.malformed(
                    what
                            + " has "
                            + raw.byteSize()
                            + " bytes of raw_data, expected "
                            + type.byteSize()
                            + " for "
                            + type);
        }
        return raw;
    }

    /// Memory for the `count` elements of a typed list, if these are all.
    private MemorySegment memory(int count, String place, TensorType type, String what) {
        if (count != type.shape().elements()) {
            throw file.malformed(
                    what
                            + " has "
                            + count
                            + " elements in "
                            + place
                            + ", expected "
                            + type.shape().elements()
                            + " for "
                            + type);
        }
        return Arena.ofAuto().allocate(type.byteSize(), 64);
    }

    private TensorType type(Message p, String what) {
        int code = (int) p.number(TensorProto.DATA_TYPE_FIELD_NUMBER);
        DType dtype = DType.ofOnnxCode(code);
        if (dtype == null) {
            throw code == 0
                    ? file.malformed(what + " has no data_type")
                    : file.unsupported(
                            what
                                    + " has elements of type "
                                    + typeName(code)
                                    + ", which Runnel does not have");
        }
        long[] dims = p.numbers(TensorProto.DIMS_FIELD_NUMBER);
        try {
            TensorType type = new TensorType(dtype, Shape.of(dims));
            type.byteSize();
            return type;
        } catch (IllegalArgumentException e) {
            throw file.malformed(what + ": " + e.getMessage());
        }
    }

    /// An element type's name in messages: ours if we have one, else the standard's.
    static String typeName(int code) {
        DType known = DType.ofOnnxCode(code);
        if (known != null) {
            return known.toString();
        }
        TensorProto.DataType type = TensorProto.DataType.forNumber(code);
        return type == null ? "number " + code : type.name().toLowerCase(java.util.Locale.ROOT);
    }

    /// The one field that holds the elements; empty if there are none to hold.
    private String place(Message p, TensorType type, String what) {
        List<String> filled = new ArrayList<>();
        addIf(filled, p.isFilled(TensorProto.RAW_DATA_FIELD_NUMBER), "raw_data");
        addIf(filled, p.isFilled(TensorProto.FLOAT_DATA_FIELD_NUMBER), "float_data");
        addIf(filled, p.isFilled(TensorProto.INT32_DATA_FIELD_NUMBER), "int32_data");
        addIf(filled, p.isFilled(TensorProto.INT64_DATA_FIELD_NUMBER), "int64_data");
        addIf(filled, p.isFilled(TensorProto.DOUBLE_DATA_FIELD_NUMBER), "double_data");
        addIf(filled, p.isFilled(TensorProto.UINT64_DATA_FIELD_NUMBER), "uint64_data");
        addIf(filled, p.has(TensorProto.STRING_DATA_FIELD_NUMBER), "string_data");
        addIf(
                filled,
                p.has(TensorProto.EXTERNAL_DATA_FIELD_NUMBER)
                        || p.number(TensorProto.DATA_LOCATION_FIELD_NUMBER)
                                == TensorProto.DataLocation.EXTERNAL_VALUE,
                "external_data");
        if (filled.size() > 1) {
            throw file.malformed(
                    what + " has elements in both " + filled.get(0) + " and " + filled.get(1));
        }
        if (filled.isEmpty()) {
            if (type.shape().elements() != 0) {
                throw file.malformed(
                        what
                                + " has no elements, expected "
                                + type.shape().elements()
                                + " for "
                                + type);
            }
            return "";
        }
        String place = filled.get(0);
        String typed = typedField(type.dtype());
        if (!place.equals("raw_data") && !place.equals("external_data") && !place.equals(typed)) {
            throw file.malformed(
                    what
                            + " has elements in "
                            + place
                            + ", expected raw_data or "
                            + typed
                            + " for "
                            + type);
        }
        return place;
    }

    private static void addIf(List<String> to, boolean condition, String name) {
        if (condition) {
            to.add(name);
        }
    }

    private static String typedField(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> "float_data";
            case FLOAT64 -> "double_data";
            case INT64 -> "int64_data";
            case UINT32, UINT64 -> "uint64_data";
            case INT32, INT16, INT8, UINT16, UINT8, BOOL, FLOAT16, BFLOAT16 -> "int32_data";
        };
    }

    private MemorySegment integers(Message p, String place, TensorType type, String what) {
        boolean narrow = place.equals("int32_data");
        long[] values =
                p.numbers(
                        narrow
                                ? TensorProto.INT32_DATA_FIELD_NUMBER
                                : place.equals("int64_data")
                                        ? TensorProto.INT64_DATA_FIELD_NUMBER
                                        : TensorProto.UINT64_DATA_FIELD_NUMBER);
        MemorySegment data = memory(values.length, place, type, what);
        for (int i = 0; i < values.length; i++) {
            long v = narrow ? (int) values[i] : values[i];
            switch (type.dtype()) {
                case INT64, UINT64 -> data.set(LONG, 8L * i, v);
                case UINT32 ->
                        data.set(INT, 4L * i, (int) within(v, 0, 0xffffffffL, i, type, what));
                case INT32 -> data.set(INT, 4L * i, (int) v);
                case INT16 ->
                        data.set(SHORT, 2L * i, (short) within(v, -0x8000, 0x7fff, i, type, what));
                case UINT16, FLOAT16, BFLOAT16 ->
                        data.set(SHORT, 2L * i, (short) within(v, 0, 0xffff, i, type, what));
                case INT8 -> data.set(BYTE, i, (byte) within(v, -128, 127, i, type, what));
                case UINT8 -> data.set(BYTE, i, (byte) within(v, 0, 255, i, type, what));
                case BOOL -> data.set(BYTE, i, (byte) within(v, 0, 1, i, type, what));
                case FLOAT32, FLOAT64 -> throw new IllegalStateException(place);
            }
        }
        return data;
    }

    private long within(long value, long min, long max, int index, TensorType type, String what) {
        if (value < min || value > max) {
            throw file.malformed(
                    what
                            + " has "
                            + value
                            + " as element "
                            + index
                            + ", expected "
                            + min
                            + " to "
                            + max
                            + " for "
                            + type.dtype());
        }
        return value;
    }
}
