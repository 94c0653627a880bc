package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// `Gemm`: `y[M, N] = alpha · A' · B' + beta · C`, A' and B' transposed or not, C broadcast.
///
/// If B is constant, and C constant or absent, `alpha · B'` is packed and `beta · C` is where the
/// chains start; otherwise both are applied to the finished product.
final class Gemm implements Operator {
    private record Form(
            boolean transA, boolean transB, float alpha, float beta, int m, int k, int n) {}

    private static Form form(Call call) {
        boolean transA = call.flag("transA", false);
        boolean transB = call.flag("transB", false);
        Shape a = call.shape(0);
        Shape b = call.shape(1);
        return new Form(
                transA,
                transB,
                call.floatAttribute("alpha", 1),
                call.floatAttribute("beta", 1),
                a.size(transA ? 1 : 0),
                a.size(transA ? 0 : 1),
                b.size(transB ? 0 : 1));
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 3);
        call.requireType(0, MatMul.TYPES);
        MatMul.requireSameType(call, 0, 1);
        for (int i = 0; i < 2; i++) {
            if (call.shape(i).rank() != 2) {
                throw call.malformed(
                        "input " + i + " has shape " + call.shape(i) + ", expected two axes");
            }
        }
        Form f = form(call);
        long k = call.shape(1).dim(f.transB ? 1 : 0);
        if (k != f.k) {
            throw call.malformed(
                    "B has shape "
                            + call.shape(1)
                            + ", expected "
                            + (f.transB ? "[N, " + f.k + "] = [N, K]" : "[" + f.k + ", N] = [K, N]")
                            + " for A of shape "
                            + call.shape(0)
                            + " with transA="
                            + (f.transA ? 1 : 0));
        }
        Shape y = call.shapeOf(f.m, f.n);
        if (call.has(2)) {
            MatMul.requireSameType(call, 0, 2);
            if (!spreads(call.shape(2), y)) {
                throw call.malformed(
                        "C has shape "
                                + call.shape(2)
                                + ", expected one that broadcasts to "
                                + y
                                + " = [M, N]");
            }
        }
        return List.of(new TensorType(call.dtype(0), y));
    }

    private static boolean spreads(Shape c, Shape y) {
        return c.rank() <= 2 && (stride(c, y, 0, 1) | stride(c, y, 1, 1)) >= 0;
    }

    /// How far apart C's elements are along axis `axis` of the output, in elements: 0 where C is
    /// broadcast, -1 where it does not fit.
    private static long stride(Shape c, Shape y, int axis, long inner) {
        int own = axis - 2 + c.rank();
        if (own < 0 || c.dim(own) == 1) {
            return 0;
        }
        return c.dim(own) == y.dim(axis) ? inner : -1;
    }

    @Override
    public Program compile(Call call) {
        Form f = form(call);
        DType dtype = call.dtype(0);
        int size = dtype.byteSize();
        Tensor b = call.constant(1);
        Tensor c = call.constant(2);
        boolean folded = b != null && dtype == FLOAT32 && (c != null || !call.has(2));
        boolean startRows = folded && c != null && c.shape().rank() == 2 && c.shape().dim(0) != 1;
        boolean streams = folded && !startRows && call.precision(1) != Precision.F32;
        Panel panel =
                b != null && dtype == FLOAT32 && !streams
                        ? panel(call, f, b, folded ? f.alpha : 1)
                        : null;
        Product product =
                new Product(
                        dtype,
                        f.m,
                        f.n,
                        0,
                        1,
                        f.transA ? size : (long) f.k * size,
                        Panel.taps(f.k, f.transA ? (long) f.m * size : size),
                        panel,
                        panel == null ? Panel.taps(f.k, (long) f.n * size) : new int[0],
                        (long) f.n * size,
                        new long[1],
                        new long[1],
                        new long[1],
                        folded && c != null
                                ? start(call, f, c, startRows)
                                : MatMul.zeros(call, (long) f.n * size),
                        startRows ? (long) f.n * size : 0);
        if (streams && b != null) {
            return streamed(call, product, f, b, c);
        }
        boolean plain = folded || (f.alpha == 1 && !call.has(2));
        if (plain && (panel != null || !f.transB)) {
            return product;
        }
        Shape y = call.outputTypes().getFirst().shape();
        boolean hasC = call.has(2);
        return new General(
                product,
                f,
                hasC ? stride(call.shape(2), y, 0, hasColumns(call.shape(2)) ? f.n : 1) : 0,
                hasC ? stride(call.shape(2), y, 1, 1) : 0);
    }

    private static boolean hasColumns(Shape c) {
        return c.rank() > 0 && c.dim(c.rank() - 1) != 1;
    }

    private static Panel panel(Call call, Form f, Tensor b, float alpha) {
        return Panel.pack(
                call,
                b,
                "gemm transB=" + f.transB + " alpha=" + alpha,
                Panel.ONE_ROW,
                1,
                f.k,
                f.n,
                source(f, b, alpha));
    }

    private static Panel.Source source(Form f, Tensor b, float alpha) {
        return f.transB
                ? (g, k, j) -> alpha * (float) b.getDouble((long) j * f.k + k)
                : new Panel.Rows(b, f.k, f.n, alpha);
    }

    private static Program streamed(
            Call call, Product product, Form f, Tensor b, @Nullable Tensor c) {
        return StreamedProduct.pack(
                call,
                product,
                "gemm transB=" + f.transB + " alpha=" + f.alpha + " beta=" + f.beta,
                c == null ? List.of(b) : List.of(b, c),
                1,
                source(f, b, f.alpha),
                f.alpha);
    }

    private static MemorySegment start(Call call, Form f, Tensor c, boolean rows) {
        Shape y = Shape.of(f.m, f.n);
        int m = rows ? f.m : 1;
        long column = stride(c.shape(), y, 1, 1);
        long row = stride(c.shape(), y, 0, hasColumns(c.shape()) ? f.n : 1);
        return call.weights()
                .pack(
                        "start beta=" + f.beta + " " + m + "x" + f.n,
                        List.of(c),
                        4L * m * f.n,
                        s -> {
                            for (int i = 0; i < m; i++) {
                                for (int j = 0; j < f.n; j++) {
                                    float v = f.beta * (float) c.getDouble(i * row + j * column);
                                    Elements.setDouble(FLOAT32, s, 4L * (i * f.n + j), v);
                                }
                            }
                        });
    }

    /// What cannot be folded: B transposed into scratch, alpha and C applied afterwards.
    private record General(Product product, Form f, long cRow, long cColumn) implements Program {
        private boolean turnsB() {
            return f.transB && product.panel() == null;
        }

        @Override
        public long scratchBytes(int rows) {
            return turnsB() ? (long) f.k * f.n * product.dtype().byteSize() : 0;
        }

        @Override
        public boolean reads(int i) {
            return i == 2 || product.reads(i);
        }

        @Override
        public Step bind(Bench bench) {
            Operand b = bench.in(1);
            Operand out = bench.out(0);
            Operand c = bench.inputs().size() > 2 ? bench.inputs().get(2) : null;
            List<@Nullable Operand> inputs = new java.util.ArrayList<>(bench.inputs());
            if (turnsB()) {
                inputs.set(1, Operand.constant(b.type(), bench.scratch(), 0));
            }
            Step multiply =
                    product.bind(
                            new Bench(
                                    inputs,
                                    bench.outputs(),
                                    bench.scratch(),
                                    bench.rows(),
                                    bench.kernels()));
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    if (turnsB()) {
                        turn(b.segment(r), b.offset(r), bench.scratch());
                    }
                    multiply.run(r, r + 1);
                    finish(r, c, out);
                }
            };
        }

        private void turn(MemorySegment b, long offset, MemorySegment scratch) {
            int size = product.dtype().byteSize();
            for (int j = 0; j < f.n; j++) {
                for (int k = 0; k < f.k; k++) {
                    long from = offset + ((long) j * f.k + k) * size;
                    MemorySegment.copy(b, from, scratch, ((long) k * f.n + j) * size, size);
                }
            }
        }

        private void finish(int r, @Nullable Operand c, Operand out) {
            if (c == null && f.alpha == 1) {
                return;
            }
            DType dtype = product.dtype();
            int size = dtype.byteSize();
            MemorySegment y = out.segment(r);
            for (int i = 0; i < f.m; i++) {
                for (int j = 0; j < f.n; j++) {
                    long at = out.offset(r) + ((long) i * f.n + j) * size;
                    double v = f.alpha * Elements.getDouble(dtype, y, at);
                    if (c != null) {
                        long cAt = c.offset(r) + (i * cRow + j * cColumn) * size;
                        v += f.beta * Elements.getDouble(dtype, c.segment(r), cAt);
                    }
                    Elements.setDouble(dtype, y, at, v);
                }
            }
        }
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        Form f = form(call);
        if (in[0] == (f.transA ? 0 : 1) || in[1] == (f.transB ? 1 : 0)) {
            return "sums over time";
        }
        boolean other = in.length > 2 && in[2] >= 0 && in[2] + 2 - call.shape(2).rank() != out[0];
        return other || (in[0] >= 0 && in[1] >= 0) ? "mixes time steps" : null;
    }
}
