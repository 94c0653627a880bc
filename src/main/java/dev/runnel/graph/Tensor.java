package dev.runnel.graph;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.zip.CRC32C;

/// A tensor's values: element type, shape and their bytes, row-major and little-endian. The bytes
/// are not copied: a reader hands out slices of the mapped file. Two tensors are equal only if they
/// are the same object.
public final class Tensor {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final long CHUNK = 1 << 30; // a ByteBuffer holds 2 GB at most

    private final TensorType type;
    private final MemorySegment data;

    /// Computed at the first question; -1 before. Whoever computes it twice gets the same.
    private long checksum = -1;

    /// A tensor over `data`, which it neither copies nor writes.
    ///
    /// @throws IllegalArgumentException if `data` has not exactly the bytes that `type` takes
    public Tensor(TensorType type, MemorySegment data) {
        if (data.byteSize() != type.byteSize()) {
            throw new IllegalArgumentException(
                    "data has "
                            + data.byteSize()
                            + " bytes, expected "
                            + type.byteSize()
                            + " for "
                            + type);
        }
        this.type = Objects.requireNonNull(type);
        this.data = data.asReadOnly();
    }

    /// A float32 tensor of these values.
    ///
    /// @throws IllegalArgumentException if their number is not that of `shape`
    public static Tensor ofFloats(Shape shape, float... values) {
        MemorySegment data = allocate(DType.FLOAT32, values.length);
        MemorySegment.copy(values, 0, data, FLOAT, 0, values.length);
        return new Tensor(new TensorType(DType.FLOAT32, shape), data);
    }

    /// An int64 tensor of these values.
    ///
    /// @throws IllegalArgumentException if their number is not that of `shape`
    public static Tensor ofLongs(Shape shape, long... values) {
        MemorySegment data = allocate(DType.INT64, values.length);
        MemorySegment.copy(values, 0, data, LONG, 0, values.length);
        return new Tensor(new TensorType(DType.INT64, shape), data);
    }

    /// A float64 tensor of these values.
    ///
    /// @throws IllegalArgumentException if their number is not that of `shape`
    public static Tensor ofDoubles(Shape shape, double... values) {
        MemorySegment data = allocate(DType.FLOAT64, values.length);
        MemorySegment.copy(values, 0, data, DOUBLE, 0, values.length);
        return new Tensor(new TensorType(DType.FLOAT64, shape), data);
    }

    private static MemorySegment allocate(DType dtype, long elements) {
        return Arena.ofAuto().allocate(elements * dtype.byteSize(), 64);
    }

    public TensorType type() {
        return type;
    }

    public DType dtype() {
        return type.dtype();
    }

    public Shape shape() {
        return type.shape();
    }

    public long elements() {
        return type.shape().elements();
    }

    /// The values' bytes, read-only.
    public MemorySegment data() {
        return data;
    }

    /// The CRC-32C of [#data], 0 … 2³² − 1: read once, at the first question.
    public long checksum() {
        if (checksum < 0) {
            CRC32C crc = new CRC32C();
            for (long at = 0; at < data.byteSize(); at += CHUNK) {
                crc.update(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
            }
            checksum = crc.getValue();
        }
        return checksum;
    }

    /// Element `index` (row-major) as a double: exact for every type but 64-bit integers beyond
    /// 2^53.
    public double getDouble(long index) {
        return switch (dtype()) {
            case FLOAT32 -> data.get(FLOAT, index * 4);
            case FLOAT64 -> data.get(DOUBLE, index * 8);
            case FLOAT16 -> Float.float16ToFloat(data.get(SHORT, index * 2));
            case BFLOAT16 -> Float.intBitsToFloat(data.get(SHORT, index * 2) << 16);
            case UINT64 -> {
                long v = data.get(LONG, index * 8);
                yield v >= 0 ? v : ((v >>> 1) | (v & 1)) * 2.0;
            }
            default -> getLong(index);
        };
    }

    /// Element `index` (row-major) of an integer or bool tensor; a uint64 as its 64 bits.
    ///
    /// @throws IllegalStateException if the elements are floating-point
    public long getLong(long index) {
        return switch (dtype()) {
            case INT64, UINT64 -> data.get(LONG, index * 8);
            case INT32 -> data.get(INT, index * 4);
            case UINT32 -> Integer.toUnsignedLong(data.get(INT, index * 4));
            case INT16 -> data.get(SHORT, index * 2);
            case UINT16 -> Short.toUnsignedLong(data.get(SHORT, index * 2));
            case INT8 -> data.get(ValueLayout.JAVA_BYTE, index);
            case UINT8, BOOL -> Byte.toUnsignedLong(data.get(ValueLayout.JAVA_BYTE, index));
            case FLOAT32, FLOAT64, FLOAT16, BFLOAT16 ->
                    throw new IllegalStateException("tensor " + type + " has no integer elements");
        };
    }

    /// All elements of an integer or bool tensor.
    public long[] toLongs() {
        long[] v = new long[Math.toIntExact(elements())];
        for (int i = 0; i < v.length; i++) {
            v[i] = getLong(i);
        }
        return v;
    }

    /// All elements, rounded to float.
    public float[] toFloats() {
        float[] v = new float[Math.toIntExact(elements())];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) getDouble(i);
        }
        return v;
    }

    @Override
    public String toString() {
        return type.toString();
    }
}
