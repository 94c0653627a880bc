package dev.runnel.internal.op.recurrent;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.PanelLayout;
import dev.runnel.internal.kernel.PanelPacking;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.RecurrentKernels;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.Bench;
import dev.runnel.internal.op.Step;
import dev.runnel.internal.op.recurrent.RecurrentProgram.Matrices;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// A recurrent node bound to one session. Each batch entry of each row is a lane; all lanes take a
/// time step together, so that the weights are read once for all, unless their lengths differ: then
/// they run one after the other, with the same bits.
///
/// A few lanes of a longer sequence take W·x for a chunk of steps at once, which reads W once for
/// the chunk, and then R·h step by step, which goes on from there: also the same bits.
final class RecurrentStep implements Step {
    /// One direction.
    ///
    /// @param ofX the part of the first matrix that takes x
    /// @param ofH the rest of it
    private record Direction(
            boolean reverse,
            Matrices matrices,
            Panels ofX,
            Panels ofH,
            TimeStep step,
            GateWeights fed) {}

    private final RecurrentProgram program;
    private final Cell cell;
    private final RecurrentKernels kernels;
    private final MemorySegment scratch;
    private final Lanes lanes;
    private final List<Direction> directions = new ArrayList<>();
    private final @Nullable Operand w;
    private final @Nullable Operand r;
    private final @Nullable Operand b;
    private final @Nullable Operand p;
    private final @Nullable Operand lengths;
    private final Slots x;
    private final Slots y;
    private final Slots h0;
    private final Slots c0;
    private final Slots hn;
    private final Slots cn;
    private final Slots peepholes;
    private final long peepholesAt;

    /// Of weights that are fed.
    private final @Nullable PanelPacking packing;

    private final @Nullable PanelPacking secondPacking;
    private final Slots.Range range = new Slots.Range();

    /// The inputs of a chunk's steps, and where each step finds its sums of them.
    private final Lanes chunk;

    /// The latter by the number of lanes and the step; made when first needed.
    private final @Nullable Lanes[] chunkLanes;

    private final int chunkSteps;

    /// Every other product takes the panels from the last to the first.
    private boolean backwards;

    RecurrentStep(RecurrentProgram program, Bench bench) {
        this.program = program;
        cell = program.cell;
        kernels = bench.kernels().recurrent();
        scratch = bench.scratch();
        int rows = bench.rows();
        lanes = program.lanes(scratch, rows);
        peepholesAt = program.peepholesAt(rows);
        chunk = program.chunk(scratch, rows);
        chunkSteps = program.chunkSteps(rows);
        chunkLanes = new Lanes[chunkSteps * rows * cell.batch()];
        w = in(bench, Cell.W);
        r = in(bench, Cell.R);
        b = in(bench, Cell.B);
        p = in(bench, Cell.PROJECTION);
        lengths = in(bench, Cell.LENGTHS);
        PanelLayout second = program.second;
        packing = program.isFed() ? program.first.packing() : null;
        secondPacking = program.isFed() && second != null ? second.packing() : null;
        int h = cell.outputSize();
        int i = cell.inputSize();
        long d = cell.directions();
        long n = cell.batch();
        long t = cell.steps();
        boolean first = cell.batchFirst();
        x = slots(in(bench, Cell.X), 0, first ? i : n * i, first ? t * i : i, i);
        y =
                slots(
                        out(bench, 0),
                        first ? h : n * h,
                        first ? d * h : d * n * h,
                        first ? t * d * h : h,
                        h);
        h0 = state(in(bench, Cell.H0), h);
        c0 = state(in(bench, Cell.C0), cell.hiddenSize());
        hn = state(out(bench, 1), h);
        cn = state(out(bench, 2), cell.hiddenSize());
        int peepholesSize = 3 * cell.hiddenSize();
        peepholes = slots(in(bench, Cell.P), peepholesSize, 0, 0, peepholesSize);
        for (int k = 0; k < d; k++) {
            directions.add(direction(k, rows, bench.rehearsal()));
        }
    }

    private Direction direction(int d, int rows, boolean rehearsal) {
        Matrices m = program.isFed() ? program.fed(scratch, rows) : program.packed.get(d);
        long peepholesOrNone = program.peepholes ? peepholesAt : -1;
        Panels ofX = m.first().before(cell.inputSize());
        Panels ofH = m.first().from(cell.inputSize());
        Panels second = m.second() == null || !rehearsal ? m.second() : m.second().excerpt();
        return new Direction(
                cell.reverse().get(d),
                rehearsal ? m.excerpt() : m,
                rehearsal ? ofX.excerpt() : ofX,
                rehearsal ? ofH.excerpt() : ofH,
                TimeStep.of(cell, d, kernels, second, peepholesOrNone),
                new GateWeights(cell, program.isUsual(d)));
    }

    private static @Nullable Operand in(Bench bench, int i) {
        return i < bench.inputs().size() ? bench.inputs().get(i) : null;
    }

    private static @Nullable Operand out(Bench bench, int i) {
        return i < bench.outputs().size() ? bench.outputs().get(i) : null;
    }

    private Slots slots(@Nullable Operand operand, long d, long t, long n, int count) {
        return new Slots(operand, cell.dtype(), d, t, n, count);
    }

    private Slots state(@Nullable Operand operand, int h) {
        return cell.batchFirst()
                ? slots(operand, h, 0, (long) cell.directions() * h, h)
                : slots(operand, (long) cell.batch() * h, 0, h, h);
    }

    @Override
    public void run(int from, int to) {
        boolean perRow = program.isFed() || program.peepholes;
        for (int d = 0; d < directions.size(); d++) {
            if (!perRow) {
                rows(d, from, to);
                continue;
            }
            for (int row = from; row < to; row++) {
                prepare(d, row);
                rows(d, row, row + 1);
            }
        }
    }

    /// Brings what a row may have of its own: fed weights, peepholes.
    private void prepare(int d, int row) {
        Matrices m = directions.get(d).matrices;
        if (packing != null && w != null && r != null) {
            GateWeights gates = directions.get(d).fed;
            gates.of(d, w.segment(row), w.offset(row), r.segment(row), r.offset(row));
            if (b != null) {
                gates.bias(d, b.segment(row), b.offset(row));
            }
            if (p != null) {
                gates.projection(d, p.segment(row), p.offset(row));
            }
            packing.pack(m.first(), gates.first);
            if (secondPacking != null && m.second() != null) {
                secondPacking.pack(m.second(), gates.second);
            }
        }
        range.set(d, row, row + 1, 0, 1);
        peepholes.load(kernels, range, 0, scratch, peepholesAt, 0);
    }

    private void rows(int d, int from, int to) {
        if (lengths == null || isEven(lengths, from, to)) {
            range.set(d, from, to, 0, cell.batch());
            sequence(directions.get(d), cell.steps());
            return;
        }
        for (int row = from; row < to; row++) {
            for (int n = 0; n < cell.batch(); n++) {
                int length = length(lengths, row, n);
                for (int t = length; t < cell.steps(); t++) {
                    y.clear(d, t, row, n);
                }
                if (length > 0) {
                    range.set(d, row, row + 1, n, n + 1);
                    sequence(directions.get(d), length);
                } else {
                    hn.clear(d, 0, row, n);
                    cn.clear(d, 0, row, n);
                }
            }
        }
    }

    private boolean isEven(Operand lengths, int from, int to) {
        for (int row = from; row < to; row++) {
            for (int n = 0; n < cell.batch(); n++) {
                if (length(lengths, row, n) != cell.steps()) {
                    return false;
                }
            }
        }
        return true;
    }

    private int length(Operand lengths, int row, int n) {
        int length = lengths.segment(row).get(JAVA_INT_UNALIGNED, lengths.offset(row) + 4L * n);
        if (length < 0 || length > cell.steps()) {
            throw new IllegalArgumentException(
                    program.where
                            + ": sequence_lens has a "
                            + length
                            + ", expected 0 … "
                            + cell.steps()
                            + " = T");
        }
        return length;
    }

    /// The lanes of the range, `length` steps from first to last.
    private void sequence(Direction d, int length) {
        h0.loadOrZero(kernels, range, 0, scratch, lanes.h(), lanes.xStride());
        if (cell.type() == Cell.Type.LSTM) {
            c0.loadOrZero(kernels, range, 0, scratch, lanes.c(), lanes.cStride());
        }
        int count = range.lanes();
        for (int s = 0; s < length; s += Math.max(1, chunkSteps)) {
            int size = Math.min(chunkSteps, length - s);
            if (size < 2) {
                x.load(kernels, range, time(d, s, length), scratch, lanes.x(), lanes.xStride());
                step(d, d.matrices.first(), lanes, time(d, s, length), count);
                continue;
            }
            for (int i = 0; i < size; i++) {
                long at = chunk.x() + i * count * chunk.xStride();
                x.load(kernels, range, time(d, s + i, length), scratch, at, chunk.xStride());
            }
            kernels.multiply(d.ofX, backwards, chunk, size * count);
            for (int i = 0; i < size; i++) {
                step(d, d.ofH, chunkStep(i, count), time(d, s + i, length), count);
            }
        }
        hn.store(kernels, range, 0, scratch, lanes.h(), lanes.xStride());
        cn.store(kernels, range, 0, scratch, lanes.c(), lanes.cStride());
    }

    private static int time(Direction d, int s, int length) {
        return d.reverse ? length - 1 - s : s;
    }

    private void step(Direction d, Panels panels, Lanes at, int t, int count) {
        d.step.run(panels, backwards, at, count);
        backwards = !backwards;
        if (cell.dtype().byteSize() < 4) {
            narrow(at.h(), at.xStride(), cell.outputSize(), count);
            if (cell.type() == Cell.Type.LSTM) {
                narrow(at.c(), at.cStride(), cell.hiddenSize(), count);
            }
        }
        y.store(kernels, range, t, scratch, at.h(), at.xStride());
    }

    /// Rounds a state to the elements that would hold it between two steps: so that a sequence has
    /// the bits of its steps.
    private void narrow(long at, long stride, int floats, int count) {
        DType narrow = cell.dtype();
        for (int m = 0; m < count; m++, at += stride) {
            for (long f = at; f < at + 4L * floats; f += 4) {
                Elements.setDouble(narrow, scratch, f, scratch.get(JAVA_FLOAT_UNALIGNED, f));
                float rounded = (float) Elements.getDouble(narrow, scratch, f);
                scratch.set(JAVA_FLOAT_UNALIGNED, f, rounded);
            }
        }
    }

    /// `count` lanes with their sums in the chunk, where step `i` finds them.
    private Lanes chunkStep(int i, int count) {
        int index = (count - 1) * chunkSteps + i;
        Lanes at = chunkLanes[index];
        if (at == null) {
            at = lanes.withZ(chunk.z() + i * count * chunk.zStride());
            chunkLanes[index] = at;
        }
        return at;
    }
}
