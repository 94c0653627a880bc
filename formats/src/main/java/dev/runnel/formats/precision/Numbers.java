package dev.runnel.formats.precision;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Weights from one element type to another, off-heap.
final class Numbers {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Numbers() {}

    static float get(Tensor floats, long index) {
        return floats.data().get(FLOAT, 4 * index);
    }

    private static MemorySegment allocate(DType dtype, Shape shape) {
        return Arena.ofAuto().allocate(new TensorType(dtype, shape).byteSize(), 64);
    }

    private static Tensor tensor(DType dtype, Shape shape, MemorySegment data) {
        return new Tensor(new TensorType(dtype, shape), data);
    }

    /// `first`, `first + 1`, … as int32.
    static Tensor count(Shape shape, long first) {
        MemorySegment to = allocate(DType.INT32, shape);
        for (long i = 0; i < shape.elements(); i++) {
            to.set(INT, 4 * i, (int) (first + i));
        }
        return tensor(DType.INT32, shape, to);
    }

    /// The nearest numbers of 16 bits.
    ///
    /// @param dtype BFLOAT16 or FLOAT16
    static Tensor narrow(Tensor floats, DType dtype) {
        MemorySegment to = allocate(dtype, floats.shape());
        for (long i = 0; i < floats.elements(); i++) {
            float w = get(floats, i);
            to.set(SHORT, 2 * i, dtype == DType.BFLOAT16 ? bfloat16(w) : Float.floatToFloat16(w));
        }
        return tensor(dtype, floats.shape(), to);
    }

    private static short bfloat16(float w) {
        int bits = Float.floatToRawIntBits(w);
        return (short)
                (Float.isNaN(w) ? bits >>> 16 | 0x40 : bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }

    /// What numbers of 16 bits stand for, exactly.
    static Tensor widen(Tensor narrow) {
        MemorySegment to = allocate(DType.FLOAT32, narrow.shape());
        for (long i = 0; i < narrow.elements(); i++) {
            to.set(FLOAT, 4 * i, (float) narrow.getDouble(i));
        }
        return tensor(DType.FLOAT32, narrow.shape(), to);
    }

    /// `q · scale`, in float32.
    static Tensor dequantise(Tensor bytes, Tensor scales, int axis) {
        MemorySegment to = allocate(DType.FLOAT32, bytes.shape());
        long inner = bytes.shape().elements(axis + 1, bytes.shape().rank());
        long count = scales.elements();
        for (long i = 0; i < bytes.elements(); i++) {
            to.set(FLOAT, 4 * i, bytes.getLong(i) * get(scales, i / inner % count));
        }
        return tensor(DType.FLOAT32, bytes.shape(), to);
    }

    /// The bytes nearest to `w / scale`.
    ///
    /// @param axis of \[rows, columns\] along which the scales lie
    static Tensor quantise(Tensor floats, Shape matrix, float[] scales, int axis) {
        MemorySegment to = allocate(DType.INT8, matrix);
        long inner = axis == 0 ? matrix.dim(1) : 1;
        for (long i = 0; i < floats.elements(); i++) {
            float scale = scales[(int) (i / inner % scales.length)];
            double q = scale == 0 ? 0 : Math.rint(get(floats, i) / (double) scale);
            to.set(ValueLayout.JAVA_BYTE, i, (byte) Math.clamp(q, -127, 127));
        }
        return tensor(DType.INT8, matrix, to);
    }

    /// The greatest magnitude along each index of `axis`; NaN where there is one.
    static float[] greatest(Tensor floats, Shape matrix, int axis) {
        float[] max = new float[matrix.size(axis)];
        long inner = axis == 0 ? matrix.dim(1) : 1;
        for (long i = 0; i < floats.elements(); i++) {
            int sum = (int) (i / inner % max.length);
            max[sum] = Math.max(max[sum], Math.abs(get(floats, i)));
        }
        return max;
    }
}
