package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

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
import java.util.ArrayList;
import java.util.List;

/// `LayerNormalization`, `InstanceNormalization` and `GroupNormalization`: rows of x are brought to
/// mean 0 and variance 1, `(x - mean) / √(var + epsilon)`, then scaled and shifted. They differ in
/// what a row is: everything from an axis on, a channel, a group of channels.
final class Normalization implements Operator {
    enum Kind {
        LAYER,
        INSTANCE,
        GROUP
    }

    private final Kind kind;

    Normalization(Kind kind) {
        this.kind = kind;
    }

    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", -1), call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(kind == Kind.LAYER ? 2 : 3, 3);
        call.requireType(0, DTypes.FLOATS);
        call.floatAttribute("epsilon", 1e-5f);
        for (int i = 1; i < 3; i++) {
            if (call.has(i)) {
                MatMul.requireSameType(call, 0, i);
            }
        }
        return kind == Kind.LAYER ? layer(call) : channels(call);
    }

    private static List<TensorType> layer(Call call) {
        Shape x = call.shape(0);
        int axis = axis(call);
        long stash = call.longAttribute("stash_type", 1);
        if (stash != 1) {
            throw call.unsupported(
                    "attribute 'stash_type' is " + stash + ", supported is 1 (float32)");
        }
        Shape row = Shape.of(java.util.Arrays.copyOfRange(x.dims(), axis, x.rank()));
        for (int i = 1; i < 3; i++) {
            if (call.has(i) && !Broadcast.shape(call, row, call.shape(i)).equals(row)) {
                throw call.malformed(
                        "input "
                                + i
                                + " has shape "
                                + call.shape(i)
                                + ", expected one that broadcasts to "
                                + row
                                + " = the axes of x from axis "
                                + axis
                                + " on");
            }
        }
        long[] dims = x.dims();
        java.util.Arrays.fill(dims, axis, dims.length, 1);
        TensorType stat = new TensorType(FLOAT32, Shape.of(dims));
        return List.of(call.type(0), stat, stat);
    }

    private List<TensorType> channels(Call call) {
        Shape x = call.shape(0);
        Window.spatialRank(call);
        if (kind == Kind.GROUP) {
            long stash = call.longAttribute("stash_type", 1);
            if (stash != 1) {
                throw call.unsupported(
                        "attribute 'stash_type' is " + stash + ", supported is 1 (float32)");
            }
            long groups = call.longAttribute("num_groups", 0);
            if (groups < 1 || x.dim(1) % groups != 0) {
                throw call.malformed(
                        "attribute 'num_groups' is "
                                + groups
                                + ", expected a divisor of "
                                + x.dim(1)
                                + " = C");
            }
        }
        for (int i = 1; i < 3; i++) {
            if (!call.shape(i).equals(Shape.of(x.dim(1)))) {
                throw call.malformed(
                        "input "
                                + i
                                + " has shape "
                                + call.shape(i)
                                + ", expected ["
                                + x.dim(1)
                                + "] = [C]");
            }
        }
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        int from =
                switch (kind) {
                    case LAYER -> axis(call);
                    case INSTANCE -> 2;
                    case GROUP -> 1;
                };
        long groups = kind == Kind.GROUP ? call.longAttribute("num_groups", 1) : 1;
        int rows = Math.toIntExact(x.elements(0, from) * groups);
        int n = Math.toIntExact(x.elements(from, x.rank()) / groups);
        Shape whole =
                kind == Kind.LAYER
                        ? Shape.of(java.util.Arrays.copyOfRange(x.dims(), from, x.rank()))
                        : x;
        List<Broadcast> affine = new ArrayList<>();
        for (int i = 1; i < 3; i++) {
            if (call.has(i)) {
                Shape p = call.shape(i);
                if (kind != Kind.LAYER) {
                    long[] dims = new long[x.rank() - 1];
                    java.util.Arrays.fill(dims, 1);
                    dims[0] = p.dim(0);
                    p = Shape.of(dims);
                }
                affine.add(Broadcast.of(whole, whole, p));
            }
        }
        int repeat = kind == Kind.LAYER ? rows : 1;
        return new Rows(
                call.dtype(0), rows, n, call.floatAttribute("epsilon", 1e-5f), affine, repeat);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        int first =
                switch (kind) {
                    case LAYER -> axis(call);
                    case INSTANCE, GROUP -> 1;
                };
        return in[0] >= first ? "normalises over time" : null;
    }

    /// @param affine the walks over the scaled elements and the scale, the shifted ones and the
    ///   shift
    /// @param repeat how often these walks are walked, one after the other, over all of x
    private record Rows(
            DType dtype, int rows, int n, float epsilon, List<Broadcast> affine, int repeat)
            implements Program {
        @Override
        public long scratchBytes(int sessionRows) {
            return 4;
        }

        @Override
        public Step bind(Bench bench) {
            Broadcast.Cursor[] cursors =
                    affine.stream().map(Broadcast::cursor).toArray(Broadcast.Cursor[]::new);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int i = 0; i < rows; i++) {
                        if (dtype == FLOAT32) {
                            byKernels(bench, r, i);
                        } else {
                            elements(bench, r, i);
                        }
                    }
                    for (int a = 0; a < cursors.length; a++) {
                        parameter(bench, r, a, cursors[a]);
                    }
                }
            };
        }

        private void byKernels(Bench bench, int r, int row) {
            ArithmeticKernels k = bench.kernels().arithmetic();
            Operand x = bench.in(0);
            MemorySegment out = bench.out(0).segment(r);
            MemorySegment s = bench.scratch();
            long xAt = x.offset(r) + 4L * row * n;
            long at = bench.out(0).offset(r) + 4L * row * n;
            float mean = k.reduce(Reduction.SUM, x.segment(r), xAt, n) / n;
            Elements.setDouble(FLOAT32, s, 0, mean);
            k.apply(BinaryFunction.SUB, x.segment(r), xAt, 1, s, 0, 0, out, at, n);
            double variance = k.reduce(Reduction.SUM_OF_SQUARES, out, at, n) / n;
            float inverse = (float) (1 / Math.sqrt(variance + epsilon));
            Elements.setDouble(FLOAT32, s, 0, inverse);
            k.apply(BinaryFunction.MUL, out, at, 1, s, 0, 0, out, at, n);
            stats(bench, r, row, mean, inverse);
        }

        private void elements(Bench bench, int r, int row) {
            int size = dtype.byteSize();
            MemorySegment x = bench.in(0).segment(r);
            MemorySegment y = bench.out(0).segment(r);
            long xAt = bench.in(0).offset(r) + (long) row * n * size;
            long yAt = bench.out(0).offset(r) + (long) row * n * size;
            double mean = 0;
            for (int i = 0; i < n; i++) {
                mean += Elements.getDouble(dtype, x, xAt + (long) i * size);
            }
            mean /= n;
            double variance = 0;
            for (int i = 0; i < n; i++) {
                double d = Elements.getDouble(dtype, x, xAt + (long) i * size) - mean;
                variance += d * d;
            }
            double inverse = 1 / Math.sqrt(variance / n + epsilon);
            for (int i = 0; i < n; i++) {
                double d = Elements.getDouble(dtype, x, xAt + (long) i * size) - mean;
                Elements.setDouble(dtype, y, yAt + (long) i * size, d * inverse);
            }
            stats(bench, r, row, mean, inverse);
        }

        private static void stats(Bench bench, int r, int row, double mean, double inverse) {
            for (int i = 1; i < bench.outputs().size(); i++) {
                Operand o = bench.outputs().get(i);
                if (o != null) {
                    Elements.setDouble(
                            FLOAT32, o.segment(r), o.offset(r) + 4L * row, i == 1 ? mean : inverse);
                }
            }
        }

        /// Scales, or shifts, all of y by parameter `a`.
        private void parameter(Bench bench, int r, int a, Broadcast.Cursor cursor) {
            Broadcast walk = affine.get(a);
            Operand p = bench.in(a + 1);
            MemorySegment y = bench.out(0).segment(r);
            int size = dtype.byteSize();
            long part = (long) rows * n / repeat * size;
            for (int i = 0; i < repeat; i++) {
                cursor.start();
                do {
                    long at = bench.out(0).offset(r) + i * part + cursor.at(0) * size;
                    long pAt = p.offset(r) + cursor.at(1) * size;
                    if (dtype == FLOAT32) {
                        BinaryFunction f = a == 0 ? BinaryFunction.MUL : BinaryFunction.ADD;
                        bench.kernels()
                                .arithmetic()
                                .apply(
                                        f,
                                        y,
                                        at,
                                        1,
                                        p.segment(r),
                                        pAt,
                                        walk.step(1),
                                        y,
                                        at,
                                        walk.length());
                    } else {
                        join(a == 0, y, at, p.segment(r), pAt, walk);
                    }
                } while (cursor.next());
            }
        }

        private void join(
                boolean scale,
                MemorySegment y,
                long at,
                MemorySegment p,
                long pAt,
                Broadcast walk) {
            int size = dtype.byteSize();
            for (int i = 0; i < walk.length(); i++) {
                double v = Elements.getDouble(dtype, y, at + (long) i * size);
                double w = Elements.getDouble(dtype, p, pAt + (long) i * walk.step(1) * size);
                Elements.setDouble(dtype, y, at + (long) i * size, scale ? v * w : v + w);
            }
        }
    }
}
