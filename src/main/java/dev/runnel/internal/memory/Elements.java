package dev.runnel.internal.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.runnel.graph.DType;

import java.lang.foreign.MemorySegment;

/// Single elements of any type, read and written as double or long: the slow, general way, for
/// element types and operators that no kernel serves.
public final class Elements {
    private Elements() {}

    /// The element at byte `offset` as a double; 64-bit integers beyond 2^53 are rounded.
    public static double getDouble(DType dtype, MemorySegment s, long offset) {
        return switch (dtype) {
            case FLOAT32 -> s.get(JAVA_FLOAT_UNALIGNED, offset);
            case FLOAT64 -> s.get(JAVA_DOUBLE_UNALIGNED, offset);
            case FLOAT16 -> Float.float16ToFloat(s.get(JAVA_SHORT_UNALIGNED, offset));
            case BFLOAT16 -> Float.intBitsToFloat(s.get(JAVA_SHORT_UNALIGNED, offset) << 16);
            case UINT64 -> unsignedToDouble(s.get(JAVA_LONG_UNALIGNED, offset));
            default -> getLong(dtype, s, offset);
        };
    }

    /// The integer or bool element at byte `offset`; a uint64 as its 64 bits.
    public static long getLong(DType dtype, MemorySegment s, long offset) {
        return switch (dtype) {
            case INT64, UINT64 -> s.get(JAVA_LONG_UNALIGNED, offset);
            case INT32 -> s.get(JAVA_INT_UNALIGNED, offset);
            case UINT32 -> Integer.toUnsignedLong(s.get(JAVA_INT_UNALIGNED, offset));
            case INT16 -> s.get(JAVA_SHORT_UNALIGNED, offset);
            case UINT16 -> Short.toUnsignedLong(s.get(JAVA_SHORT_UNALIGNED, offset));
            case INT8 -> s.get(JAVA_BYTE, offset);
            case UINT8, BOOL -> Byte.toUnsignedLong(s.get(JAVA_BYTE, offset));
            case FLOAT32, FLOAT64, FLOAT16, BFLOAT16 ->
                    throw new IllegalArgumentException(dtype + " elements are not integers");
        };
    }

    /// Writes `value`, rounded to nearest even for the floating-point types; an integer type takes
    /// it as [#setLong] takes its integral part, a bool whether it is not 0.
    public static void setDouble(DType dtype, MemorySegment s, long offset, double value) {
        switch (dtype) {
            case FLOAT32 -> s.set(JAVA_FLOAT_UNALIGNED, offset, (float) value);
            case FLOAT64 -> s.set(JAVA_DOUBLE_UNALIGNED, offset, value);
            case FLOAT16 -> s.set(JAVA_SHORT_UNALIGNED, offset, Float.floatToFloat16(toOdd(value)));
            case BFLOAT16 -> s.set(JAVA_SHORT_UNALIGNED, offset, floatToBfloat16(toOdd(value)));
            case BOOL -> s.set(JAVA_BYTE, offset, (byte) (value != 0 ? 1 : 0));
            case UINT64 ->
                    s.set(
                            JAVA_LONG_UNALIGNED,
                            offset,
                            value < 0x1p63
                                    ? (long) value
                                    : (long) (value - 0x1p63) ^ Long.MIN_VALUE);
            default -> setLong(dtype, s, offset, (long) value);
        }
    }

    /// Writes the low bits of `value`; a bool whether it is not 0; a floating-point type its
    /// nearest.
    public static void setLong(DType dtype, MemorySegment s, long offset, long value) {
        switch (dtype) {
            case INT64, UINT64 -> s.set(JAVA_LONG_UNALIGNED, offset, value);
            case INT32, UINT32 -> s.set(JAVA_INT_UNALIGNED, offset, (int) value);
            case INT16, UINT16 -> s.set(JAVA_SHORT_UNALIGNED, offset, (short) value);
            case INT8, UINT8 -> s.set(JAVA_BYTE, offset, (byte) value);
            case BOOL -> s.set(JAVA_BYTE, offset, (byte) (value != 0 ? 1 : 0));
            case FLOAT32 -> s.set(JAVA_FLOAT_UNALIGNED, offset, (float) value);
            case FLOAT64, FLOAT16, BFLOAT16 -> setDouble(dtype, s, offset, value);
        }
    }

    /// A float that rounds to fewer bits just as `value` does: `value` without the bits that do not
    /// fit, the last one set if any of them was. (Rounding to nearest twice would go astray near
    /// halves.)
    private static float toOdd(double value) {
        float f = (float) value;
        if (f == value || Double.isNaN(value)) {
            return f;
        }
        int bits = Float.floatToRawIntBits(f);
        return Float.intBitsToFloat((Math.abs((double) f) > Math.abs(value) ? bits - 1 : bits) | 1);
    }

    /// The upper half of a float32, rounded to nearest even; NaN stays NaN.
    public static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    private static double unsignedToDouble(long v) {
        return v >= 0 ? v : ((v >>> 1) | (v & 1)) * 2.0;
    }
}
