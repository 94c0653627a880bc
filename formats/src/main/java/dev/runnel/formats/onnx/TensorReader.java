package dev.runnel.formats.onnx;

import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
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
    Tensor read(TensorProto p, String what) throws IOException {
        if (p.hasSegment()) {
            throw file.unsupported(what + " is a segment of a larger tensor, or no tensor");
        }
        TensorType type = type(p, what);
        String place = place(p, type, what);
        long count =
                switch (place) {
                    case "raw_data" -> {
                        MemorySegment raw = raw(p);
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
                        yield -1;
                    }
                    case "external_data", "" -> -1;
                    case "float_data" -> p.getFloatDataCount();
                    case "double_data" -> p.getDoubleDataCount();
                    case "int64_data" -> p.getInt64DataCount();
                    case "uint64_data" -> p.getUint64DataCount();
                    default -> p.getInt32DataCount();
                };
        if (count >= 0 && count != type.shape().elements()) {
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
        MemorySegment data =
                switch (place) {
                    case "" -> MemorySegment.NULL;
                    case "raw_data" -> raw(p);
                    case "external_data" -> external.slice(p.getExternalDataList(), type, what);
                    default -> typed(p, type, what);
                };
        return Elements.tensor(file, what, type, data);
    }

    private TensorType type(TensorProto p, String what) {
        DType dtype = DType.ofOnnxCode(p.getDataType());
        if (dtype == null) {
            throw p.getDataType() == 0
                    ? file.malformed(what + " has no data_type")
                    : file.unsupported(
                            what
                                    + " has elements of type "
                                    + typeName(p.getDataType())
                                    + ", which Runnel does not have");
        }
        long[] dims = new long[p.getDimsCount()];
        for (int i = 0; i < dims.length; i++) {
            dims[i] = p.getDims(i);
        }
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
    private String place(TensorProto p, TensorType type, String what) {
        List<String> filled = new ArrayList<>();
        addIf(filled, raw(p).byteSize() > 0, "raw_data");
        addIf(filled, p.getFloatDataCount() > 0, "float_data");
        addIf(filled, p.getInt32DataCount() > 0, "int32_data");
        addIf(filled, p.getInt64DataCount() > 0, "int64_data");
        addIf(filled, p.getDoubleDataCount() > 0, "double_data");
        addIf(filled, p.getUint64DataCount() > 0, "uint64_data");
        addIf(filled, p.getStringDataCount() > 0, "string_data");
        addIf(
                filled,
                p.getExternalDataCount() > 0
                        || p.getDataLocation() == TensorProto.DataLocation.EXTERNAL,
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

    private MemorySegment raw(TensorProto p) {
        return p.getRawData().isEmpty() ? MemorySegment.NULL : RawData.slice(file, p.getRawData());
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

    private MemorySegment typed(TensorProto p, TensorType type, String what) {
        MemorySegment data = Arena.ofAuto().allocate(type.byteSize(), 64);
        int n = (int) type.shape().elements();
        for (int i = 0; i < n; i++) {
            switch (type.dtype()) {
                case FLOAT32 -> data.set(INT, 4L * i, Float.floatToRawIntBits(p.getFloatData(i)));
                case FLOAT64 ->
                        data.set(LONG, 8L * i, Double.doubleToRawLongBits(p.getDoubleData(i)));
                case INT64 -> data.set(LONG, 8L * i, p.getInt64Data(i));
                case UINT64 -> data.set(LONG, 8L * i, p.getUint64Data(i));
                case UINT32 ->
                        data.set(
                                INT,
                                4L * i,
                                (int) within(p.getUint64Data(i), 0, 0xffffffffL, i, type, what));
                case INT32 -> data.set(INT, 4L * i, p.getInt32Data(i));
                case INT16 ->
                        data.set(
                                SHORT,
                                2L * i,
                                (short) within(p.getInt32Data(i), -0x8000, 0x7fff, i, type, what));
                case UINT16, FLOAT16, BFLOAT16 ->
                        data.set(
                                SHORT,
                                2L * i,
                                (short) within(p.getInt32Data(i), 0, 0xffff, i, type, what));
                case INT8 ->
                        data.set(
                                ValueLayout.JAVA_BYTE,
                                i,
                                (byte) within(p.getInt32Data(i), -128, 127, i, type, what));
                case UINT8 ->
                        data.set(
                                ValueLayout.JAVA_BYTE,
                                i,
                                (byte) within(p.getInt32Data(i), 0, 255, i, type, what));
                case BOOL ->
                        data.set(
                                ValueLayout.JAVA_BYTE,
                                i,
                                (byte) within(p.getInt32Data(i), 0, 1, i, type, what));
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
