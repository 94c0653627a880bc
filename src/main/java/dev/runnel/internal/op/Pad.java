package dev.runnel.internal.op;

import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.StridedCopy.Place;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// Pad-21: elements added around a tensor, or, where a pad is negative, taken away. The added ones
/// are a constant, or copies of the tensor's own: its edge, its reflection in the edge element, or
/// the tensor over again (`wrap`).
///
/// Along each axis the result consists of pieces of the source, taken forwards, backwards or
/// standing still; the whole of the boxes that the axes' pieces span, each one strided copy.
final class Pad implements Operator {
    private static final int MOST_BOXES = 1 << 16;

    /// `count` elements along an axis, from the source's element `from` on by `step`, to `to` on.
    private record Piece(long to, long count, long from, int step) {}

    /// What is added before and after each axis; negative: taken away.
    private record Pads(long[] before, long[] after) {}

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 4);
        Shape shape = call.shape(0);
        Pads pads = pads(call);
        String mode = mode(call);
        long[] dims = shape.dims();
        for (int a = 0; a < dims.length; a++) {
            long before = pads.before[a];
            long after = pads.after[a];
            long kept = dims[a] + Math.min(before, 0) + Math.min(after, 0);
            dims[a] += before + after;
            boolean source = kept > 0 || (before <= 0 && after <= 0);
            if (dims[a] < 0 || (!mode.equals("constant") && !source)) {
                throw call.malformed(
                        "pads axis "
                                + a
                                + " of "
                                + shape
                                + " by "
                                + before
                                + " and "
                                + after
                                + ", which leaves "
                                + (dims[a] < 0 ? "less than nothing" : "nothing to copy from"));
            }
        }
        if (call.has(2)) {
            call.requireSameType(0, 2);
            if (call.shape(2).elements() != 1) {
                throw call.malformed(
                        "constant_value is " + call.type(2) + ", expected one element");
            }
        }
        return List.of(new TensorType(call.dtype(0), call.shapeOf(dims)));
    }

    private static String mode(Call call) {
        String mode = call.stringAttribute("mode", "constant");
        if (!List.of("constant", "reflect", "edge", "wrap").contains(mode)) {
            throw call.malformed(
                    "mode is '" + mode + "', expected constant, reflect, edge or wrap");
        }
        return mode;
    }

    private static Pads pads(Call call) {
        int rank = call.shape(0).rank();
        long[] given = call.longs(1, "pads");
        long[] axes = call.has(3) ? call.longs(3, "axes") : new long[0];
        int count = call.has(3) ? axes.length : rank;
        if (given.length != 2 * count) {
            throw call.malformed(
                    "pads has "
                            + given.length
                            + " entries, expected "
                            + 2 * count
                            + ", two for each of "
                            + count
                            + " axes");
        }
        Pads pads = new Pads(new long[rank], new long[rank]);
        boolean[] seen = new boolean[rank];
        for (int i = 0; i < count; i++) {
            int a = call.has(3) ? call.axis("axes entry", axes[i], rank) : i;
            long before = given[i];
            long after = given[i + count];
            long most = Long.MAX_VALUE / 8;
            if (seen[a] || Math.max(before, after) > most || Math.min(before, after) < -most) {
                throw call.malformed(
                        "pads axis "
                                + a
                                + (seen[a] ? " twice" : " by " + before + " and " + after));
            }
            seen[a] = true;
            pads.before[a] = before;
            pads.after[a] = after;
        }
        return pads;
    }

    @Override
    public Program compile(Call call) {
        Shape from = call.shape(0);
        Shape out = call.outputTypes().getFirst().shape();
        Pads pads = pads(call);
        String mode = mode(call);
        if (out.equals(from) && java.util.Arrays.stream(pads.before).allMatch(p -> p == 0)) {
            return Program.VIEW;
        }
        List<List<Piece>> axes = new ArrayList<>();
        long boxes = 1;
        for (int a = 0; a < from.rank() && out.elements() > 0; a++) {
            axes.add(pieces(mode, from.dim(a), pads.before[a], pads.after[a]));
            boxes *= axes.getLast().size();
            if (boxes > MOST_BOXES) {
                throw call.unsupported(
                        "pads " + from + " to " + out + ", too often its own length");
            }
        }
        List<Copies.Part> parts = new ArrayList<>();
        if (out.elements() > 0) {
            gather(call, axes, new ArrayList<>(), parts);
        }
        Copies copies = new Copies(parts);
        return mode.equals("constant") ? new Constant(copies, call.has(2)) : copies;
    }

    /// Adds the copy of each combination of one piece for each axis.
    private static void gather(
            Call call, List<List<Piece>> axes, List<Piece> chosen, List<Copies.Part> parts) {
        if (chosen.size() < axes.size()) {
            for (Piece p : axes.get(chosen.size())) {
                chosen.add(p);
                gather(call, axes, chosen, parts);
                chosen.removeLast();
            }
            return;
        }
        Place source = Place.of(call.shape(0));
        Place target = Place.of(call.outputTypes().getFirst().shape());
        long[] box = new long[chosen.size()];
        long[] strides = source.strides().clone();
        for (int a = 0; a < box.length; a++) {
            Piece p = chosen.get(a);
            box[a] = p.count;
            source = source.from(a, p.from);
            target = target.from(a, p.to);
            strides[a] *= p.step;
        }
        parts.add(
                new Copies.Part(
                        0,
                        0,
                        new StridedCopy(
                                call.dtype(0).byteSize(),
                                box,
                                new Place(source.offset(), strides),
                                target)));
    }

    /// The pieces of one axis, first to last; for a constant only what is kept of the source.
    private static List<Piece> pieces(String mode, long extent, long before, long after) {
        long first = Math.max(0, -before);
        long kept = Math.min(extent, extent + after) - first;
        Piece middle = new Piece(Math.max(0, before), Math.max(0, kept), first, 1);
        if (mode.equals("constant")) {
            return kept > 0 ? List.of(middle) : List.of();
        }
        List<Piece> pieces = new ArrayList<>();
        long last = first + kept - 1;
        boolean still = mode.equals("edge") || kept == 1;
        if (still && before > 0) {
            pieces.add(new Piece(0, before, first, 0));
        }
        int step = mode.equals("wrap") ? 1 : -1;
        long period = mode.equals("wrap") ? kept : kept - 1;
        long start = mode.equals("wrap") ? first : first + 1;
        int turn = step;
        for (long to = before; !still && to > 0 && pieces.size() <= MOST_BOXES; turn *= step) {
            // Before the middle the pieces are laid outwards: the last one may be cut at its far
            // end.
            long count = Math.min(period, to);
            to -= count;
            long from = step == 1 ? last - count + 1 : turn < 0 ? start + count - 1 : last - count;
            pieces.add(new Piece(to, count, from, turn));
        }
        pieces.add(middle);
        if (still && after > 0) {
            pieces.add(new Piece(middle.to + kept, after, last, 0));
        }
        turn = step;
        long to = middle.to + kept;
        for (long rest = after; !still && rest > 0 && pieces.size() <= MOST_BOXES; turn *= step) {
            long count = Math.min(period, rest);
            long from = step == 1 ? first : turn < 0 ? last - 1 : start;
            pieces.add(new Piece(to, count, from, turn));
            to += count;
            rest -= count;
        }
        return pieces;
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] < 0) {
            return null;
        }
        Pads pads = pads(call);
        return out[0] == in[0] && pads.before[in[0]] == 0 && pads.after[in[0]] == 0
                ? null
                : "pads the time axis";
    }

    /// Fills the output, then copies what is kept.
    private record Constant(Copies copies, boolean hasValue) implements Program {
        @Override
        public boolean reads(int i) {
            return copies.reads(i) || (hasValue && i == 2);
        }

        @Override
        public Step bind(Bench bench) {
            Operand out = bench.out(0);
            Operand value = hasValue ? bench.in(2) : out;
            int size = out.type().dtype().byteSize();
            long elements = out.type().shape().elements();
            Step copy = copies.bind(bench);
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    long bits =
                            hasValue ? Fill.bits(size, value.segment(row), value.offset(row)) : 0;
                    Fill.fill(size, bits, out.segment(row), out.offset(row), elements);
                }
                copy.run(from, to);
            };
        }
    }
}
