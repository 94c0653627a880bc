package dev.runnel.formats.random;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Tensors of every element type, made, cut, and written as messages.
final class Tensors {
    private Tensors() {}

    /// A tensor of `dtype` with these values, rounded to it.
    static Tensor of(DType dtype, Shape shape, double... values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * dtype.byteSize())
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (double v : values) {
            switch (dtype) {
                case FLOAT32 -> bytes.putFloat((float) v);
                case FLOAT64 -> bytes.putDouble(v);
                case FLOAT16 -> bytes.putShort(Float.floatToFloat16((float) v));
                case BFLOAT16 ->
                        bytes.putShort((short) (Float.floatToRawIntBits((float) v) >>> 16));
                case INT64, UINT64 -> bytes.putLong((long) v);
                case INT32, UINT32 -> bytes.putInt((int) (long) v);
                case INT16, UINT16 -> bytes.putShort((short) (long) v);
                case INT8, UINT8, BOOL -> bytes.put((byte) (long) v);
            }
        }
        return of(dtype, shape, bytes.array());
    }

    static Tensor of(DType dtype, Shape shape, byte[] bytes) {
        MemorySegment data =
                Arena.ofAuto().allocate(Math.max(bytes.length, 1), 64).asSlice(0, bytes.length);
        data.copyFrom(MemorySegment.ofArray(bytes));
        return new Tensor(new TensorType(dtype, shape), data);
    }

    static byte[] bytes(Tensor t) {
        return t.data().toArray(ValueLayout.JAVA_BYTE);
    }

    /// The part of `t` whose index along `axis` is `from` or more and less than `to`.
    static Tensor slice(Tensor t, int axis, long from, long to) {
        Shape s = t.shape();
        long inner = s.elements(axis + 1, s.rank()) * t.dtype().byteSize();
        long part = (to - from) * inner;
        long whole = s.dim(axis) * inner;
        byte[] bytes = new byte[Math.toIntExact(part * s.elements(0, axis))];
        for (int o = 0; o < s.elements(0, axis); o++) {
            MemorySegment.copy(
                    t.data(),
                    ValueLayout.JAVA_BYTE,
                    o * whole + from * inner,
                    bytes,
                    Math.toIntExact(o * part),
                    Math.toIntExact(part));
        }
        return of(t.dtype(), s.with(axis, to - from), bytes);
    }

    /// The axes of `t` in another order.
    static Tensor transpose(Tensor t, int... order) {
        Shape s = t.shape();
        int rank = s.rank();
        long[] to = new long[rank];
        long[] stride = new long[rank];
        for (int i = 0; i < rank; i++) {
            to[i] = s.dim(order[i]);
            stride[i] = s.elements(order[i] + 1, rank);
        }
        Shape shape = Shape.of(to);
        int size = t.dtype().byteSize();
        byte[] bytes = new byte[Math.toIntExact(t.data().byteSize())];
        for (int k = 0; k < shape.elements(); k++) {
            long rest = k;
            long from = 0;
            for (int i = rank - 1; i >= 0; i--) {
                from += rest % to[i] * stride[i];
                rest /= to[i];
            }
            MemorySegment.copy(t.data(), ValueLayout.JAVA_BYTE, from * size, bytes, k * size, size);
        }
        return of(t.dtype(), shape, bytes);
    }

    static Tensor reshape(Tensor t, Shape shape) {
        return new Tensor(new TensorType(t.dtype(), shape), t.data());
    }

    static Tensor cast(Tensor t, DType to) {
        double[] values = new double[Math.toIntExact(t.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = t.getDouble(i);
        }
        return of(to, t.shape(), values);
    }

    /// As a message with its bytes in `raw_data`, or in the list of its type.
    static TensorProto proto(String name, Tensor t, boolean raw) {
        TensorProto.Builder p =
                TensorProto.newBuilder().setName(name).setDataType(t.dtype().onnxCode());
        for (long d : t.shape().dims()) {
            p.addDims(d);
        }
        if (raw) {
            return p.setRawData(ByteString.copyFrom(bytes(t))).build();
        }
        for (long i = 0; i < t.elements(); i++) {
            switch (t.dtype()) {
                case FLOAT32 -> p.addFloatData((float) t.getDouble(i));
                case FLOAT64 -> p.addDoubleData(t.getDouble(i));
                case INT64 -> p.addInt64Data(t.getLong(i));
                case UINT64, UINT32 -> p.addUint64Data(t.getLong(i));
                case FLOAT16, BFLOAT16 ->
                        p.addInt32Data(
                                Short.toUnsignedInt(
                                        t.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i)));
                default -> p.addInt32Data((int) t.getLong(i));
            }
        }
        return p.build();
    }
}
