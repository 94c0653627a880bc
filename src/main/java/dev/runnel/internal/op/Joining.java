package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Concat-13 and Split-18: tensors side by side along one axis, and the way back.
final class Joining {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Concat" -> new Concat();
            case "Split" -> new Split();
            default -> null;
        };
    }

    private Joining() {}

    private static @Nullable String timeObstacle(int axis, int[] in, int[] out, String what) {
        for (int i : in) {
            for (int o : out) {
                if (i >= 0 && (i != o || i == axis)) {
                    return what;
                }
            }
        }
        return null;
    }

    private static final class Concat implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, Integer.MAX_VALUE);
            Shape first = call.shape(0);
            int axis = axis(call);
            long extent = 0;
            for (int i = 0; i < call.inputCount(); i++) {
                call.requireSameType(0, i);
                Shape s = call.shape(i);
                if (s.rank() != first.rank()
                        || !s.with(axis, 0).equals(first.with(axis, 0))
                        || extent + s.dim(axis) < 0) {
                    throw call.malformed(
                            "input "
                                    + i
                                    + " has shape "
                                    + s
                                    + ", expected that of input 0, "
                                    + first
                                    + ", but for axis "
                                    + axis);
                }
                extent += s.dim(axis);
            }
            long[] dims = first.dims();
            dims[axis] = extent;
            return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
        }

        private static int axis(Call call) {
            if (!call.hasAttribute("axis")) {
                throw call.malformed("attribute 'axis' is missing");
            }
            return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
        }

        @Override
        public Program compile(Call call) {
            if (call.inputCount() == 1) {
                return Program.VIEW;
            }
            int axis = axis(call);
            Place target = Place.of(call.outputTypes().getFirst().shape());
            List<Copies.Part> parts = new ArrayList<>();
            for (int i = 0; i < call.inputCount(); i++) {
                Shape s = call.shape(i);
                parts.add(
                        new Copies.Part(
                                i,
                                0,
                                new StridedCopy(
                                        call.dtype(0).byteSize(), s.dims(), Place.of(s), target)));
                target = target.from(axis, s.dim(axis));
            }
            return new Copies(parts);
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return Joining.timeObstacle(axis(call), in, out, "joins tensors along the time axis");
        }
    }

    private static final class Split implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 2);
            Shape shape = call.shape(0);
            int axis = axis(call);
            List<TensorType> types = new ArrayList<>();
            for (long extent : extents(call, axis)) {
                types.add(new TensorType(call.dtype(0), shape.with(axis, extent)));
            }
            return types;
        }

        private static int axis(Call call) {
            return call.axis("axis", call.longAttribute("axis", 0), call.shape(0).rank());
        }

        /// The outputs' extents along the axis: as given, or equal ones of which the last may be
        /// shorter.
        private static long[] extents(Call call, int axis) {
            long extent = call.shape(0).dim(axis);
            int outputs = call.node().outputs().size();
            long count = call.longAttribute("num_outputs", outputs);
            if (count != outputs || count == 0) {
                throw call.malformed(
                        "num_outputs is " + count + ", expected the number of outputs, " + outputs);
            }
            long[] extents = new long[outputs];
            if (!call.has(1)) {
                long each = Math.ceilDiv(extent, count);
                Arrays.fill(extents, each);
                extents[outputs - 1] = extent - each * (count - 1);
                if (extents[outputs - 1] < 0) {
                    throw call.malformed(
                            "splits an axis of extent "
                                    + extent
                                    + " into "
                                    + count
                                    + " outputs of "
                                    + each
                                    + ", expected at least one for each");
                }
                return extents;
            }
            if (call.hasAttribute("num_outputs")) {
                throw call.malformed("has both input 'split' and attribute 'num_outputs'");
            }
            extents = call.longs(1, "split");
            long sum = 0;
            for (long e : extents) {
                // Each is checked before it is added, so that the sum cannot overflow.
                sum = e < 0 || e > extent - sum ? -1 : sum + e;
                if (sum < 0) {
                    break;
                }
            }
            if (extents.length != outputs || sum != extent) {
                throw call.malformed(
                        "split is "
                                + Arrays.toString(extents)
                                + ", expected "
                                + outputs
                                + " extents, one for each output, of sum "
                                + extent
                                + " = axis "
                                + axis
                                + " of "
                                + call.shape(0));
            }
            return extents;
        }

        @Override
        public Program compile(Call call) {
            if (call.outputTypes().size() == 1) {
                return Program.VIEW;
            }
            int axis = axis(call);
            Place source = Place.of(call.shape(0));
            List<Copies.Part> parts = new ArrayList<>();
            for (int o = 0; o < call.outputTypes().size(); o++) {
                Shape s = call.outputTypes().get(o).shape();
                parts.add(
                        new Copies.Part(
                                0,
                                o,
                                new StridedCopy(
                                        call.dtype(0).byteSize(), s.dims(), source, Place.of(s))));
                source = source.from(axis, s.dim(axis));
            }
            return new Copies(parts);
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            int[] wanted =
                    IntStream.range(0, out.length).filter(call::wants).map(o -> out[o]).toArray();
            return Joining.timeObstacle(
                    axis(call), new int[] {in[0]}, wanted, "splits the time axis");
        }
    }
}
