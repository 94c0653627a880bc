package dev.runnel.internal.kernel.vector;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel of weights of fewer bits times the inputs of many lanes, by the Vector API at the width
/// of [Width]: rows are unpacked to float32, which costs once what [VectorPanelsBf16] and
/// [VectorPanelsInt8] spend for every four lanes, and multiplied by [VectorPanelBlocks]. It goes on
/// with the sums in z.
final class VectorPanelsUnpacked implements PanelProduct {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    /// Rows that stay in the first cache, which takes long to fill anew for each: 16 kB.
    private static final int FEW_ROWS = 64;

    /// From so many lanes on the work before and behind a block's rows counts for more.
    private static final int BUSY_LANES = 32;

    /// As many as [Lanes] has room for, of half the widest panel of any kernel.
    private static final int MANY_ROWS = Lanes.UNPACKED / 64;

    private final StrandProduct blocks =
            Width.<StrandProduct>copy(VectorPanelBlocks.class, F.vectorBitSize());

    /// @param lanes an even number, [Lanes#UNPACKING] or more
    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        MemorySegment s = at.memory();
        long row = 2L * p.width();
        int most = lanes < BUSY_LANES ? FEW_ROWS : MANY_ROWS;
        for (int k = p.from(); k < p.to(); k += most) {
            int rows = Math.min(most, p.to() - k);
            long from = p.inputs() + (k - p.from()) * p.rowBytes();
            long x = at.x() + 4L * k;
            long z = at.z() + 4L * p.column();
            for (int half = 0; half < 2; half++, z += row) {
                if (p.precision() == Precision.BF16) {
                    bf16(w, from, rows * (int) p.rowBytes(), half, s, at.unpacked());
                } else {
                    int8(w, from - 2 + 2 * half, (int) p.rowBytes(), rows, s, at.unpacked());
                }
                blocks.multiply(s, at.unpacked(), row, rows, at, x, z, lanes);
            }
        }
    }

    private static void bf16(
            MemorySegment w, long from, int bytes, int half, MemorySegment s, long to) {
        C2.sharpen(s);
        for (int i = 0; i < bytes; i += V) {
            IntVector.fromMemorySegment(I, w, from + i, LE)
                    .lanewise(VectorOperators.LSHL, 16 * half)
                    .and(UPPER)
                    .intoMemorySegment(s, to + i, LE);
        }
    }

    private static void int8(
            MemorySegment w, long from, int rowBytes, int rows, MemorySegment s, long to) {
        if (rowBytes == 2 * V) {
            twoVectors(w, from, rows, s, to);
        } else {
            anyWidth(w, from, rowBytes, rows, s, to);
        }
    }

    /// Rows of the widest panels.
    private static void twoVectors(MemorySegment w, long from, int rows, MemorySegment s, long to) {
        C2.sharpen(s);
        for (int k = 0; k < rows; k++) {
            long row = from + 2L * V * k;
            long at = to + 4L * V * k;
            IntVector i0 = IntVector.fromMemorySegment(I, w, row, LE);
            IntVector i1 = IntVector.fromMemorySegment(I, w, row + V, LE);
            i0.lanewise(VectorOperators.LSHL, 8)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(s, at, LE);
            i1.lanewise(VectorOperators.LSHL, 8)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(s, at + V, LE);
            i0.convertShape(VectorOperators.I2F, F, 0).intoMemorySegment(s, at + 2 * V, LE);
            i1.convertShape(VectorOperators.I2F, F, 0).intoMemorySegment(s, at + 3 * V, LE);
        }
    }

    /// Where a row ends within a vector, what lies behind is overwritten by what is written later.
    private static void anyWidth(
            MemorySegment w, long from, int rowBytes, int rows, MemorySegment s, long to) {
        C2.sharpen(s);
        for (int part = 0; part < 2 * rows; part++) {
            long row = from + (part >> 1) * (long) rowBytes;
            long at = to + part * (long) rowBytes;
            int left = 8 - 8 * (part & 1);
            for (int j = 0; j < rowBytes; j += V) {
                IntVector.fromMemorySegment(I, w, row + j, LE)
                        .lanewise(VectorOperators.LSHL, left)
                        .convertShape(VectorOperators.I2F, F, 0)
                        .intoMemorySegment(s, at + j, LE);
            }
        }
    }
}
