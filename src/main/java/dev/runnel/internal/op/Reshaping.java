package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// Operators that give a tensor another shape and leave its elements where they are: Reshape-21,
/// Flatten-21, Squeeze-21, Unsqueeze-21, Identity-21. None has a step.
abstract class Reshaping implements Operator {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Reshape" -> new Reshape();
            case "Flatten" -> new Flatten();
            case "Squeeze" -> new Squeeze();
            case "Unsqueeze" -> new Unsqueeze();
            case "Identity" -> new Identity();
            default -> null;
        };
    }

    abstract Shape shape(Call call);

    @Override
    public List<TensorType> infer(Call call) {
        return List.of(new TensorType(call.dtype(0), shape(call)));
    }

    @Override
    public Program compile(Call call) {
        return Program.VIEW;
    }

    /// Time stays in order if as many elements lie before its axis as did before: `[T, N, I]` may
    /// become `[T, N·I]`, or `[1, T, I]` `[T, I]`, but of `[N, T, I]` a step does not fill a block
    /// of `[N·T, I]`.
    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] < 0) {
            return null;
        }
        if (out[0] < 0) {
            return "loses the time axis";
        }
        Shape was = call.shape(0);
        Shape is = call.outputTypes().getFirst().shape();
        return was.elements(0, in[0]) == is.elements(0, out[0])
                ? null
                : "merges the time axis of " + was + " with axes before it into " + is;
    }

    private static final class Reshape extends Reshaping {
        @Override
        Shape shape(Call call) {
            call.requireInputs(2, 2);
            boolean allowZero = call.flag("allowzero", false);
            Shape was = call.shape(0);
            long[] wanted = call.longs(1, "shape");
            long[] dims = wanted.clone();
            int open = -1;
            boolean zero = false;
            for (int a = 0; a < dims.length; a++) {
                if (dims[a] < -1 || (dims[a] == -1 && open >= 0)) {
                    throw call.malformed(
                            "shape is "
                                    + Arrays.toString(wanted)
                                    + ", expected extents of which at most one is -1");
                }
                if (dims[a] == -1) {
                    open = a;
                    dims[a] = 1;
                } else if (dims[a] == 0 && !allowZero) {
                    if (a >= was.rank()) {
                        throw call.malformed(
                                "shape is "
                                        + Arrays.toString(wanted)
                                        + ", whose 0 at axis "
                                        + a
                                        + " has nothing to copy from input shape "
                                        + was);
                    }
                    dims[a] = was.dim(a);
                }
                zero |= dims[a] == 0;
            }
            Shape is = call.shapeOf(dims);
            if (open >= 0 && !zero && was.elements() % is.elements() == 0) {
                is = is.with(open, was.elements() / is.elements());
            }
            if (is.elements() != was.elements() || (open >= 0 && zero)) {
                throw call.malformed(
                        "shape is "
                                + Arrays.toString(wanted)
                                + ", which does not fit the "
                                + was.elements()
                                + " elements of input shape "
                                + was);
            }
            return is;
        }
    }

    private static final class Flatten extends Reshaping {
        @Override
        Shape shape(Call call) {
            call.requireInputs(1, 1);
            Shape was = call.shape(0);
            long axis = call.longAttribute("axis", 1);
            int split = axis == was.rank() ? was.rank() : call.axis("axis", axis, was.rank());
            return call.shapeOf(was.elements(0, split), was.elements(split, was.rank()));
        }
    }

    private static final class Squeeze extends Reshaping {
        @Override
        Shape shape(Call call) {
            call.requireInputs(1, 2);
            Shape was = call.shape(0);
            boolean[] drop = new boolean[was.rank()];
            if (call.has(1)) {
                for (long axis : call.longs(1, "axes")) {
                    int a = call.axis("axes entry", axis, was.rank());
                    if (was.dim(a) != 1) {
                        throw call.malformed(
                                "axes names axis "
                                        + axis
                                        + " of "
                                        + was
                                        + ", expected one of extent 1");
                    }
                    drop[a] = true;
                }
            } else {
                for (int a = 0; a < drop.length; a++) {
                    drop[a] = was.dim(a) == 1;
                }
            }
            long[] dims = new long[drop.length];
            int rank = 0;
            for (int a = 0; a < drop.length; a++) {
                if (!drop[a]) {
                    dims[rank++] = was.dim(a);
                }
            }
            return call.shapeOf(Arrays.copyOf(dims, rank));
        }
    }

    private static final class Unsqueeze extends Reshaping {
        @Override
        Shape shape(Call call) {
            call.requireInputs(2, 2);
            Shape was = call.shape(0);
            long[] axes = call.longs(1, "axes");
            int rank = was.rank() + axes.length;
            long[] dims = new long[rank];
            for (long axis : axes) {
                int a = call.axis("axes entry", axis, rank);
                if (dims[a] != 0) {
                    throw call.malformed(
                            "axes is " + Arrays.toString(axes) + ", expected no axis twice");
                }
                dims[a] = 1;
            }
            for (int a = 0, from = 0; a < rank; a++) {
                dims[a] = dims[a] == 1 ? 1 : was.dim(from++);
            }
            return call.shapeOf(dims);
        }
    }

    private static final class Identity extends Reshaping {
        @Override
        Shape shape(Call call) {
            call.requireInputs(1, 1);
            return call.shape(0);
        }
    }
}
