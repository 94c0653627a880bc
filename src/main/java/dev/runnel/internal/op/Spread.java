package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.internal.op.StridedCopy.Place;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Copies a convolution's input to where its pixels look for it: padded with zeros, spread apart,
/// the last axis sorted by remainder, what nobody sees left out.
///
/// @param parts copies that do not overlap, one for each remainder of the last axis
/// @param padded whether there are zeros that no part writes over
record Spread(List<StridedCopy> parts, boolean padded) {

    /// @param channels of the input
    static Spread of(Convolution.Axis[] axes, Pixels pixels, int channels, DType dtype) {
        int rank = axes.length;
        Convolution.Axis last = axes[rank - 1];
        long[] box = new long[rank + 1];
        long[] from = new long[rank + 1];
        long[] to = new long[rank + 1];
        long fromOffset = 0;
        long toOffset = 0;
        long stride = last.in();
        long written = channels;
        for (int a = rank - 2; a >= 0; a--) {
            Convolution.Axis axis = axes[a];
            box[a + 1] = end(axis) - first(axis);
            from[a + 1] = stride;
            to[a + 1] = axis.spread() * pixels.strides()[a];
            fromOffset += first(axis) * stride;
            toOffset += position(axis, first(axis)) * pixels.strides()[a];
            stride *= axis.in();
            written *= box[a + 1];
        }
        box[0] = channels;
        from[0] = stride;
        to[0] = pixels.plane();
        written *= end(last) - first(last);
        // Every so many elements the remainder is the same again.
        int period = pixels.split() / gcd(pixels.split(), last.spread());
        from[rank] = period;
        to[rank] = (long) period * last.spread() / pixels.split();
        List<StridedCopy> parts = new ArrayList<>();
        for (int i = first(last); i < Math.min(end(last), first(last) + period); i++) {
            box[rank] = Math.ceilDiv(end(last) - i, period);
            parts.add(
                    new StridedCopy(
                            dtype.byteSize(),
                            box.clone(),
                            new Place(fromOffset + i, from.clone()),
                            new Place(toOffset + pixels.column(position(last, i)), to.clone())));
        }
        return new Spread(parts, written != channels * pixels.plane());
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    private static int position(Convolution.Axis a, int i) {
        return i * a.spread() + a.lead();
    }

    /// The first element whose position is not negative.
    private static int first(Convolution.Axis a) {
        return Math.clamp(Math.ceilDiv(-a.lead(), a.spread()), 0, a.in());
    }

    /// The element behind the last one that is seen.
    private static int end(Convolution.Axis a) {
        return Math.clamp(Math.ceilDiv(a.extent() - a.lead(), a.spread()), first(a), a.in());
    }

    /// Copies all channels to the start of `to`, which is as large as what they become.
    void copy(MemorySegment from, long fromAt, MemorySegment to) {
        if (padded) {
            to.fill((byte) 0);
        }
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).run(from, fromAt, to, 0);
        }
    }
}
