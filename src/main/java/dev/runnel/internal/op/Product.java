package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// A series of matrix products, `C = start + A · B` each: the program of MatMul and Gemm and of
/// those Einsums that are products. With one row each, the rows of a session go through the weights
/// at once.
///
/// @param a which input is A
/// @param b which input is B
/// @param panel B, packed; null if it is read from its operand
/// @param bTaps where B's rows lie if it is not packed
/// @param aAt for each product, where its A starts, in bytes
/// @param bAt for each product, where its B starts in bytes, or its group in the panel
/// @param cAt for each product, where its C starts, in bytes
/// @param start what the chains start at, `[1 or m, n]`
/// @param startStep bytes from one row of `start` to the next; 0 if they share one
record Product(
        DType dtype,
        int m,
        int n,
        int a,
        int b,
        long aStep,
        int[] aTaps,
        @Nullable Panel panel,
        int[] bTaps,
        long cStep,
        long[] aAt,
        long[] bAt,
        long[] cAt,
        MemorySegment start,
        long startStep)
        implements Program {

    /// From so many rows of a session on, it pays to take them through a group's weights together
    /// rather than one row through all groups.
    private static final int FEW_ROWS = 4;

    @Override
    public Step bind(Bench bench) {
        Operand left = bench.in(a);
        Operand out = bench.out(0);
        DenseKernels dense = ElementDense.of(dtype, bench.kernels());
        if (panel == null) {
            Operand right = bench.in(b);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int p = 0; p < aAt.length; p++) {
                        multiply(dense, p, r, left, right, out);
                    }
                }
            };
        }
        Panel weights = panel;
        if (m == 1 && bench.rows() < FEW_ROWS && isGroupForGroup()) {
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    multiplyEach(dense, weights, r, left, out);
                }
            };
        }
        if (m == 1 && left.rowStride() >= 0 && out.rowStride() > 0) {
            return (from, to) -> {
                for (int p = 0; p < aAt.length; p++) {
                    multiply(
                            dense,
                            weights,
                            p,
                            from,
                            to - from,
                            left,
                            left.rowStride(),
                            out,
                            out.rowStride());
                }
            };
        }
        return (from, to) -> {
            for (int r = from; r < to; r++) {
                for (int p = 0; p < aAt.length; p++) {
                    multiply(dense, weights, p, r, m, left, aStep, out, cStep);
                }
            }
        };
    }

    private void multiply(
            DenseKernels dense, int p, int r, Operand left, Operand right, Operand out) {
        MemorySegment c = out.segment(r);
        long cOffset = out.offset(r) + cAt[p];
        begin(m, c, cOffset, cStep);
        dense.accumulate(
                m,
                n,
                left.segment(r),
                left.offset(r) + aAt[p],
                aStep,
                aTaps,
                right.segment(r),
                right.offset(r) + bAt[p],
                bTaps,
                c,
                cOffset,
                cStep);
    }

    private void multiply(
            DenseKernels dense,
            Panel weights,
            int p,
            int r,
            int rows,
            Operand left,
            long leftStep,
            Operand out,
            long outStep) {
        MemorySegment c = out.segment(r);
        long cOffset = out.offset(r) + cAt[p];
        begin(rows, c, cOffset, outStep);
        weights.accumulate(
                dense,
                (int) bAt[p],
                rows,
                left.segment(r),
                left.offset(r) + aAt[p],
                leftStep,
                aTaps,
                c,
                cOffset,
                outStep);
    }

    /// Whether there are several products, product p with group p of the panel, their A and C
    /// evenly spaced.
    private boolean isGroupForGroup() {
        boolean even = aAt.length > 1;
        for (int p = 0; even && p < aAt.length; p++) {
            even =
                    bAt[p] == p
                            && aAt[p] == aAt[0] + p * (aAt[1] - aAt[0])
                            && cAt[p] == cAt[0] + p * (cAt[1] - cAt[0]);
        }
        return even;
    }

    private void multiplyEach(DenseKernels dense, Panel weights, int r, Operand left, Operand out) {
        MemorySegment c = out.segment(r);
        long cOffset = out.offset(r) + cAt[0];
        long step = cAt[1] - cAt[0];
        begin(aAt.length, c, cOffset, step);
        weights.accumulateEach(
                dense,
                aAt.length,
                left.segment(r),
                left.offset(r) + aAt[0],
                aAt[1] - aAt[0],
                aTaps,
                c,
                cOffset,
                step);
    }

    private void begin(int rows, MemorySegment c, long cOffset, long step) {
        long bytes = (long) n * dtype.byteSize();
        for (int i = 0; i < rows; i++) {
            MemorySegment.copy(start, i * startStep, c, cOffset + i * step, bytes);
        }
    }

    @Override
    public boolean reads(int i) {
        return i == a || (i == b && panel == null);
    }

    @Override
    public String description() {
        return panel == null ? "" : "packed " + panel.byteSize() + " bytes";
    }
}
