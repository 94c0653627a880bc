package dev.runnel.internal.kernel.vector;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.memory.Blocks;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

/// A panel of weights of fewer bits times the inputs of many lanes, by the Vector API at the width
/// of [Width]: rows are unpacked to float32, which costs once what [VectorPanelsBf16] and
/// [VectorPanelsInt8] spend for every four lanes, and multiplied by [VectorPanelBlocks]. It goes on
/// with the sums in z.
final class VectorPanelsUnpacked implements PanelProduct {
    /// Lanes for which it pays.
    static final int LEAST = 16;

    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final int V = F.vectorByteSize();
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    /// Columns of half the widest panel of any kernel: rows are unpacked half by half.
    private static final int HALF = 64;

    /// Rows that stay in the first cache, which takes long to fill anew for each: 16 kB.
    private static final int FEW_ROWS = 64;

    /// From so many lanes on the work before and behind a block's rows counts for more.
    private static final int BUSY_LANES = 32;

    private static final int MANY_ROWS = 512;

    /// A line more for the end of a last row within a vector.
    private static final ThreadLocal<MemorySegment> OF_THREAD =
            ThreadLocal.withInitial(
                    () ->
                            Arena.ofAuto()
                                    .allocate(4L * MANY_ROWS * HALF + Blocks.LINE, Blocks.LINE));

    private final StrandProduct blocks =
            Width.<StrandProduct>copy(VectorPanelBlocks.class, F.vectorBitSize());

    /// @param lanes an even number
    @Override
    public void multiply(Panel p, MemorySegment w, Lanes at, int lanes) {
        MemorySegment unpacked = OF_THREAD.get();
        long row = 2L * p.width();
        int most = lanes < BUSY_LANES ? FEW_ROWS : MANY_ROWS;
        for (int k = p.from(); k < p.to(); k += most) {
            int rows = Math.min(most, p.to() - k);
            long from = p.inputs() + (k - p.from()) * p.rowBytes();
            long x = at.x() + 4L * k;
            long z = at.z() + 4L * p.column();
            for (int half = 0; half < 2; half++, z += row) {
                if (p.precision() == Precision.BF16) {
                    bf16(w, from, rows * (int) p.rowBytes(), half, unpacked);
                } else {
                    int8(w, from, (int) p.rowBytes(), rows, half, unpacked);
                }
                blocks.multiply(unpacked, 0, row, rows, at, x, z, lanes);
            }
        }
    }

    private static void bf16(MemorySegment w, long from, int bytes, int half, MemorySegment to) {
        C2.sharpen(to);
        for (int i = 0; i < bytes; i += V) {
            IntVector.fromMemorySegment(I, w, from + i, LE)
                    .lanewise(VectorOperators.LSHL, 16 * half)
                    .and(UPPER)
                    .intoMemorySegment(to, i, LE);
        }
    }

    private static void int8(
            MemorySegment w, long from, int rowBytes, int rows, int half, MemorySegment to) {
        if (rowBytes == 2 * V) {
            twoVectors(w, from, rows, 24 - 16 * half, to);
        } else {
            anyWidth(w, from, rowBytes, rows, 24 - 16 * half, to);
        }
    }

    /// Rows of the widest panels. `shift` brings the first byte wanted to the top.
    private static void twoVectors(
            MemorySegment w, long from, int rows, int shift, MemorySegment to) {
        C2.sharpen(to);
        for (int k = 0; k < rows; k++) {
            long row = from + 2L * V * k;
            long at = 4L * V * k;
            IntVector i0 = IntVector.fromMemorySegment(I, w, row, LE);
            IntVector i1 = IntVector.fromMemorySegment(I, w, row + V, LE);
            i0.lanewise(VectorOperators.LSHL, shift)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(to, at, LE);
            i1.lanewise(VectorOperators.LSHL, shift)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(to, at + V, LE);
            i0.lanewise(VectorOperators.LSHL, shift - 8)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(to, at + 2 * V, LE);
            i1.lanewise(VectorOperators.LSHL, shift - 8)
                    .convertShape(VectorOperators.I2F, F, 0)
                    .intoMemorySegment(to, at + 3 * V, LE);
        }
    }

    /// Where a row ends within a vector, what lies behind is overwritten by what is written later.
    private static void anyWidth(
            MemorySegment w, long from, int rowBytes, int rows, int shift, MemorySegment to) {
        C2.sharpen(to);
        for (int part = 0; part < 2 * rows; part++) {
            long row = from + (part >> 1) * (long) rowBytes;
            long at = part * (long) rowBytes;
            int left = shift - 8 * (part & 1);
            for (int j = 0; j < rowBytes; j += V) {
                IntVector.fromMemorySegment(I, w, row + j, LE)
                        .lanewise(VectorOperators.LSHL, left)
                        .convertShape(VectorOperators.I2F, F, 0)
                        .intoMemorySegment(to, at + j, LE);
            }
        }
    }
}
