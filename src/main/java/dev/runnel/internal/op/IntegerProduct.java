package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Products of matrices of 8-bit integers less their zero points, summed in int32, which wraps
/// around: what MatMulInteger and ConvInteger have in common.
///
/// Both sides are widened to int32 first, less the zero points; loops over these C2 makes vector
/// code of, unlike those over bytes.
final class IntegerProduct {
    private IntegerProduct() {}

    /// One side of the product, `[outer, n, inner]`, each index of `n` with a zero point of its
    /// own, or all with one.
    ///
    /// @param input which input it is
    /// @param zeros which input has its zero points
    record Side(int input, int zeros, DType dtype, long outer, long n, long inner) {
        long elements() {
            return outer * n * inner;
        }

        long byteSize() {
            return 4 * elements();
        }

        /// Its elements, widened and packed, if they and their zero points are constant.
        @Nullable MemorySegment pack(Call call) {
            Tensor x = call.constant(input);
            Tensor z = call.constant(zeros);
            if (x == null || (z == null && call.has(zeros))) {
                return null;
            }
            String layout = "int32 " + n + "x" + inner;
            return call.weights()
                    .pack(
                            layout,
                            z == null ? List.of(x) : List.of(x, z),
                            byteSize(),
                            s ->
                                    widen(
                                            x.data(),
                                            0,
                                            z == null ? null : z.data(),
                                            0,
                                            z == null ? 1 : z.elements(),
                                            s,
                                            0));
        }

        /// Widens row `r` of a session to byte `at` of `to`.
        void widen(Bench bench, int r, MemorySegment to, long at) {
            Operand x = bench.in(input);
            Operand z = zeros < bench.inputs().size() ? bench.inputs().get(zeros) : null;
            widen(
                    x.segment(r),
                    x.offset(r),
                    z == null ? null : z.segment(r),
                    z == null ? 0 : z.offset(r),
                    z == null ? 1 : z.type().shape().elements(),
                    to,
                    at);
        }

        private void widen(
                MemorySegment x,
                long xAt,
                @Nullable MemorySegment zero,
                long zeroAt,
                long zeroCount,
                MemorySegment to,
                long at) {
            int mask = dtype == DType.UINT8 ? 0xFF : -1;
            for (long p = 0; p < outer * n; p++) {
                int z = zero == null ? 0 : zero.get(JAVA_BYTE, zeroAt + p % n % zeroCount) & mask;
                for (long i = p * inner; i < (p + 1) * inner; i++) {
                    int v = x.get(JAVA_BYTE, xAt + i) & mask;
                    to.set(JAVA_INT, at + 4 * i, v - z);
                }
            }
        }
    }

    /// Checks what inputs `i`, 8-bit integers, and `zeros`, their zero points, are.
    ///
    /// @param many the shape that the zero points have if there is more than one
    static void check(Call call, int i, int zeros, Shape many, String formula) {
        call.requireType(i, DType.UINT8, DType.INT8);
        if (!call.has(zeros)) {
            return;
        }
        call.requireSameType(i, zeros);
        Shape z = call.shape(zeros);
        if (z.elements() != 1 && !z.equals(many)) {
            throw call.unsupported(
                    "zero point has shape "
                            + z
                            + ", expected one element or "
                            + many
                            + " = "
                            + formula);
        }
    }

    /// The sums of row a\[k\] times b\[k, n\], both int32: `c[j] = Σ a[i]·b[i, j]`.
    static void multiply(
            MemorySegment a, long aAt, int k, MemorySegment b, long bAt, int n, int[] c) {
        Arrays.fill(c, 0, n, 0);
        for (int i = 0; i < k; i++) {
            add(a.get(JAVA_INT, aAt + 4L * i), b, bAt + 4L * i * n, n, c);
        }
    }

    /// The sums on the heap and `b` off it, they cannot be the same memory, which C2 sees.
    private static void add(int a, MemorySegment b, long at, int n, int[] c) {
        for (int j = 0; j < n; j++) {
            c[j] += a * b.get(JAVA_INT, at + 4L * j);
        }
    }
}
