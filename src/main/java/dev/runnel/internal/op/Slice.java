package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// Slice-13: `x[start:end:step]` along some axes, with NumPy's rules for what lies outside.
final class Slice implements Operator {
    private static final String[] NAMES = {"data", "starts", "ends", "axes", "steps"};

    /// What is taken of each axis: `count` elements from `first` on, each `step` after the last.
    private record Ranges(long[] first, long[] count, long[] step) {}

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(3, 5);
        return List.of(new TensorType(call.dtype(0), call.shapeOf(ranges(call).count)));
    }

    private static Ranges ranges(Call call) {
        Shape shape = call.shape(0);
        int rank = shape.rank();
        long[] starts = call.longs(1, NAMES[1]);
        long[] ends = list(call, 2, starts.length);
        long[] steps = list(call, 4, starts.length);
        int[] axes = axes(call, starts.length);
        long[] step = new long[rank];
        Arrays.fill(step, 1);
        Ranges r = new Ranges(new long[rank], shape.dims(), step);
        for (int i = 0; i < starts.length; i++) {
            int a = axes[i];
            if (steps[i] == 0) {
                throw call.malformed("steps is " + Arrays.toString(steps) + ", expected no 0");
            }
            // Two beyond the extent, either way, is as good as any step beyond.
            long far = Math.min(shape.dim(a), Long.MAX_VALUE - 2) + 2;
            r.step[a] = Math.clamp(steps[i], -far, far);
            long low = r.step[a] > 0 ? 0 : -1;
            long high = shape.dim(a) + low;
            r.first[a] = Math.clamp(fromStart(starts[i], shape.dim(a)), Math.min(0, high), high);
            long end = Math.clamp(fromStart(ends[i], shape.dim(a)), low, high);
            long span = r.step[a] > 0 ? end - r.first[a] : r.first[a] - end;
            r.count[a] = span <= 0 ? 0 : (span - 1) / Math.abs(r.step[a]) + 1;
        }
        return r;
    }

    private static long fromStart(long index, long extent) {
        return index < 0 ? index + extent : index;
    }

    private static long[] list(Call call, int input, int length) {
        if (!call.has(input)) {
            long[] ones = new long[length];
            Arrays.fill(ones, 1);
            return ones;
        }
        long[] values = call.longs(input, NAMES[input]);
        if (values.length != length) {
            throw call.malformed(
                    NAMES[input]
                            + " has "
                            + values.length
                            + " entries, expected "
                            + length
                            + " as in starts");
        }
        return values;
    }

    private static int[] axes(Call call, int length) {
        int rank = call.shape(0).rank();
        long[] given = call.has(3) ? list(call, 3, length) : new long[0];
        int[] axes = new int[length];
        boolean[] seen = new boolean[rank];
        for (int i = 0; i < length; i++) {
            axes[i] =
                    call.axis(
                            call.has(3) ? "axes entry" : "axis", call.has(3) ? given[i] : i, rank);
            if (seen[axes[i]]) {
                throw call.malformed(
                        "axes is " + Arrays.toString(given) + ", expected no axis twice");
            }
            seen[axes[i]] = true;
        }
        return axes;
    }

    @Override
    public Program compile(Call call) {
        Ranges r = ranges(call);
        Place packed = Place.of(call.shape(0));
        long first = 0;
        long[] strides = packed.strides().clone();
        for (int a = 0; a < strides.length; a++) {
            first += r.first[a] * strides[a];
            strides[a] *= r.step[a];
        }
        Shape out = call.outputTypes().getFirst().shape();
        return Copies.of(call, out.dims(), new Place(first, strides), Place.of(out));
    }

    /// All steps may pass, or the last one: the present, when run step by step.
    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] < 0) {
            return null;
        }
        Ranges r = ranges(call);
        int time = in[0];
        long extent = call.shape(0).dim(time);
        boolean all = r.first[time] == 0 && r.count[time] == extent && r.step[time] == 1;
        boolean last = r.first[time] == extent - 1 && r.count[time] == 1;
        return (out[0] == time && all) || (out[0] == -1 && last) ? null : "picks time steps";
    }
}
