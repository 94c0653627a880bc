package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Blocks;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Trilu-14: of each matrix in the last two axes what lies on and above diagonal k (on and below it
/// unless `upper`), the rest 0.
final class Trilu implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 2);
        call.flag("upper", true);
        diagonal(call);
        if (call.shape(0).rank() < 2) {
            throw call.malformed("input 0 has shape " + call.shape(0) + ", expected a matrix");
        }
        return List.of(call.type(0));
    }

    private static long diagonal(Call call) {
        if (!call.has(1)) {
            return 0;
        }
        long[] k = call.longs(1, "k");
        if (k.length != 1) {
            throw call.malformed("k has " + k.length + " elements, expected one");
        }
        return k[0];
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        int rank = x.rank();
        return new Triangles(
                x.elements(0, rank - 2),
                x.dim(rank - 2),
                x.dim(rank - 1),
                call.dtype(0).byteSize(),
                diagonal(call),
                call.flag("upper", true));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] >= call.shape(0).rank() - 2 ? "treats time steps differently" : null;
    }

    private record Triangles(
            long matrices, long height, long width, int size, long k, boolean upper)
            implements Program {
        @Override
        public boolean reads(int i) {
            return i == 0;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long i = 0; i < matrices * height; i++) {
                        long at = i * width * size;
                        line(
                                i % height,
                                x.segment(r),
                                x.offset(r) + at,
                                y.segment(r),
                                y.offset(r) + at);
                    }
                }
            };
        }

        private void line(long i, MemorySegment x, long xAt, MemorySegment y, long yAt) {
            // Saturated, as k may be any long.
            long diagonal = Math.clamp(k, -height, width) + i;
            long begin = upper ? Math.clamp(diagonal, 0, width) : 0;
            long end = upper ? width : Math.clamp(diagonal + 1, 0, width);
            Blocks.clear(y, yAt, width * size);
            MemorySegment.copy(x, xAt + begin * size, y, yAt + begin * size, (end - begin) * size);
        }
    }
}
