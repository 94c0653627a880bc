package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Operators whose indices are tuples of K coordinates, the last axis of `indices[q…, K]`, each
/// going to a block of the data: GatherND-13, `y[q…] = x[indices[q…]]`, and ScatterND-18, `y = x;
/// y[indices[q…]] ∘= updates[q…]`.
final class Tuples {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "GatherND" -> new GatherNd();
            case "ScatterND" -> new ScatterNd();
            default -> null;
        };
    }

    private Tuples() {}

    /// The number of coordinates.
    private static int width(Call call, int batchDims) {
        Indices.of(call, 1);
        Shape indices = call.shape(1);
        Shape data = call.shape(0);
        if (indices.rank() < 1
                || batchDims >= indices.rank()
                || indices.dim(indices.rank() - 1) > data.rank() - batchDims) {
            throw call.malformed(
                    "indices have shape "
                            + indices
                            + ", expected [..., K] with K ≤ "
                            + (data.rank() - batchDims)
                            + " for data "
                            + data);
        }
        int k = indices.size(indices.rank() - 1);
        Tensor known = call.constant(1);
        if (known != null && k > 0) {
            Indices.check(call, known, Arrays.copyOfRange(data.dims(), batchDims, batchDims + k));
        }
        return k;
    }

    /// Where in the data the tuples go.
    ///
    /// @param tuples their number
    /// @param perBatch how many of them go to one part of the data before the next part's follow
    /// @param batch elements of such a part
    /// @param extents of the axes that a tuple's coordinates go to
    /// @param strides of these axes
    /// @param block elements that one tuple goes to
    private record Walk(
            Indices indices,
            long tuples,
            long perBatch,
            long batch,
            long[] extents,
            long[] strides,
            long block) {
        static Walk of(Call call, int batchDims, int width) {
            Shape data = call.shape(0);
            Shape indices = call.shape(1);
            int end = batchDims + width;
            return new Walk(
                    Indices.of(call, 1),
                    indices.elements(0, indices.rank() - 1),
                    indices.elements(batchDims, indices.rank() - 1),
                    data.elements(batchDims, data.rank()),
                    Arrays.copyOfRange(data.dims(), batchDims, end),
                    Arrays.copyOfRange(StridedCopy.Place.of(data).strides(), batchDims, end),
                    data.elements(end, data.rank()));
        }

        /// The first element of the block that tuple number `t` goes to.
        long element(MemorySegment s, long offset, long t) {
            long element = t / perBatch * batch;
            for (int k = 0; k < extents.length; k++) {
                element += strides[k] * indices.get(s, offset, t * extents.length + k, extents[k]);
            }
            return element;
        }
    }

    /// ScatterND of updates to known places: those that go to adjacent blocks go there together.
    ///
    /// @param to where each run of updates goes, in bytes
    /// @param bytes of each run
    private record Runs(long[] to, long[] bytes) implements Program {
        static Runs of(Walk walk, Tensor indices, int size) {
            long[] to = new long[Math.toIntExact(walk.tuples)];
            long[] bytes = new long[to.length];
            int runs = 0;
            for (int t = 0; t < to.length; t++) {
                long at = walk.element(indices.data(), 0, t) * size;
                if (runs > 0 && at == to[runs - 1] + bytes[runs - 1]) {
                    bytes[runs - 1] += walk.block * size;
                } else {
                    to[runs] = at;
                    bytes[runs++] = walk.block * size;
                }
            }
            return new Runs(Arrays.copyOf(to, runs), Arrays.copyOf(bytes, runs));
        }

        @Override
        public Step bind(Bench bench) {
            Operand data = bench.in(0);
            Operand updates = bench.in(2);
            Operand out = bench.out(0);
            long all = data.type().byteSize();
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    MemorySegment y = out.segment(row);
                    long yo = out.offset(row);
                    MemorySegment.copy(data.segment(row), data.offset(row), y, yo, all);
                    MemorySegment x = updates.segment(row);
                    long source = updates.offset(row);
                    for (int i = 0; i < bytes.length; i++) {
                        MemorySegment.copy(x, source, y, yo + this.to[i], bytes[i]);
                        source += bytes[i];
                    }
                }
            };
        }

        @Override
        public boolean reads(int i) {
            return i != 1;
        }
    }

    private static final class GatherNd implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(2, 2);
            Shape data = call.shape(0);
            Shape indices = call.shape(1);
            int batchDims = batchDims(call);
            int width = width(call, batchDims);
            for (int a = 0; a < batchDims; a++) {
                if (data.dim(a) != indices.dim(a)) {
                    throw call.malformed(
                            "indices have shape "
                                    + indices
                                    + ", expected the first "
                                    + batchDims
                                    + " extents of data "
                                    + data
                                    + " for batch_dims="
                                    + batchDims);
                }
            }
            int lead = indices.rank() - 1;
            int skipped = batchDims + width;
            long[] dims = Arrays.copyOf(indices.dims(), lead + data.rank() - skipped);
            System.arraycopy(data.dims(), skipped, dims, lead, data.rank() - skipped);
            return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
        }

        private static int batchDims(Call call) {
            long given = call.longAttribute("batch_dims", 0);
            if (given < 0 || given >= Math.min(call.shape(0).rank(), call.shape(1).rank())) {
                throw call.malformed(
                        "batch_dims is "
                                + given
                                + ", expected 0 or more, but less than the ranks of "
                                + call.shape(0)
                                + " and "
                                + call.shape(1));
            }
            return (int) given;
        }

        @Override
        public Program compile(Call call) {
            int batchDims = batchDims(call);
            Walk walk = Walk.of(call, batchDims, width(call, batchDims));
            long bytes = walk.block * call.dtype(0).byteSize();
            int size = call.dtype(0).byteSize();
            return bench -> {
                Operand data = bench.in(0);
                Operand index = bench.in(1);
                Operand out = bench.out(0);
                return (from, to) -> {
                    for (int row = from; row < to; row++) {
                        MemorySegment y = out.segment(row);
                        long target = out.offset(row);
                        for (long t = 0; t < walk.tuples; t++) {
                            long e = walk.element(index.segment(row), index.offset(row), t);
                            MemorySegment.copy(
                                    data.segment(row),
                                    data.offset(row) + e * size,
                                    y,
                                    target,
                                    bytes);
                            target += bytes;
                        }
                    }
                };
            };
        }

        /// The indices' time axis stays; that of the data does if it lies in the blocks.
        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            int batchDims = batchDims(call);
            int width = width(call, batchDims);
            int lead = call.shape(1).rank() - 1;
            boolean looksUp = in[0] < 0 && in[1] < lead && in[1] == out[0];
            boolean inBlocks =
                    in[1] < 0
                            && in[0] >= batchDims + width
                            && out[0] == in[0] - batchDims - width + lead;
            return looksUp || inBlocks ? null : "picks what differs from step to step";
        }
    }

    private static final class ScatterNd implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(3, 3);
            call.requireSameType(0, 2);
            Reduction.of(call);
            Shape data = call.shape(0);
            Shape indices = call.shape(1);
            int width = width(call, 0);
            int lead = indices.rank() - 1;
            long[] dims = Arrays.copyOf(indices.dims(), lead + data.rank() - width);
            System.arraycopy(data.dims(), width, dims, lead, data.rank() - width);
            Shape expected = call.shapeOf(dims);
            if (!call.shape(2).equals(expected)) {
                throw call.malformed(
                        "updates have shape "
                                + call.shape(2)
                                + ", expected "
                                + expected
                                + " = indices "
                                + indices
                                + " without K="
                                + width
                                + ", data "
                                + data
                                + " from axis "
                                + width);
            }
            return List.of(call.type(0));
        }

        @Override
        public Program compile(Call call) {
            Walk walk = Walk.of(call, 0, width(call, 0));
            Reduction reduction = Reduction.of(call);
            DType type = call.dtype(0);
            Tensor known = call.constant(1);
            if (known != null && reduction == Reduction.NONE) {
                return Runs.of(walk, known, type.byteSize());
            }
            return bench -> {
                Operand data = bench.in(0);
                Operand index = bench.in(1);
                Operand updates = bench.in(2);
                Operand out = bench.out(0);
                long bytes = data.type().byteSize();
                int size = type.byteSize();
                return (from, to) -> {
                    for (int row = from; row < to; row++) {
                        MemorySegment y = out.segment(row);
                        long yo = out.offset(row);
                        MemorySegment.copy(data.segment(row), data.offset(row), y, yo, bytes);
                        long source = updates.offset(row);
                        for (long t = 0; t < walk.tuples; t++) {
                            long e = walk.element(index.segment(row), index.offset(row), t);
                            reduction.apply(
                                    type,
                                    y,
                                    yo + e * size,
                                    updates.segment(row),
                                    source,
                                    walk.block);
                            source += walk.block * size;
                        }
                    }
                };
            };
        }

        /// Time may lie in the blocks: then each step's are written by themselves.
        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            int width = width(call, 0);
            int lead = call.shape(1).rank() - 1;
            boolean inBlocks =
                    in[1] < 0 && in[0] >= width && in[0] == out[0] && in[2] == in[0] - width + lead;
            return inBlocks ? null : "scatters over time steps";
        }
    }
}
