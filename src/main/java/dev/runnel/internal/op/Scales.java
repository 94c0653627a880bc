package dev.runnel.internal.op;

import dev.runnel.graph.Shape;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/// How scales and zero points lie over a tensor: one for all of it, one for each index of an axis,
/// or one for each block of some indices of that axis. The tensor is taken in runs of elements that
/// are neighbours in memory and whose scales are, too: `span` indices of the axis by `inner`, of
/// which the first has scale `outer index · outerStep + axis index / block · blockStep`.
///
/// @param outer the product of the dimensions before the axis
/// @param n the axis's extent
/// @param inner the product of those behind it
/// @param span indices of the axis in a run; the last one may have fewer
/// @param block indices of the axis that share a scale
/// @param outerStep scales from one outer index to the next
/// @param blockStep scales from one block to the next
/// @param step scales from one element of a run to the next: 0 or 1
record Scales(
        long outer,
        long n,
        long inner,
        long span,
        long block,
        long outerStep,
        long blockStep,
        int step) {

    /// Reads the attributes `axis` and `block_size` of a node whose input 0 is scaled by input 1
    /// and has zero points in input 2.
    ///
    /// @throws dev.runnel.MalformedModelException if the scales' shape is none that these allow
    static Scales of(Call call) {
        Shape x = call.shape(0);
        Shape s = call.shape(1);
        long axis = call.longAttribute("axis", 1);
        long block = call.longAttribute("block_size", 0);
        if (block < 0) {
            throw call.malformed("block_size is " + block + ", expected 0 or more");
        }
        if (call.has(2) && !sameScales(s, call.shape(2))) {
            throw call.malformed(
                    "zero point has shape " + call.shape(2) + ", expected " + s + " as scale");
        }
        if (block == 0 && s.rank() <= 1 && s.elements() == 1) {
            return new Scales(1, 1, x.elements(), 1, 1, 0, 0, 0);
        }
        int a = call.axis("axis", axis, x.rank());
        long outer = x.elements(0, a);
        long n = x.dim(a);
        long inner = x.elements(a + 1, x.rank());
        if (block == 0) {
            expect(call, Shape.of(n), "the extent of axis " + a + " of " + x);
            return inner == 1
                    ? new Scales(outer, n, inner, n, 1, 0, 0, 1)
                    : new Scales(outer, n, inner, 1, 1, 0, 1, 0);
        }
        long blocks = Math.ceilDiv(n, block);
        expect(call, x.with(a, blocks), x + " in blocks of " + block + " along axis " + a);
        return inner == 1
                ? new Scales(outer, n, inner, block, block, blocks, 1, 0)
                : new Scales(outer, n, inner, 1, block, blocks * inner, inner, 1);
    }

    /// `[]` and `[1]` are both one for all.
    private static boolean sameScales(Shape a, Shape b) {
        return a.equals(b) || a.rank() + b.rank() == 1 && a.elements() + b.elements() == 2;
    }

    private static void expect(Call call, Shape want, String formula) {
        if (!call.shape(1).equals(want)) {
            throw call.malformed(
                    "scale has shape " + call.shape(1) + ", expected " + want + " = " + formula);
        }
    }

    /// Why time may not pass through it: along its axis the scales are counted from the first step.
    static @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        boolean scaled = Arrays.stream(in, 1, in.length).anyMatch(axis -> axis >= 0);
        if (scaled) {
            return "has scales that differ from step to step";
        }
        if (in[0] < 0) {
            return null;
        }
        boolean one = call.shape(1).rank() <= 1 && call.shape(1).elements() == 1;
        long axis = call.longAttribute("axis", 1);
        if (!one && (axis < 0 ? axis + call.shape(0).rank() : axis) == in[0]) {
            return "has scales that differ from step to step";
        }
        return in[0] == out[0] ? null : "loses the time axis";
    }
}
