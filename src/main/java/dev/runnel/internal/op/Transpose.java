package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Transpose-21: the axes in another order, by default in reverse. One that only moves axes of
/// extent 1, as many do where T = 1, has no step.
final class Transpose implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        Shape shape = call.shape(0);
        int[] perm = permutation(call);
        long[] dims = new long[perm.length];
        for (int a = 0; a < dims.length; a++) {
            dims[a] = shape.dim(perm[a]);
        }
        return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
    }

    private static int[] permutation(Call call) {
        int rank = call.shape(0).rank();
        List<Long> given = call.longsAttribute("perm");
        int[] perm = new int[rank];
        boolean[] seen = new boolean[rank];
        for (int a = 0; a < rank; a++) {
            long p = given == null ? rank - 1 - a : a < given.size() ? given.get(a) : -1;
            if (p < 0 || p >= rank || seen[(int) p] || (given != null && given.size() != rank)) {
                throw call.malformed(
                        "perm is "
                                + given
                                + ", expected a permutation of the "
                                + rank
                                + " axes of input shape "
                                + call.shape(0));
            }
            seen[(int) p] = true;
            perm[a] = (int) p;
        }
        return perm;
    }

    @Override
    public Program compile(Call call) {
        Shape out = call.outputTypes().getFirst().shape();
        Place packed = Place.of(call.shape(0));
        int[] perm = permutation(call);
        long[] strides = new long[perm.length];
        for (int a = 0; a < perm.length; a++) {
            strides[a] = packed.strides()[perm[a]];
        }
        return Copies.of(call, out.dims(), new Place(0, strides), Place.of(out));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] < 0 || (out[0] >= 0 && permutation(call)[out[0]] == in[0])
                ? null
                : "loses the time axis";
    }
}
