package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Gather-13: slices of the data along one axis, picked by indices of any shape, which takes the
/// place of that axis: `y[p…, q…, r…] = x[p…, indices[q…], r…]`.
///
/// Indices known while planning that are evenly spaced, as a single one is, make it a strided copy.
final class Gather implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        Shape data = call.shape(0);
        Shape indices = call.shape(1);
        int axis = axis(call);
        Indices.of(call, 1);
        long[] dims = new long[data.rank() - 1 + indices.rank()];
        for (int a = 0; a < dims.length; a++) {
            dims[a] =
                    a < axis
                            ? data.dim(a)
                            : a < axis + indices.rank()
                                    ? indices.dim(a - axis)
                                    : data.dim(a - indices.rank() + 1);
        }
        Tensor known = call.constant(1);
        if (known != null) {
            Indices.check(call, known, data.dim(axis));
        }
        return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
    }

    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
    }

    @Override
    public Program compile(Call call) {
        Shape data = call.shape(0);
        int axis = axis(call);
        long outer = data.elements(0, axis);
        long extent = data.dim(axis);
        long inner = data.elements(axis + 1, data.rank());
        Tensor known = call.constant(1);
        long[] spacing = known == null ? null : spacing(known, extent);
        if (spacing != null) {
            Place source = new Place(spacing[0] * inner, extent * inner, spacing[1] * inner, 1);
            long[] box = {outer, call.shape(1).elements(), inner};
            return Copies.of(call, box, source, Place.of(Shape.of(box)));
        }
        return new Blocks(
                Indices.of(call, 1),
                outer,
                call.shape(1).elements(),
                extent,
                inner * call.dtype(0).byteSize());
    }

    /// First index and distance of evenly spaced ones; null if they are not.
    private static long @Nullable [] spacing(Tensor indices, long extent) {
        long n = indices.elements();
        long first = n == 0 ? 0 : Math.floorMod(indices.getLong(0), extent);
        long step = n < 2 ? 0 : Math.floorMod(indices.getLong(1), extent) - first;
        for (long i = 0; i < n; i++) {
            if (Math.floorMod(indices.getLong(i), extent) != first + i * step) {
                return null;
            }
        }
        return new long[] {first, step};
    }

    /// Time steps may be looked up, or look something up, but not be chosen, unless it is the last.
    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        int axis = axis(call);
        if (in[1] >= 0) {
            return in[0] < 0 && out[0] == axis + in[1]
                    ? null
                    : "picks what differs from step to step";
        }
        if (in[0] == axis) {
            long extent = call.shape(0).dim(axis);
            boolean last =
                    call.constant(1) != null
                            && call.shape(1).elements() == 1
                            && Math.floorMod(call.value(1).getLong(0), extent) == extent - 1;
            return last && out[0] == -1 ? null : "picks time steps";
        }
        int moved = in[0] < axis ? in[0] : in[0] + call.shape(1).rank() - 1;
        return in[0] < 0 || out[0] == moved ? null : "loses the time axis";
    }

    /// Copies a block for each index.
    ///
    /// @param outer how often the indices are gone through, each time for the next `extent` blocks
    /// @param count the indices
    /// @param blockBytes bytes of one block
    private record Blocks(Indices indices, long outer, long count, long extent, long blockBytes)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand data = bench.in(0);
            Operand index = bench.in(1);
            Operand out = bench.out(0);
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    run(
                            data.segment(row),
                            data.offset(row),
                            index.segment(row),
                            index.offset(row),
                            out.segment(row),
                            out.offset(row));
                }
            };
        }

        private void run(
                MemorySegment x, long xo, MemorySegment index, long io, MemorySegment y, long yo) {
            long target = yo;
            for (long o = 0; o < outer; o++) {
                long source = xo + o * extent * blockBytes;
                for (long i = 0; i < count; i++) {
                    long from = source + indices.get(index, io, i, extent) * blockBytes;
                    if (blockBytes == 4) {
                        y.set(JAVA_INT_UNALIGNED, target, x.get(JAVA_INT_UNALIGNED, from));
                    } else {
                        StridedCopy.block(blockBytes, x, from, y, target);
                    }
                    target += blockBytes;
                }
            }
        }
    }
}
