package dev.runnel.graph;

/// The element types of tensors, as ONNX has them. Elements lie in little-endian order; a `BOOL` is
/// one byte, 0 or 1.
public enum DType {
    FLOAT32(4, Kind.FLOAT),
    FLOAT64(8, Kind.FLOAT),
    FLOAT16(2, Kind.FLOAT),
    BFLOAT16(2, Kind.FLOAT),
    INT64(8, Kind.SIGNED),
    INT32(4, Kind.SIGNED),
    INT16(2, Kind.SIGNED),
    INT8(1, Kind.SIGNED),
    UINT64(8, Kind.UNSIGNED),
    UINT32(4, Kind.UNSIGNED),
    UINT16(2, Kind.UNSIGNED),
    UINT8(1, Kind.UNSIGNED),
    BOOL(1, Kind.BOOL);

    private enum Kind {
        FLOAT,
        SIGNED,
        UNSIGNED,
        BOOL
    }

    private final int byteSize;
    private final Kind kind;

    DType(int byteSize, Kind kind) {
        this.byteSize = byteSize;
        this.kind = kind;
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
