package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/// `Einsum`: any equation, any number of operands. Two operands that make a series of matrix
/// products (most equations in use, `...gi,gio->...go` among them) become a [Product]; all else is
/// summed element by element.
final class Einsum implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, Integer.MAX_VALUE);
        call.requireType(0, MatMul.TYPES);
        for (int i = 1; i < call.inputCount(); i++) {
            MatMul.requireSameType(call, 0, i);
        }
        return List.of(new TensorType(call.dtype(0), call.shapeOf(Equation.of(call).outDims())));
    }

    @Override
    public Program compile(Call call) {
        Equation e = Equation.of(call);
        Program program = null;
        if (call.inputCount() == 2) {
            boolean leftFirst = call.constant(0) == null || call.constant(1) != null;
            program = product(call, e, leftFirst ? 0 : 1);
            if (program == null) {
                program = product(call, e, leftFirst ? 1 : 0);
            }
        }
        return program != null ? program : new Sum(call.dtype(0), e);
    }

    /// The equation as products with input `a` on the left, or null if it is none.
    private static @Nullable Product product(Call call, Equation e, int a) {
        int b = 1 - a;
        long[] left = e.strides()[a];
        long[] right = e.strides()[b];
        List<Integer> batch = new ArrayList<>();
        List<Integer> rows = new ArrayList<>();
        List<Integer> columns = new ArrayList<>();
        for (int i : e.out()) {
            if (e.sizes()[i] != 1) {
                (left[i] == 0 ? columns : right[i] == 0 ? rows : batch).add(i);
            }
        }
        List<Integer> inner = Arrays.stream(e.summed()).boxed().toList();
        boolean both =
                inner.stream().allMatch(i -> e.sizes()[i] == 1 || (left[i] != 0 && right[i] != 0));
        if (!both || Arrays.stream(e.sizes()).anyMatch(s -> s == 0)) {
            return null;
        }
        long[] out = outStrides(e);
        int n = e.offsets(columns, right).length;
        Tensor weights = call.constant(b);
        if (call.dtype(b) != FLOAT32) {
            weights = null;
        }
        if (!isRun(e.offsets(columns, out))
                || (weights == null && !isRun(e.offsets(columns, right)))) {
            return null;
        }
        int rowIndex = rows.isEmpty() ? -1 : rows.removeLast();
        List<Integer> products = new ArrayList<>(rows);
        products.addAll(batch);
        int size = call.dtype(0).byteSize();
        long[] bAt = e.offsets(products, right);
        Panel panel = null;
        if (weights != null) {
            panel =
                    panel(
                            call,
                            e,
                            weights,
                            e.offsets(batch, right),
                            e.offsets(inner, right),
                            e.offsets(columns, right));
            int groups = e.offsets(batch, right).length;
            for (int p = 0; p < bAt.length; p++) {
                bAt[p] = p % groups;
            }
        } else {
            bAt = bytes(bAt, size);
        }
        return new Product(
                call.dtype(0),
                rowIndex < 0 ? 1 : Math.toIntExact(e.sizes()[rowIndex]),
                n,
                a,
                b,
                rowIndex < 0 ? 0 : left[rowIndex] * size,
                taps(e.offsets(inner, left), size),
                panel,
                panel == null ? taps(e.offsets(inner, right), size) : new int[0],
                rowIndex < 0 ? 0 : out[rowIndex] * size,
                bytes(e.offsets(products, left), size),
                bAt,
                bytes(e.offsets(products, out), size),
                MatMul.zeros(call, (long) n * size),
                0);
    }

    private static Panel panel(
            Call call, Equation e, Tensor weights, long[] group, long[] k, long[] j) {
        return Panel.pack(
                call,
                weights,
                "einsum " + call.stringAttribute("equation", "") + Arrays.toString(e.sizes()),
                Panel.ONE_ROW,
                group.length,
                k.length,
                j.length,
                (g, row, column) -> (float) weights.getDouble(group[g] + k[row] + j[column]));
    }

    private static boolean isRun(long[] offsets) {
        for (int i = 0; i < offsets.length; i++) {
            if (offsets[i] != i) {
                return false;
            }
        }
        return true;
    }

    private static int[] taps(long[] elements, int size) {
        return LongStream.of(elements).mapToInt(v -> Math.toIntExact(v * size)).toArray();
    }

    private static long[] bytes(long[] elements, int size) {
        return LongStream.of(elements).map(v -> v * size).toArray();
    }

    /// The output's stride along each index; 0 for those that are summed.
    private static long[] outStrides(Equation e) {
        long[] strides = new long[e.sizes().length];
        long stride = 1;
        for (int i = e.out().length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= e.sizes()[i];
        }
        return strides;
    }

    /// The equation taken literally.
    private record Sum(DType dtype, Equation e) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand[] in = new Operand[e.strides().length];
            long[][] outer = new long[in.length][];
            long[][] inner = new long[in.length][];
            for (int i = 0; i < in.length; i++) {
                in[i] = bench.in(i);
                outer[i] = e.offsets(Arrays.stream(e.out()).boxed().toList(), e.strides()[i]);
                inner[i] = e.offsets(Arrays.stream(e.summed()).boxed().toList(), e.strides()[i]);
            }
            Operand out = bench.out(0);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int p = 0; p < outer[0].length; p++) {
                        long at = out.offset(r) + (long) p * dtype.byteSize();
                        if (dtype.isFloat()) {
                            Elements.setDouble(
                                    dtype, out.segment(r), at, sum(in, r, p, outer, inner));
                        } else {
                            Elements.setLong(
                                    dtype, out.segment(r), at, longSum(in, r, p, outer, inner));
                        }
                    }
                }
            };
        }

        /// The chain that a [Product] gives: which of the two serves may depend on an extent of 1,
        /// and one step is to have the bits of a whole sequence.
        private float chain(Operand[] in, int r, int p, long[][] outer, long[][] inner) {
            float sum = 0;
            for (int q = 0; q < inner[0].length; q++) {
                long a = in[0].offset(r) + 4 * (outer[0][p] + inner[0][q]);
                long b = in[1].offset(r) + 4 * (outer[1][p] + inner[1][q]);
                sum =
                        Math.fma(
                                in[0].segment(r).get(JAVA_FLOAT_UNALIGNED, a),
                                in[1].segment(r).get(JAVA_FLOAT_UNALIGNED, b),
                                sum);
            }
            return sum;
        }

        private double sum(Operand[] in, int r, int p, long[][] outer, long[][] inner) {
            if (dtype == FLOAT32 && in.length == 2) {
                return chain(in, r, p, outer, inner);
            }
            double sum = 0;
            for (int q = 0; q < inner[0].length; q++) {
                double product = 1;
                for (int i = 0; i < in.length; i++) {
                    long at = in[i].offset(r) + (outer[i][p] + inner[i][q]) * dtype.byteSize();
                    product *= Elements.getDouble(dtype, in[i].segment(r), at);
                }
                sum += product;
            }
            return sum;
        }

        private long longSum(Operand[] in, int r, int p, long[][] outer, long[][] inner) {
            long sum = 0;
            for (int q = 0; q < inner[0].length; q++) {
                long product = 1;
                for (int i = 0; i < in.length; i++) {
                    long at = in[i].offset(r) + (outer[i][p] + inner[i][q]) * dtype.byteSize();
                    product *= Elements.getLong(dtype, in[i].segment(r), at);
                }
                sum += product;
            }
            return sum;
        }
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        Equation e = Equation.of(call);
        for (int i = 0; i < in.length; i++) {
            if (in[i] >= 0 && e.axes()[i][in[i]] != out[0]) {
                return "sums over time, or mixes time steps";
            }
        }
        return null;
    }
}
