package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.Reduction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// The reductions: `ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
/// ReduceSumSquare ReduceLogSum ReduceLogSumExp` over the axes of input 1, or over all.
///
/// float32 over axes that lie together goes through kernels: over the last ones in sixteen chains,
/// over others one chain for each output, in order. All else is summed in double, or in 64-bit
/// integers. Without elements, sums are 0, products 1, maxima the least value there is, means NaN.
final class Reduce implements Operator {
    private enum Kind {
        SUM("Sum", Reduction.SUM, BinaryFunction.ADD),
        MEAN("Mean", Reduction.SUM, BinaryFunction.ADD),
        MAX("Max", Reduction.MAX, BinaryFunction.MAX),
        MIN("Min", Reduction.MIN, BinaryFunction.MIN),
        PRODUCT("Prod", Reduction.PRODUCT, BinaryFunction.MUL),
        L1("L1", Reduction.SUM_OF_ABSOLUTES, null),
        L2("L2", Reduction.SUM_OF_SQUARES, null),
        SUM_SQUARE("SumSquare", Reduction.SUM_OF_SQUARES, null),
        LOG_SUM("LogSum", Reduction.SUM, BinaryFunction.ADD),
        LOG_SUM_EXP("LogSumExp", null, null);

        final String suffix;

        /// Its kernel over adjacent elements.
        final @Nullable Reduction along;

        /// Its kernel over rows.
        final @Nullable BinaryFunction across;

        Kind(String suffix, @Nullable Reduction along, @Nullable BinaryFunction across) {
            this.suffix = suffix;
            this.along = along;
            this.across = across;
        }

        /// What comes after the sum of `n` elements.
        double finish(double sum, long n) {
            return switch (this) {
                case MEAN -> sum / n;
                case L2 -> Math.sqrt(sum);
                case LOG_SUM -> StrictMath.log(sum);
                default -> sum;
            };
        }

        boolean finishes() {
            return this == MEAN || this == L2 || this == LOG_SUM;
        }
    }

    private final Kind kind;

    private Reduce(Kind kind) {
        this.kind = kind;
    }

    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        for (Kind kind : Kind.values()) {
            if (name.equals("Reduce" + kind.suffix)) {
                return new Reduce(kind);
            }
        }
        return null;
    }

    /// Which axes go: none at all if there are none and the node says so.
    private static boolean[] reduced(Call call) {
        int rank = call.shape(0).rank();
        boolean noop = call.flag("noop_with_empty_axes", false);
        long[] axes = call.has(1) ? call.longs(1, "axes") : new long[0];
        boolean[] reduced = new boolean[rank];
        Arrays.fill(reduced, axes.length == 0 && !noop);
        for (long axis : axes) {
            int a = call.axis("axis", axis, rank);
            if (reduced[a]) {
                throw call.malformed(
                        "axes are " + Arrays.toString(axes) + ", expected each axis once");
            }
            reduced[a] = true;
        }
        return reduced;
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 2);
        call.requireType(0, kind == Kind.MAX || kind == Kind.MIN ? DType.values() : DTypes.NUMBERS);
        boolean keep = call.flag("keepdims", true);
        boolean[] reduced = reduced(call);
        long[] dims = new long[reduced.length];
        int rank = 0;
        for (int a = 0; a < reduced.length; a++) {
            if (!reduced[a]) {
                dims[rank++] = call.shape(0).dim(a);
            } else if (keep) {
                dims[rank++] = 1;
            }
        }
        return List.of(new TensorType(call.dtype(0), Shape.of(Arrays.copyOf(dims, rank))));
    }

    @Override
    public Program compile(Call call) {
        boolean[] reduced = reduced(call);
        boolean keepsAll = call.shape(0).equals(call.outputTypes().getFirst().shape());
        // Of an element alone the others still take the absolute value, say, or the logarithm.
        boolean keepsEach =
                switch (kind) {
                    case SUM, MEAN, MAX, MIN, PRODUCT -> true;
                    default -> false;
                };
        return keepsAll && keepsEach && call.shape(0).elements() != 0
                ? Program.VIEW
                : program(call, kind, reduced);
    }

    /// `y = mean(x)` or `max(x)` over the spatial axes, as the global pools have it.
    static Program overSpace(Call call, boolean max) {
        boolean[] reduced = new boolean[call.shape(0).rank()];
        Arrays.fill(reduced, 2, reduced.length, true);
        return program(call, max ? Kind.MAX : Kind.MEAN, reduced);
    }

    private static Program program(Call call, Kind kind, boolean[] reduced) {
        Shape shape = call.shape(0);
        int first = 0;
        while (first < reduced.length && !reduced[first]) {
            first++;
        }
        int last = first;
        while (last < reduced.length && reduced[last]) {
            last++;
        }
        boolean together = true;
        for (int a = last; a < reduced.length; a++) {
            together &= !reduced[a];
        }
        // By the axes alone, not by their extents: one step gets the bits of a whole sequence.
        if (call.dtype(0) == FLOAT32 && together) {
            int outer = Math.toIntExact(shape.elements(0, first));
            int n = Math.toIntExact(shape.elements(first, last));
            int inner = Math.toIntExact(shape.elements(last, shape.rank()));
            if (last == shape.rank() && kind.along != null) {
                return new Along(kind, kind.along, outer, n);
            }
            if (kind.across != null) {
                return new Across(kind, kind.across, start(call, kind), outer, n, inner);
            }
        }
        return new General(
                kind, call.dtype(0), offsets(shape, reduced, false), offsets(shape, reduced, true));
    }

    private static MemorySegment start(Call call, Kind kind) {
        return Unary.number(call, kind.along == null ? 0 : kind.along.identity());
    }

    /// The offsets, in elements, of all positions along the axes that are reduced, or that are not.
    static long[] offsets(Shape shape, boolean[] reduced, boolean which) {
        int count = 1;
        for (int a = 0; a < reduced.length; a++) {
            count = reduced[a] == which ? Math.toIntExact(count * shape.dim(a)) : count;
        }
        long[] at = new long[count];
        for (int p = 0; p < count; p++) {
            long rest = p;
            for (int a = reduced.length - 1; a >= 0; a--) {
                if (reduced[a] == which) {
                    at[p] += rest % shape.dim(a) * shape.elements(a + 1, shape.rank());
                    rest /= shape.dim(a);
                }
            }
        }
        return at;
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        boolean[] reduced = reduced(call);
        return in[0] >= 0 && reduced[in[0]] ? "reduces over time" : null;
    }

    /// float32 over the last axes: x\[outer, n\] → y\[outer\].
    private record Along(Kind kind, Reduction f, int outer, int n) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            ArithmeticKernels kernels = bench.kernels().arithmetic();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int o = 0; o < outer; o++) {
                        float sum = kernels.reduce(f, x.segment(r), x.offset(r) + 4L * o * n, n);
                        if (kind.finishes()) {
                            sum = (float) kind.finish(sum, n);
                        }
                        Elements.setDouble(FLOAT32, y.segment(r), y.offset(r) + 4L * o, sum);
                    }
                }
            };
        }

        @Override
        public boolean reads(int i) {
            return i == 0;
        }
    }

    /// float32 over axes in the middle: x\[outer, n, inner\] → y\[outer, inner\].
    private record Across(
            Kind kind, BinaryFunction f, MemorySegment start, int outer, int n, int inner)
            implements Program {
        /// Rows shorter than this are not worth a kernel.
        private static final int NARROW = 8;

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            ArithmeticKernels kernels = bench.kernels().arithmetic();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int o = 0; o < outer; o++) {
                        long xAt = x.offset(r) + 4L * o * n * inner;
                        row(kernels, x.segment(r), xAt, y.segment(r), y.offset(r) + 4L * o * inner);
                    }
                }
            };
        }

        /// One output, as the kernels give it.
        private float chain(MemorySegment x, long at) {
            float sum = start.get(JAVA_FLOAT_UNALIGNED, 0);
            for (int i = 0; i < n; i++) {
                float v = x.get(JAVA_FLOAT_UNALIGNED, at + 4L * i * inner);
                sum =
                        switch (f) {
                            case ADD -> sum + v;
                            case MUL -> sum * v;
                            case MIN -> Math.min(sum, v);
                            case MAX -> Math.max(sum, v);
                            case SUB, DIV, LEAK -> throw new AssertionError(f);
                        };
            }
            return sum;
        }

        private void row(
                ArithmeticKernels kernels, MemorySegment x, long xAt, MemorySegment y, long yAt) {
            if (inner < NARROW) {
                for (int j = 0; j < inner; j++) {
                    Elements.setDouble(FLOAT32, y, yAt + 4L * j, chain(x, xAt + 4L * j));
                }
            } else {
                for (int j = 0; j < inner; j++) {
                    MemorySegment.copy(start, 0, y, yAt + 4L * j, 4);
                }
                for (int i = 0; i < n; i++) {
                    kernels.apply(f, y, yAt, 1, x, xAt + 4L * i * inner, 1, y, yAt, inner);
                }
            }
            for (int j = 0; kind.finishes() && j < inner; j++) {
                double sum = Elements.getDouble(FLOAT32, y, yAt + 4L * j);
                Elements.setDouble(FLOAT32, y, yAt + 4L * j, kind.finish(sum, n));
            }
        }

        @Override
        public boolean reads(int i) {
            return i == 0;
        }
    }

    /// Any type, any axes.
    private record General(Kind kind, DType dtype, long[] outer, long[] inner) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            int size = dtype.byteSize();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int o = 0; o < outer.length; o++) {
                        long xAt = x.offset(r) + outer[o] * size;
                        long yAt = y.offset(r) + (long) o * size;
                        if (dtype.isFloat() || kind.finishes() || kind == Kind.LOG_SUM_EXP) {
                            Elements.setDouble(dtype, y.segment(r), yAt, floats(x.segment(r), xAt));
                        } else {
                            Elements.setLong(dtype, y.segment(r), yAt, integers(x.segment(r), xAt));
                        }
                    }
                }
            };
        }

        private double get(MemorySegment x, long at, int i) {
            return Elements.getDouble(dtype, x, at + inner[i] * dtype.byteSize());
        }

        private double floats(MemorySegment x, long at) {
            if (kind == Kind.LOG_SUM_EXP) {
                return logSumExp(x, at);
            }
            double sum = kind.along == null ? 0 : kind.along.identity();
            for (int i = 0; i < inner.length; i++) {
                double v = get(x, at, i);
                sum =
                        switch (kind) {
                            case MAX -> Math.max(sum, v);
                            case MIN -> Math.min(sum, v);
                            case PRODUCT -> sum * v;
                            case L1 -> sum + Math.abs(v);
                            case L2, SUM_SQUARE -> sum + v * v;
                            default -> sum + v;
                        };
            }
            return kind.finish(sum, inner.length);
        }

        private double logSumExp(MemorySegment x, long at) {
            double max = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < inner.length; i++) {
                max = Math.max(max, get(x, at, i));
            }
            if (Double.isInfinite(max)) {
                return max;
            }
            double sum = 0;
            for (int i = 0; i < inner.length; i++) {
                sum += StrictMath.exp(get(x, at, i) - max);
            }
            return max + StrictMath.log(sum);
        }

        private long integers(MemorySegment x, long at) {
            boolean unsigned = dtype == DType.UINT64;
            long sum = identity();
            for (int i = 0; i < inner.length; i++) {
                long v = Elements.getLong(dtype, x, at + inner[i] * dtype.byteSize());
                int order = unsigned ? Long.compareUnsigned(v, sum) : Long.compare(v, sum);
                sum =
                        switch (kind) {
                            case MAX -> order > 0 ? v : sum;
                            case MIN -> order < 0 ? v : sum;
                            case PRODUCT -> sum * v;
                            case L1 -> sum + (unsigned ? v : Math.abs(v));
                            case SUM_SQUARE -> sum + v * v;
                            default -> sum + v;
                        };
            }
            return sum;
        }

        /// What an integer reduction starts at: for a maximum the least value of the type.
        private long identity() {
            int bits = 8 * dtype.byteSize();
            boolean signed = dtype.isInteger() && !dtype.isUnsigned();
            return switch (kind) {
                case MAX -> signed ? -1L << (bits - 1) : 0;
                case MIN ->
                        signed
                                ? ~(-1L << (bits - 1))
                                : dtype == DType.BOOL ? 1 : -1L >>> (64 - bits);
                case PRODUCT -> 1;
                default -> 0;
            };
        }

        @Override
        public boolean reads(int i) {
            return i == 0;
        }
    }
}
