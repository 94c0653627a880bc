package dev.runnel.formats.file;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// What readers do with the elements of tensors.
public final class Elements {
    private static final int ALIGNMENT = 64;

    private Elements() {}

    /// The tensor of this type over `data`, whose bytes are as many as `type` takes.
    ///
    /// @param what what messages call it, such as `tensor 'w'`
    /// @throws dev.runnel.MalformedModelException if an element of a bool tensor is neither 0 nor 1
    public static Tensor tensor(MappedFile file, String what, TensorType type, MemorySegment data) {
        checkBools(file, what, type.dtype(), data);
        return new Tensor(type, data);
    }

    /// Checks elements of type `dtype`, if it is BOOL: kernels count on their bytes being 0 or 1.
    ///
    /// @throws dev.runnel.MalformedModelException if one is not
    public static void checkBools(MappedFile file, String what, DType dtype, MemorySegment data) {
        if (dtype != DType.BOOL) {
            return;
        }
        for (long i = 0; i < data.byteSize(); i++) {
            byte b = data.get(ValueLayout.JAVA_BYTE, i);
            if (b != 0 && b != 1) {
                throw file.malformed(
                        what
                                + " has "
                                + Byte.toUnsignedInt(b)
                                + " as element "
                                + i
                                + ", expected 0 or 1 for bool");
            }
        }
    }

    /// A row-major copy of elements that lie otherwise.
    ///
    /// @param data holds them, the first at its begin
    /// @param byteStrides by axis, the bytes from one element to the next along it
    public static MemorySegment rowMajor(MemorySegment data, TensorType type, long[] byteStrides) {
        int size = type.dtype().byteSize();
        long[] dims = type.shape().dims();
        MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), ALIGNMENT);
        long[] index = new long[dims.length];
        long from = 0;
        for (long at = 0; at < to.byteSize(); at += size) {
            MemorySegment.copy(data, from, to, at, size);
            for (int a = dims.length - 1; a >= 0; a--) {
                from += byteStrides[a];
                if (++index[a] < dims[a]) {
                    break;
                }
                from -= byteStrides[a] * dims[a];
                index[a] = 0;
            }
        }
        return to;
    }
}
