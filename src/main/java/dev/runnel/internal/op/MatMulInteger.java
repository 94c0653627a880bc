package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// MatMulInteger-10: `Y = (A − a_zero_point) · (B − b_zero_point)` of 8-bit integers, in int32; by
/// NumPy's rules, as [MatMul]. Zero points are one number, or one for each row of A and each column
/// of B.
final class MatMulInteger implements Operator {
    private static final int A = 0;
    private static final int B = 1;
    private static final int A_ZERO = 2;
    private static final int B_ZERO = 3;

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 4);
        Shape y = MatMul.shape(call);
        Shape a = call.shape(A);
        Shape b = call.shape(B);
        long m = a.rank() > 1 ? a.dim(a.rank() - 2) : 1;
        long n = b.rank() > 1 ? b.dim(b.rank() - 1) : 1;
        IntegerProduct.check(call, A, A_ZERO, Shape.of(m), "[M]");
        IntegerProduct.check(call, B, B_ZERO, Shape.of(n), "[N]");
        return List.of(new TensorType(DType.INT32, y));
    }

    @Override
    public Program compile(Call call) {
        Shape a = call.shape(A);
        Shape b = call.shape(B);
        int m = a.rank() > 1 ? a.size(a.rank() - 2) : 1;
        int k = a.size(a.rank() - 1);
        int n = b.rank() > 1 ? b.size(b.rank() - 1) : 1;
        long aGroups = a.rank() > 2 ? a.elements(0, a.rank() - 2) : 1;
        long bGroups = b.rank() > 2 ? b.elements(0, b.rank() - 2) : 1;
        long[] batch = MatMul.batch(call, a, b);
        var left = new IntegerProduct.Side(A, A_ZERO, call.dtype(A), aGroups, m, k);
        var right = new IntegerProduct.Side(B, B_ZERO, call.dtype(B), bGroups * k, n, 1);
        return new Products(
                m,
                k,
                n,
                MatMul.offsets(a, batch, 4L * m * k),
                MatMul.offsets(b, batch, 4L * k * n),
                left,
                right,
                right.pack(call));
    }

    /// @param aAt for each product, where its A starts among the widened, in bytes
    /// @param bAt likewise its B
    /// @param packed B, widened; null if it is not constant
    private record Products(
            int m,
            int k,
            int n,
            long[] aAt,
            long[] bAt,
            IntegerProduct.Side left,
            IntegerProduct.Side right,
            @Nullable MemorySegment packed)
            implements Program {
        @Override
        public long scratchBytes(int rows) {
            return left.byteSize() + (packed == null ? right.byteSize() : 0);
        }

        @Override
        public boolean reads(int i) {
            return packed == null || (i != B && i != B_ZERO);
        }

        @Override
        public String description() {
            return packed == null ? "" : "packed " + right.byteSize() + " bytes";
        }

        @Override
        public Step bind(Bench bench) {
            Operand y = bench.out(0);
            int[] sums = new int[n];
            MemorySegment scratch = bench.scratch();
            MemorySegment weights = packed == null ? scratch : packed;
            long weightsAt = packed == null ? left.byteSize() : 0;
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    left.widen(bench, r, scratch, 0);
                    if (packed == null) {
                        right.widen(bench, r, scratch, weightsAt);
                    }
                    long at = y.offset(r);
                    for (int p = 0; p < aAt.length; p++) {
                        for (int i = 0; i < m; i++) {
                            long row = aAt[p] + 4L * i * k;
                            IntegerProduct.multiply(
                                    scratch, row, k, weights, weightsAt + bAt[p], n, sums);
                            MemorySegment.copy(sums, 0, y.segment(r), JAVA_INT_UNALIGNED, at, n);
                            at += 4L * n;
                        }
                    }
                }
            };
        }
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        for (int i = A_ZERO; i < in.length; i++) {
            if (in[i] >= 0) {
                return "has zero points that differ from step to step";
            }
        }
        return MatMul.obstacle(call, in);
    }
}
