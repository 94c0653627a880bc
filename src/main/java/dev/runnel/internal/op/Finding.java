package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.stream.LongStream;

/// Operators whose output is as large as there are elements that hold: NonZero-13, the coordinates
/// of the elements that are not 0, as y\[rank, found\]; and Compress-11, the slices along an axis
/// (of the flattened tensor if there is none) for which the condition holds. What is searched must
/// be known while planning, so a plan serves one value of it.
final class Finding {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "NonZero" -> new NonZero();
            case "Compress" -> new Compress();
            default -> null;
        };
    }

    private Finding() {}

    private static long[] found(Tensor t, long limit) {
        boolean floats = t.dtype().isFloat();
        return LongStream.range(0, Math.min(limit, t.elements()))
                .filter(i -> floats ? t.getDouble(i) != 0 : t.getLong(i) != 0)
                .toArray();
    }

    private static final class NonZero implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 1);
            int found = found(call.value(0), Long.MAX_VALUE).length;
            // A scalar has the one coordinate of a list.
            int rank = Math.max(1, call.shape(0).rank());
            return List.of(new TensorType(DType.INT64, call.shapeOf(rank, found)));
        }

        @Override
        public Program compile(Call call) {
            long[] found = found(call.value(0), Long.MAX_VALUE);
            Shape x = call.shape(0);
            long[] coordinates = new long[Math.max(1, x.rank()) * found.length];
            for (int a = 0; a < x.rank(); a++) {
                long inner = x.elements(a + 1, x.rank());
                for (int i = 0; i < found.length; i++) {
                    coordinates[a * found.length + i] = found[i] / inner % x.dim(a);
                }
            }
            return new Generating.Writing((y, offset) -> Generating.write(coordinates, y, offset));
        }
    }

    private static final class Compress implements Operator {
        private static int axis(Call call) {
            return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
        }

        private static long extent(Call call) {
            return call.hasAttribute("axis")
                    ? call.shape(0).dim(axis(call))
                    : call.shape(0).elements();
        }

        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(2, 2);
            if (call.dtype(1) != DType.BOOL || call.shape(1).rank() != 1) {
                throw call.malformed("condition is " + call.type(1) + ", expected a list of bools");
            }
            int found = found(call.value(1), extent(call)).length;
            Shape y =
                    call.hasAttribute("axis")
                            ? call.shape(0).with(axis(call), found)
                            : Shape.of(found);
            return List.of(new TensorType(call.dtype(0), y));
        }

        @Override
        public Program compile(Call call) {
            long[] found = found(call.value(1), extent(call));
            Shape x = call.shape(0);
            boolean flat = !call.hasAttribute("axis");
            long outer = flat ? 1 : x.elements(0, axis(call));
            long block =
                    (flat ? 1 : x.elements(axis(call) + 1, x.rank())) * call.dtype(0).byteSize();
            long extent = extent(call);
            return new Picked(found, outer, extent, block);
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            boolean aligned =
                    call.hasAttribute("axis")
                            && in[0] == out[0]
                            && in[0] != axis(call)
                            && in[1] < 0;
            return aligned ? null : "picks time steps";
        }
    }

    /// Copies of each of `outer` parts of the tensor the blocks that were found.
    private record Picked(long[] found, long outer, long extent, long block) implements Program {
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
                    long target = y.offset(r);
                    for (long o = 0; o < outer; o++) {
                        for (long i : found) {
                            long source = x.offset(r) + (o * extent + i) * block;
                            StridedCopy.block(block, x.segment(r), source, y.segment(r), target);
                            target += block;
                        }
                    }
                }
            };
        }
    }
}
