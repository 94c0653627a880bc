package dev.runnel.internal.op;

import dev.runnel.graph.Shape;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/// How the kernel of a convolution or a pool moves over the spatial axes, as the attributes
/// `kernel_shape`, `strides`, `dilations`, `pads` and `auto_pad` say.
///
/// @param in extents of the input's spatial axes
/// @param out extents of the output's
/// @param begin padding before each axis
/// @param end padding after each axis; not negative
record Window(
        long[] in,
        long[] out,
        long[] kernel,
        long[] stride,
        long[] dilation,
        long[] begin,
        long[] end) {
    /// The window over input 0, whose axes are `[N, C, …]`.
    ///
    /// @param kernel the kernel's extents, which `kernel_shape` has to agree with; null if only it
    ///   says
    /// @param ceil whether a window that only begins inside the input counts
    /// @throws dev.runnel.MalformedModelException if the attributes do not fit
    static Window of(Call call, long[] kernel, boolean ceil) {
        Shape x = call.shape(0);
        int rank = spatialRank(call);
        long[] k = kernel(call, kernel, rank);
        long[] stride = positive(call, "strides", rank);
        long[] dilation = positive(call, "dilations", rank);
        long[] in = Arrays.copyOfRange(x.dims(), 2, 2 + rank);
        long[] pads = longs(call, "pads", 2 * rank, 0);
        String auto = autoPad(call);
        long[] out = new long[rank];
        for (int i = 0; i < rank; i++) {
            long span = span(call, k[i], dilation[i]);
            if (auto.startsWith("SAME")) {
                out[i] = (in[i] + stride[i] - 1) / stride[i];
                long total = Math.max(0, (out[i] - 1) * stride[i] + span - in[i]);
                pads[i] = auto.equals("SAME_LOWER") ? total - total / 2 : total / 2;
                pads[rank + i] = total - pads[i];
            } else {
                long room = Math.addExact(in[i], Math.addExact(pads[i], pads[rank + i])) - span;
                if (room < 0) {
                    throw call.malformed(
                            "input 0 has shape "
                                    + x
                                    + " with padding "
                                    + Arrays.toString(pads)
                                    + ", expected at least "
                                    + span
                                    + " along axis "
                                    + (i + 2)
                                    + " = dilation · (kernel - 1) + 1");
                }
                out[i] = (ceil ? Math.ceilDiv(room, stride[i]) : room / stride[i]) + 1;
                if (ceil && (out[i] - 1) * stride[i] >= in[i] + pads[i]) {
                    out[i]--;
                }
            }
        }
        return new Window(
                in,
                out,
                k,
                stride,
                dilation,
                Arrays.copyOf(pads, rank),
                Arrays.copyOfRange(pads, rank, 2 * rank));
    }

    private static long span(Call call, long kernel, long dilation) {
        try {
            return Math.addExact(Math.multiplyExact(dilation, kernel - 1), 1);
        } catch (ArithmeticException e) {
            throw call.malformed(
                    "dilation " + dilation + " of a kernel of " + kernel + " exceeds 2^63 - 1");
        }
    }

    /// The number of spatial axes of input 0.
    static int spatialRank(Call call) {
        int rank = call.shape(0).rank() - 2;
        if (rank < 1) {
            throw call.malformed(
                    "input 0 has shape "
                            + call.shape(0)
                            + ", expected [N, C, …] with a spatial axis");
        }
        return rank;
    }

    static String autoPad(Call call) {
        String auto = call.stringAttribute("auto_pad", "NOTSET");
        if (!List.of("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID").contains(auto)) {
            throw call.malformed(
                    "attribute 'auto_pad' is '"
                            + auto
                            + "', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID");
        }
        boolean pads = call.hasAttribute("pads");
        if (!auto.equals("NOTSET")
                && pads
                && LongStream.of(all(call, "pads")).anyMatch(p -> p != 0)) {
            throw call.malformed(
                    "has both attributes 'pads' and 'auto_pad' = " + auto + ", expected one");
        }
        return auto;
    }

    static long[] kernel(Call call, long[] kernel, int rank) {
        boolean given = call.hasAttribute("kernel_shape");
        if (kernel.length == 0 && !given) {
            throw call.malformed("attribute 'kernel_shape' is missing");
        }
        if (!given) {
            return kernel;
        }
        long[] said = positive(call, "kernel_shape", rank);
        if (kernel.length != 0 && !Arrays.equals(said, kernel)) {
            throw call.malformed(
                    "attribute 'kernel_shape' is "
                            + Arrays.toString(said)
                            + ", expected "
                            + Arrays.toString(kernel)
                            + " = the weights' axes from the third on");
        }
        return said;
    }

    /// A list of `count` positive numbers; ones if it is missing.
    static long[] positive(Call call, String name, int count) {
        long[] v = longs(call, name, count, 1);
        if (LongStream.of(v).anyMatch(i -> i < 1)) {
            throw call.malformed(
                    "attribute '"
                            + name
                            + "' is "
                            + Arrays.toString(v)
                            + ", expected positive numbers");
        }
        return v;
    }

    /// A list of `count` numbers that are not negative; `otherwise` each if it is missing.
    static long[] longs(Call call, String name, int count, long otherwise) {
        if (!call.hasAttribute(name)) {
            long[] v = new long[count];
            Arrays.fill(v, otherwise);
            return v;
        }
        long[] v = all(call, name);
        if (v.length != count || LongStream.of(v).anyMatch(i -> i < 0 || i > Integer.MAX_VALUE)) {
            throw call.malformed(
                    "attribute '"
                            + name
                            + "' is "
                            + Arrays.toString(v)
                            + ", expected "
                            + count
                            + " numbers, none negative");
        }
        return v;
    }

    private static long[] all(Call call, String name) {
        List<Long> v = call.longsAttribute(name);
        return v == null ? new long[0] : v.stream().mapToLong(Long::longValue).toArray();
    }

    int rank() {
        return in.length;
    }

    /// Why time cannot be spatial axis `axis` of a convolution or pool that is stepped, or null if
    /// the window does not move over it or sees each position alone.
    static @org.jspecify.annotations.Nullable String timeObstacle(Window w, int axis) {
        if (axis < 0) {
            return null;
        }
        return w.kernel[axis] == 1 && w.stride[axis] == 1 && w.begin[axis] == 0 && w.end[axis] == 0
                ? null
                : "takes several time steps: kernel "
                        + w.kernel[axis]
                        + ", stride "
                        + w.stride[axis]
                        + ", pads "
                        + w.begin[axis]
                        + " and "
                        + w.end[axis];
    }
}
