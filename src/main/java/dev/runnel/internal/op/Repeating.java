package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// Operators that repeat a tensor along its axes: Expand-13 by broadcasting, Tile-13 by counts.
final class Repeating {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Expand" -> new Expand();
            case "Tile" -> new Tile();
            default -> null;
        };
    }

    private Repeating() {}

    private static final class Expand implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(2, 2);
            Shape wanted = call.shapeOf(call.longs(1, "shape"));
            return List.of(
                    new TensorType(call.dtype(0), Broadcast.shape(call, call.shape(0), wanted)));
        }

        @Override
        public Program compile(Call call) {
            Shape from = call.shape(0);
            Shape out = call.outputTypes().getFirst().shape();
            long[] packed = Place.of(from).strides();
            long[] strides = new long[out.rank()];
            for (int a = 0, o = out.rank() - from.rank(); a < packed.length; a++, o++) {
                strides[o] = from.dim(a) == 1 ? 0 : packed[a];
            }
            return Copies.of(call, out.dims(), new Place(0, strides), Place.of(out));
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return Broadcast.timeObstacle(call, in, out);
        }
    }

    private static final class Tile implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(2, 2);
            Shape shape = call.shape(0);
            long[] repeats = call.longs(1, "repeats");
            if (repeats.length != shape.rank()) {
                throw call.malformed(
                        "repeats has "
                                + repeats.length
                                + " entries, expected "
                                + shape.rank()
                                + ", one for each axis of input shape "
                                + shape);
            }
            long[] dims = shape.dims();
            for (int a = 0; a < dims.length; a++) {
                if (repeats[a] < 0) {
                    throw call.malformed(
                            "repeats is "
                                    + Arrays.toString(repeats)
                                    + ", expected no negative entry");
                }
                dims[a] = call.shapeOf(dims[a], repeats[a]).elements();
            }
            return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
        }

        /// Each axis is copied as two: the repeats, which stay on the source, and the axis itself.
        @Override
        public Program compile(Call call) {
            Shape from = call.shape(0);
            long[] repeats = call.longs(1, "repeats");
            long[] packed = Place.of(from).strides();
            long[] box = new long[2 * packed.length];
            long[] strides = new long[box.length];
            for (int a = 0; a < packed.length; a++) {
                box[2 * a] = repeats[a];
                box[2 * a + 1] = from.dim(a);
                strides[2 * a + 1] = packed[a];
            }
            return Copies.of(call, box, new Place(0, strides), Place.of(Shape.of(box)));
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            boolean once = in[0] >= 0 && call.longs(1, "repeats")[in[0]] == 1;
            boolean stretched = in[0] < 0 && out[0] >= 0 && call.shape(0).dim(out[0]) == 1;
            return (once && out[0] == in[0]) || stretched || (in[0] < 0 && out[0] == -1)
                    ? null
                    : "repeats time steps";
        }
    }
}
