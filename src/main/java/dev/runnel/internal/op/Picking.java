package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Operators that read or write single elements at indices along one axis, the other coordinates
/// being those of the index itself: GatherElements-13, `y[i, j] = x[indices[i, j], j]`, and
/// ScatterElements-18, `y = x; y[indices[i, j], j] ∘= updates[i, j]` (both for axis 0 of 2).
final class Picking {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "GatherElements" -> new GatherElements();
            case "ScatterElements" -> new ScatterElements();
            default -> null;
        };
    }

    private Picking() {}

    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
    }

    private static void check(Call call, int axis) {
        Indices.of(call, 1);
        Shape data = call.shape(0);
        Shape indices = call.shape(1);
        boolean fits = data.rank() == indices.rank();
        for (int a = 0; fits && a < data.rank(); a++) {
            fits = a == axis || indices.dim(a) <= data.dim(a);
        }
        if (!fits) {
            throw call.malformed(
                    "indices have shape "
                            + indices
                            + ", expected the rank and, but for axis "
                            + axis
                            + ", at most the extents of data "
                            + data);
        }
        Tensor known = call.constant(1);
        if (known != null) {
            Indices.check(call, known, data.dim(axis));
        }
    }

    /// Goes through the indices and through the data that they go to.
    private record Walk(Indices indices, long[] box, long[] strides, int axis, long extent) {
        static Walk of(Call call) {
            int axis = Picking.axis(call);
            return new Walk(
                    Indices.of(call, 1),
                    call.shape(1).dims(),
                    StridedCopy.Place.of(call.shape(0)).strides(),
                    axis,
                    call.shape(0).dim(axis));
        }

        /// @param data the element of the data at index 0 of the axis
        /// @param at the number of the index
        /// @return the number of the index to come next
        long go(Access access, int a, long data, long at, MemorySegment s, long offset) {
            if (a == box.length) {
                long index = indices.get(s, offset, at, extent);
                access.pair(data + index * strides[axis], at);
                return at + 1;
            }
            long next = at;
            for (long i = 0; i < box[a]; i++) {
                next = go(access, a + 1, data + (a == axis ? 0 : i * strides[a]), next, s, offset);
            }
            return next;
        }
    }

    /// What is done with an element of the data and the index that goes to it.
    private abstract static class Access {
        abstract void pair(long data, long at);
    }

    private static final class GatherElements implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(2, 2);
            check(call, axis(call));
            return List.of(new TensorType(call.dtype(0), call.shape(1)));
        }

        @Override
        public Program compile(Call call) {
            Walk walk = Walk.of(call);
            return bench -> {
                Operand data = bench.in(0);
                Operand index = bench.in(1);
                Operand out = bench.out(0);
                DType type = data.type().dtype();
                var copy = new Pick(type.byteSize());
                return (from, to) -> {
                    for (int row = from; row < to; row++) {
                        copy.x = data.segment(row);
                        copy.xOffset = data.offset(row);
                        copy.y = out.segment(row);
                        copy.yOffset = out.offset(row);
                        walk.go(copy, 0, 0, 0, index.segment(row), index.offset(row));
                    }
                };
            };
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            int axis = axis(call);
            boolean lookedUp = in[0] < 0 && out[0] == axis && in[1] == axis;
            boolean aligned = in[0] == out[0] && in[1] == out[0] && out[0] != axis;
            return lookedUp || aligned ? null : "picks what differs from step to step";
        }
    }

    private static final class Pick extends Access {
        private final int size;
        MemorySegment x = MemorySegment.NULL;
        MemorySegment y = MemorySegment.NULL;
        long xOffset;
        long yOffset;

        Pick(int size) {
            this.size = size;
        }

        @Override
        void pair(long data, long at) {
            Fill.fill(size, Fill.bits(size, x, xOffset + data * size), y, yOffset + at * size, 1);
        }
    }

    private static final class ScatterElements implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(3, 3);
            check(call, axis(call));
            call.requireSameType(0, 2);
            Reduction.of(call);
            if (!call.shape(2).equals(call.shape(1))) {
                throw call.malformed(
                        "updates have shape "
                                + call.shape(2)
                                + ", expected that of the indices, "
                                + call.shape(1));
            }
            return List.of(call.type(0));
        }

        @Override
        public Program compile(Call call) {
            Walk walk = Walk.of(call);
            Reduction reduction = Reduction.of(call);
            return bench -> {
                Operand data = bench.in(0);
                Operand index = bench.in(1);
                Operand updates = bench.in(2);
                Operand out = bench.out(0);
                long bytes = data.type().byteSize();
                var put = new Put(reduction, data.type().dtype());
                return (from, to) -> {
                    for (int row = from; row < to; row++) {
                        put.x = updates.segment(row);
                        put.xOffset = updates.offset(row);
                        put.y = out.segment(row);
                        put.yOffset = out.offset(row);
                        MemorySegment.copy(
                                data.segment(row), data.offset(row), put.y, put.yOffset, bytes);
                        walk.go(put, 0, 0, 0, index.segment(row), index.offset(row));
                    }
                };
            };
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            boolean aligned =
                    in[0] == out[0] && in[1] == out[0] && in[2] == out[0] && out[0] != axis(call);
            return aligned ? null : "scatters over time steps";
        }
    }

    private static final class Put extends Access {
        private final Reduction reduction;
        private final DType type;
        MemorySegment x = MemorySegment.NULL;
        MemorySegment y = MemorySegment.NULL;
        long xOffset;
        long yOffset;

        Put(Reduction reduction, DType type) {
            this.reduction = reduction;
            this.type = type;
        }

        @Override
        void pair(long data, long at) {
            int size = type.byteSize();
            reduction.apply(type, y, yOffset + data * size, x, xOffset + at * size, 1);
        }
    }
}
