package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// `ConvTranspose`: the gradient of a convolution, x\[N, C, …\] with weights \[C, M / group, kernel
/// …\] and bias \[M\]. Computed as the convolution of x, spread apart by the strides, with the
/// kernel turned round.
final class ConvTranspose implements Operator {
    /// @param begin padding taken away before each axis of the output, which may be negative
    private record Form(long[] out, long[] kernel, long[] stride, long[] dilation, long[] begin) {}

    private static Form form(Call call) {
        int rank = Window.spatialRank(call);
        long[] kernel = Window.kernel(call, Conv.kernel(call), rank);
        long[] stride = Window.positive(call, "strides", rank);
        long[] dilation = Window.positive(call, "dilations", rank);
        long[] extra = Window.longs(call, "output_padding", rank, 0);
        long[] pads = Window.longs(call, "pads", 2 * rank, 0);
        String auto = Window.autoPad(call);
        long[] want = outputShape(call, rank);
        long[] out = new long[rank];
        for (int i = 0; i < rank; i++) {
            long in = call.shape(0).dim(i + 2);
            if (extra[i] >= Math.max(stride[i], dilation[i])) {
                throw call.malformed(
                        "attribute 'output_padding' is "
                                + Arrays.toString(extra)
                                + ", expected less than the stride "
                                + stride[i]
                                + " or the dilation "
                                + dilation[i]
                                + " along axis "
                                + (i + 2));
            }
            long full = stride[i] * (in - 1) + extra[i] + (kernel[i] - 1) * dilation[i] + 1;
            if (want.length > 0 || auto.startsWith("SAME")) {
                // As ONNX Runtime has it, 'same' never adds to the full extent.
                out[i] = want.length > 0 ? want[i] : Math.min(full, in * stride[i]);
                long total = Math.max(0, full - out[i]);
                pads[i] = auto.equals("SAME_UPPER") ? total / 2 : total - total / 2;
            } else {
                out[i] = full - pads[i] - pads[rank + i];
            }
            if (out[i] < 1) {
                throw call.malformed(
                        "yields an extent of "
                                + out[i]
                                + " along axis "
                                + (i + 2)
                                + ", expected at least 1");
            }
        }
        return new Form(out, kernel, stride, dilation, Arrays.copyOf(pads, rank));
    }

    /// The attribute `output_shape`, which may or may not name the first two axes; empty if it is
    /// missing.
    private static long[] outputShape(Call call, int rank) {
        List<Long> said = call.longsAttribute("output_shape");
        if (said == null) {
            return new long[0];
        }
        long[] dims = said.stream().mapToLong(Long::longValue).toArray();
        if (dims.length != rank && dims.length != rank + 2) {
            throw call.malformed(
                    "attribute 'output_shape' is " + said + ", expected " + rank + " extents");
        }
        return Arrays.copyOfRange(dims, dims.length - rank, dims.length);
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 3);
        call.requireType(0, DTypes.FLOATS);
        MatMul.requireSameType(call, 0, 1);
        Form f = form(call);
        Shape x = call.shape(0);
        Shape weights = call.shape(1);
        long group = Conv.group(call);
        if (weights.dim(0) != x.dim(1) || x.dim(1) % group != 0) {
            throw call.malformed(
                    "W has shape "
                            + weights
                            + ", expected "
                            + x.dim(1)
                            + " along axis 0 = C, a multiple of group = "
                            + group
                            + ", for x of shape "
                            + x);
        }
        long channels = weights.dim(1) * group;
        Conv.bias(call, channels);
        return List.of(new TensorType(call.dtype(0), Conv.shape(call, channels, f.out)));
    }

    @Override
    public Program compile(Call call) {
        Form f = form(call);
        Convolution.Axis[] axes = new Convolution.Axis[f.out.length];
        int positions = 1;
        for (int i = 0; i < axes.length; i++) {
            axes[i] =
                    new Convolution.Axis(
                            call.shape(0).size(i + 2),
                            Math.toIntExact(f.out[i]),
                            Math.toIntExact(f.kernel[i]),
                            1,
                            Math.toIntExact(f.dilation[i]),
                            Math.toIntExact((f.kernel[i] - 1) * f.dilation[i] - f.begin[i]),
                            Math.toIntExact(f.stride[i]));
            positions *= axes[i].kernel();
        }
        int group = Math.toIntExact(Conv.group(call));
        int groupIn = call.shape(0).size(1) / group;
        int groupOut = call.shape(1).size(1);
        int p = positions;
        Convolution.WeightIndex turned =
                (out, tap) -> {
                    long c = (long) (out / groupOut) * groupIn + tap / p;
                    return (c * groupOut + out % groupOut) * p + (p - 1 - tap % p);
                };
        return new Convolution(call, axes, group, groupOut, turned);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] == 1) {
            return "mixes channels";
        }
        if (in[1] >= 0 || (in.length > 2 && in[2] >= 0)) {
            return "has weights that vary with time";
        }
        int axis = in[0] - 2;
        Form f = form(call);
        boolean alone =
                axis < 0
                        || (f.kernel[axis] == 1
                                && f.stride[axis] == 1
                                && f.begin[axis] == 0
                                && in[0] == out[0]);
        return alone ? null : "makes several time steps of one: kernel " + f.kernel[axis];
    }
}
