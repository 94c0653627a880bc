package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel times the inputs of one lane, or of several at once, by the Vector API at the width of
/// [Width]. The sums of a lane stay in registers while the panel's rows pass by; pairs of lanes are
/// left to [VectorPanelBlocks].
///
/// With one lane the weights come from a cache, and what counts is that memory is read in ascending
/// order, with few instructions between the loads. The loops count rows, so that C2 checks the
/// bounds of x before and not in them; the stride is the panel's, so that C2, which cannot know it,
/// leaves the loads in order. (A slice of each row would be checked once for all its vectors and is
/// faster still, as long as C2 does without the object; in a JVM where vectors are loaded from heap
/// segments too it did not.)
final class VectorPanels implements PanelProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final PanelProduct blocks =
            Width.<PanelProduct>copy(VectorPanelBlocks.class, F.vectorBitSize());

    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        int pairs = lanes & -2;
        if (pairs > 0) {
            blocks.multiply(p, w, at, pairs);
        }
        if (pairs < lanes) {
            long x = at.x() + pairs * at.xStride() + 4L * p.from();
            oneLane(p, w, at.memory(), x, at.z() + pairs * at.zStride() + 4L * p.column());
        }
    }

    /// As many vectors of both strands at a time as there are accumulators: in a panel made for
    /// vectors as wide as these, all of them.
    private static void oneLane(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        long row = p.rowBytes();
        long strand = p.strandBytes();
        int rows = p.to() - p.from();
        MemorySegment init = p.continues() ? s : w;
        long from = p.continues() ? z : p.offset();
        long fromRight = p.continues() ? z + row : p.offset() + strand;
        long left = p.inputs();
        long right = left + strand;
        long j = 0;
        for (; j + 4 * V <= row; j += 4 * V) {
            eight(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    right + j,
                    row,
                    rows,
                    s,
                    x,
                    z + j,
                    z + row + j);
        }
        if (j + 3 * V == row) {
            six(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    right + j,
                    row,
                    rows,
                    s,
                    x,
                    z + j,
                    z + row + j);
        } else if (j + 2 * V == row) {
            four(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    right + j,
                    row,
                    rows,
                    s,
                    x,
                    z + j,
                    z + row + j);
        } else if (j + V == row) {
            two(
                    init,
                    from + j,
                    fromRight + j,
                    w,
                    left + j,
                    right + j,
                    row,
                    rows,
                    s,
                    x,
                    z + j,
                    z + row + j);
        }
    }

    private static void eight(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long right,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        C2.sharpen(s);
        FloatVector l0 = FloatVector.fromMemorySegment(F, init, from, LE);
        FloatVector l1 = FloatVector.fromMemorySegment(F, init, from + V, LE);
        FloatVector l2 = FloatVector.fromMemorySegment(F, init, from + 2 * V, LE);
        FloatVector l3 = FloatVector.fromMemorySegment(F, init, from + 3 * V, LE);
        FloatVector r0 = FloatVector.fromMemorySegment(F, init, fromRight, LE);
        FloatVector r1 = FloatVector.fromMemorySegment(F, init, fromRight + V, LE);
        FloatVector r2 = FloatVector.fromMemorySegment(F, init, fromRight + 2 * V, LE);
        FloatVector r3 = FloatVector.fromMemorySegment(F, init, fromRight + 3 * V, LE);
        for (int k = 0; k < rows; k++) {
            FloatVector xk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k));
            long l = left + k * row;
            long r = right + k * row;
            l0 = FloatVector.fromMemorySegment(F, w, l, LE).fma(xk, l0);
            l1 = FloatVector.fromMemorySegment(F, w, l + V, LE).fma(xk, l1);
            l2 = FloatVector.fromMemorySegment(F, w, l + 2 * V, LE).fma(xk, l2);
            l3 = FloatVector.fromMemorySegment(F, w, l + 3 * V, LE).fma(xk, l3);
            r0 = FloatVector.fromMemorySegment(F, w, r, LE).fma(xk, r0);
            r1 = FloatVector.fromMemorySegment(F, w, r + V, LE).fma(xk, r1);
            r2 = FloatVector.fromMemorySegment(F, w, r + 2 * V, LE).fma(xk, r2);
            r3 = FloatVector.fromMemorySegment(F, w, r + 3 * V, LE).fma(xk, r3);
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        l2.intoMemorySegment(s, z + 2 * V, LE);
        l3.intoMemorySegment(s, z + 3 * V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
        r2.intoMemorySegment(s, zRight + 2 * V, LE);
        r3.intoMemorySegment(s, zRight + 3 * V, LE);
    }

    private static void six(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long right,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        C2.sharpen(s);
        FloatVector l0 = FloatVector.fromMemorySegment(F, init, from, LE);
        FloatVector l1 = FloatVector.fromMemorySegment(F, init, from + V, LE);
        FloatVector l2 = FloatVector.fromMemorySegment(F, init, from + 2 * V, LE);
        FloatVector r0 = FloatVector.fromMemorySegment(F, init, fromRight, LE);
        FloatVector r1 = FloatVector.fromMemorySegment(F, init, fromRight + V, LE);
        FloatVector r2 = FloatVector.fromMemorySegment(F, init, fromRight + 2 * V, LE);
        for (int k = 0; k < rows; k++) {
            FloatVector xk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k));
            long l = left + k * row;
            long r = right + k * row;
            l0 = FloatVector.fromMemorySegment(F, w, l, LE).fma(xk, l0);
            l1 = FloatVector.fromMemorySegment(F, w, l + V, LE).fma(xk, l1);
            l2 = FloatVector.fromMemorySegment(F, w, l + 2 * V, LE).fma(xk, l2);
            r0 = FloatVector.fromMemorySegment(F, w, r, LE).fma(xk, r0);
            r1 = FloatVector.fromMemorySegment(F, w, r + V, LE).fma(xk, r1);
            r2 = FloatVector.fromMemorySegment(F, w, r + 2 * V, LE).fma(xk, r2);
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        l2.intoMemorySegment(s, z + 2 * V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
        r2.intoMemorySegment(s, zRight + 2 * V, LE);
    }

    private static void four(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long right,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        C2.sharpen(s);
        FloatVector l0 = FloatVector.fromMemorySegment(F, init, from, LE);
        FloatVector l1 = FloatVector.fromMemorySegment(F, init, from + V, LE);
        FloatVector r0 = FloatVector.fromMemorySegment(F, init, fromRight, LE);
        FloatVector r1 = FloatVector.fromMemorySegment(F, init, fromRight + V, LE);
        for (int k = 0; k < rows; k++) {
            FloatVector xk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k));
            long l = left + k * row;
            long r = right + k * row;
            l0 = FloatVector.fromMemorySegment(F, w, l, LE).fma(xk, l0);
            l1 = FloatVector.fromMemorySegment(F, w, l + V, LE).fma(xk, l1);
            r0 = FloatVector.fromMemorySegment(F, w, r, LE).fma(xk, r0);
            r1 = FloatVector.fromMemorySegment(F, w, r + V, LE).fma(xk, r1);
        }
        l0.intoMemorySegment(s, z, LE);
        l1.intoMemorySegment(s, z + V, LE);
        r0.intoMemorySegment(s, zRight, LE);
        r1.intoMemorySegment(s, zRight + V, LE);
    }

    private static void two(
            MemorySegment init,
            long from,
            long fromRight,
            MemorySegment w,
            long left,
            long right,
            long row,
            int rows,
            MemorySegment s,
            long x,
            long z,
            long zRight) {
        C2.sharpen(s);
        FloatVector l0 = FloatVector.fromMemorySegment(F, init, from, LE);
        FloatVector r0 = FloatVector.fromMemorySegment(F, init, fromRight, LE);
        for (int k = 0; k < rows; k++) {
            FloatVector xk = FloatVector.broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k));
            long l = left + k * row;
            long r = right + k * row;
            l0 = FloatVector.fromMemorySegment(F, w, l, LE).fma(xk, l0);
            r0 = FloatVector.fromMemorySegment(F, w, r, LE).fma(xk, r0);
        }
        l0.intoMemorySegment(s, z, LE);
        r0.intoMemorySegment(s, zRight, LE);
    }
}
