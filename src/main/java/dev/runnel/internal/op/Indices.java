package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;

import java.lang.foreign.MemorySegment;

/// An operand of indices into axes of a tensor, int32 or int64, that may count from the end.
///
/// @param where what messages start with
/// @param wide whether they are int64
record Indices(String where, boolean wide) {

    /// Those of input `i` of the call.
    ///
    /// @throws dev.runnel.MalformedModelException if they are not int32 or int64
    static Indices of(Call call, int i) {
        DType t = call.dtype(i);
        if (t != DType.INT64 && t != DType.INT32) {
            throw call.malformed("indices have element type " + t + ", expected int32 or int64");
        }
        return new Indices(call.where(), t == DType.INT64);
    }

    /// Index number `at` of the operand that starts at byte `offset`, as one from the start of an
    /// axis of `extent` elements.
    ///
    /// @throws IllegalArgumentException if it lies outside [−extent, extent − 1]
    long get(MemorySegment s, long offset, long at, long extent) {
        long index =
                wide
                        ? s.get(JAVA_LONG_UNALIGNED, offset + 8 * at)
                        : s.get(JAVA_INT_UNALIGNED, offset + 4 * at);
        long fromStart = index < 0 ? index + extent : index;
        if (fromStart < 0 || fromStart >= extent) {
            throw new IllegalArgumentException(where + ": " + complaint(index, at, extent));
        }
        return fromStart;
    }

    /// Checks indices that are known while planning.
    ///
    /// @param extents of the axes that successive indices go to in turn
    static void check(Call call, Tensor indices, long... extents) {
        for (long at = 0; at < indices.elements(); at++) {
            long extent = extents[(int) (at % extents.length)];
            long index = indices.getLong(at);
            if (index < -extent || index >= extent) {
                throw call.malformed(complaint(index, at, extent));
            }
        }
    }

    private static String complaint(long index, long at, long extent) {
        return "index "
                + index
                + " (number "
                + at
                + " of the indices) is out of range, expected "
                + -extent
                + " … "
                + (extent - 1)
                + " for an axis of extent "
                + extent;
    }
}
