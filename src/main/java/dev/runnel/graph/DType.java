package dev.runnel.graph;

import org.jspecify.annotations.Nullable;

/// The element types of tensors, as ONNX has them. Elements lie in little-endian order; a `BOOL` is
/// one byte, 0 or 1.
public enum DType {
    FLOAT32(4, Kind.FLOAT, 1),
    FLOAT64(8, Kind.FLOAT, 11),
    FLOAT16(2, Kind.FLOAT, 10),
    BFLOAT16(2, Kind.FLOAT, 16),
    INT64(8, Kind.SIGNED, 7),
    INT32(4, Kind.SIGNED, 6),
    INT16(2, Kind.SIGNED, 5),
    INT8(1, Kind.SIGNED, 3),
    UINT64(8, Kind.UNSIGNED, 13),
    UINT32(4, Kind.UNSIGNED, 12),
    UINT16(2, Kind.UNSIGNED, 4),
    UINT8(1, Kind.UNSIGNED, 2),
    BOOL(1, Kind.BOOL, 9);

    private enum Kind {
        FLOAT,
        SIGNED,
        UNSIGNED,
        BOOL
    }

    private final int byteSize;
    private final Kind kind;
    private final int onnxCode;

    DType(int byteSize, Kind kind, int onnxCode) {
        this.byteSize = byteSize;
        this.kind = kind;
        this.onnxCode = onnxCode;
    }

    /// The type that ONNX numbers `code` in `TensorProto.DataType`, as the attribute `to` of `Cast`
    /// holds it; null for the types Runnel does not have: strings (8), complex numbers (14, 15) and
    /// those of eight bits or fewer that are not whole bytes of integers (17 and above).
    public static @Nullable DType ofOnnxCode(long code) {
        for (DType t : values()) {
            if (t.onnxCode == code) {
                return t;
            }
        }
        return null;
    }

    /// This type's number in ONNX's `TensorProto.DataType`.
    public int onnxCode() {
        return onnxCode;
    }

    /// Bytes of one element.
    public int byteSize() {
        return byteSize;
    }

    /// Whether this is one of the four floating-point types.
    public boolean isFloat() {
        return kind == Kind.FLOAT;
    }

    /// Whether this is a signed or unsigned integer type; `BOOL` is not.
    public boolean isInteger() {
        return kind == Kind.SIGNED || kind == Kind.UNSIGNED;
    }

    /// Whether this is an unsigned integer type.
    public boolean isUnsigned() {
        return kind == Kind.UNSIGNED;
    }

    /// The name in lower case, as messages and the command line write it: `float32`.
    @Override
    public String toString() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
