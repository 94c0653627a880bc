package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// `Conv`: x\[N, C, …\] with weights \[M, C / group, kernel …\] and bias \[M\], over any number of
/// spatial axes.
final class Conv implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 3);
        call.requireType(0, DTypes.FLOATS);
        MatMul.requireSameType(call, 0, 1);
        Window w = window(call);
        channels(call);
        long outputs = call.shape(1).dim(0);
        bias(call, outputs);
        return List.of(new TensorType(call.dtype(0), shape(call, outputs, w.out())));
    }

    /// @throws dev.runnel.MalformedModelException unless the channels of inputs 0 and 1 agree
    static void channels(Call call) {
        Shape x = call.shape(0);
        Shape weights = call.shape(1);
        long group = group(call);
        if (weights.dim(1) * group != x.dim(1)) {
            throw call.malformed(
                    "W has shape "
                            + weights
                            + ", expected "
                            + x.dim(1)
                            + " / "
                            + group
                            + " along axis 1 = C / group"
                            + " for x of shape "
                            + x);
        }
        if (weights.dim(0) % group != 0) {
            throw call.malformed(
                    "W has shape "
                            + weights
                            + ", expected a multiple of group = "
                            + group
                            + " along axis 0");
        }
    }

    /// The output's shape, \[N, M, …\].
    static Shape shape(Call call, long channels, long[] out) {
        long[] dims = new long[2 + out.length];
        dims[0] = call.shape(0).dim(0);
        dims[1] = channels;
        System.arraycopy(out, 0, dims, 2, out.length);
        return call.shapeOf(dims);
    }

    static void bias(Call call, long channels) {
        if (call.has(2)) {
            MatMul.requireSameType(call, 0, 2);
            if (!call.shape(2).equals(Shape.of(channels))) {
                throw call.malformed(
                        "B has shape " + call.shape(2) + ", expected [" + channels + "] = [M]");
            }
        }
    }

    static long group(Call call) {
        long group = call.longAttribute("group", 1);
        if (group < 1) {
            throw call.malformed("attribute 'group' is " + group + ", expected at least 1");
        }
        return group;
    }

    /// The kernel's extents: those of the weights from the third axis on.
    static long[] kernel(Call call) {
        int rank = Window.spatialRank(call) + 2;
        Shape w = call.shape(1);
        if (w.rank() != rank || w.elements() == 0) {
            throw call.malformed(
                    "W has shape "
                            + w
                            + ", expected "
                            + rank
                            + " axes, none empty, as x has shape "
                            + call.shape(0));
        }
        return Arrays.copyOfRange(w.dims(), 2, rank);
    }

    static Window window(Call call) {
        return Window.of(call, kernel(call), false);
    }

    @Override
    public Program compile(Call call) {
        Window w = window(call);
        Convolution.Axis[] axes = new Convolution.Axis[w.rank()];
        for (int i = 0; i < axes.length; i++) {
            axes[i] =
                    new Convolution.Axis(
                            Math.toIntExact(w.in()[i]),
                            Math.toIntExact(w.out()[i]),
                            Math.toIntExact(w.kernel()[i]),
                            Math.toIntExact(w.stride()[i]),
                            Math.toIntExact(w.dilation()[i]),
                            Math.toIntExact(w.begin()[i]),
                            1);
        }
        int group = Math.toIntExact(group(call));
        return new Convolution(call, axes, group, call.shape(1).size(0) / group, null);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] == 1) {
            return "mixes channels";
        }
        if (in[1] >= 0 || (in.length > 2 && in[2] >= 0)) {
            return "has weights that vary with time";
        }
        return Window.timeObstacle(window(call), in[0] - 2);
    }
}
