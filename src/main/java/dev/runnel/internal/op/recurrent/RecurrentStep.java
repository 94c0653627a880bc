package dev.runnel.internal.op.recurrent;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.internal.kernel.Activation;
import dev.runnel.internal.kernel.GeneralCell;
import dev.runnel.internal.kernel.Lanes;
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
final class RecurrentStep implements Step {
    /// One time step of `lanes` lanes whose x and h lie in place.
    private interface Sweep {
        void run(boolean backwards, int lanes);
    }

    /// Where an operand has the elements of a direction, a step and a batch entry: `d`, `t` and `n`
    /// elements apart, `count` of them.
    private record Slots(@Nullable Operand operand, long d, long t, long n, int count) {}

    private final RecurrentProgram program;
    private final Cell cell;
    private final RecurrentKernels kernels;
    private final MemorySegment scratch;
    private final Lanes lanes;
    private final List<Matrices> matrices = new ArrayList<>();
    private final List<GateWeights> fed = new ArrayList<>();
    private final List<Sweep> sweeps = new ArrayList<>();
    private final @Nullable Operand w;
    private final @Nullable Operand r;
    private final @Nullable Operand b;
    private final @Nullable Operand lengths;
    private final Slots x;
    private final Slots y;
    private final Slots h0;
    private final Slots c0;
    private final Slots hn;
    private final Slots cn;
    private final Slots peepholes;
    private final long peepholesAt;

    /// Every other sweep takes the panels from the last to the first.
    private boolean backwards;

    RecurrentStep(RecurrentProgram program, Bench bench) {
        this.program = program;
        cell = program.cell;
        kernels = bench.kernels().recurrent();
        scratch = bench.scratch();
        lanes =
                Lanes.of(
                        scratch,
                        bench.rows() * cell.batch(),
                        cell.inputSize(),
                        cell.hiddenSize(),
                        GateWeights.inputs(cell),
                        GateWeights.columns(cell));
        peepholesAt = program.peepholesAt(bench.rows());
        w = in(bench, Cell.W);
        r = in(bench, Cell.R);
        b = in(bench, Cell.B);
        lengths = in(bench, Cell.LENGTHS);
        int h = cell.hiddenSize();
        int i = cell.inputSize();
        long d = cell.directions();
        boolean first = cell.batchFirst();
        long n = cell.batch();
        long t = cell.steps();
        x =
                first
                        ? new Slots(in(bench, Cell.X), 0, i, t * i, i)
                        : new Slots(in(bench, Cell.X), 0, n * i, i, i);
        y =
                first
                        ? new Slots(out(bench, 0), h, d * h, t * d * h, h)
                        : new Slots(out(bench, 0), n * h, d * n * h, h, h);
        h0 = state(in(bench, Cell.H0));
        c0 = state(in(bench, Cell.C0));
        hn = state(out(bench, 1));
        cn = state(out(bench, 2));
        peepholes = new Slots(in(bench, Cell.P), 3L * h, 0, 0, 3 * h);
        for (int k = 0; k < d; k++) {
            fed.add(new GateWeights(cell, program.isUsual(k)));
            Matrices m = program.isFed() ? fedMatrices(bench.rows()) : program.packed.get(k);
            matrices.add(m);
            sweeps.add(program.isUsual(k) ? usual(m) : general(m, k));
        }
    }

    private static @Nullable Operand in(Bench bench, int i) {
        return i < bench.inputs().size() ? bench.inputs().get(i) : null;
    }

    private static @Nullable Operand out(Bench bench, int i) {
        return i < bench.outputs().size() ? bench.outputs().get(i) : null;
    }

    private Slots state(@Nullable Operand operand) {
        int h = cell.hiddenSize();
        return cell.batchFirst()
                ? new Slots(operand, h, 0, (long) cell.directions() * h, h)
                : new Slots(operand, (long) cell.batch() * h, 0, h, h);
    }

    private Matrices fedMatrices(int rows) {
        var first = program.first.over(scratch.asSlice(program.firstAt(rows)));
        var second = program.second;
        return new Matrices(
                first,
                second == null ? null : second.over(scratch.asSlice(program.secondAt(rows))));
    }

    // ---- what a time step is

    private Sweep usual(Matrices m) {
        var k = kernels;
        var at = lanes;
        var second = m.second();
        return switch (cell.type()) {
            case RNN ->
                    (back, n) -> {
                        k.multiply(m.first(), back, at, n);
                        k.rnn(at, n);
                    };
            case LSTM ->
                    (back, n) -> {
                        k.multiply(m.first(), back, at, n);
                        k.lstm(at, n);
                    };
            case GRU ->
                    second == null
                            ? (back, n) -> {
                                k.multiply(m.first(), back, at, n);
                                k.gru(at, n);
                            }
                            : (back, n) -> {
                                k.multiply(m.first(), back, at, n);
                                k.gruReset(at, n);
                                k.multiply(second, back, at, n);
                                k.gruUpdate(at, n);
                            };
        };
    }

    private Sweep general(Matrices m, int d) {
        var k = kernels;
        var at = lanes;
        var second = m.second();
        List<Activation> a = cell.activations().get(d);
        var general =
                new GeneralCell(
                        a.getFirst(),
                        a.get(Math.min(1, a.size() - 1)),
                        a.getLast(),
                        cell.clip(),
                        cell.coupled(),
                        program.peepholes ? peepholesAt : -1);
        return switch (cell.type()) {
            case RNN ->
                    (back, n) -> {
                        k.multiply(m.first(), back, at, n);
                        general.rnn(at, n);
                    };
            case LSTM ->
                    (back, n) -> {
                        k.multiply(m.first(), back, at, n);
                        general.lstm(at, n);
                    };
            case GRU ->
                    second == null
                            ? (back, n) -> {
                                k.multiply(m.first(), back, at, n);
                                general.gru(at, n);
                            }
                            : (back, n) -> {
                                k.multiply(m.first(), back, at, n);
                                general.gruReset(at, n);
                                k.multiply(second, back, at, n);
                                general.gruUpdate(at, n);
                            };
        };
    }

    // ---- the run

    @Override
    public void run(int from, int to) {
        boolean perRow = program.isFed() || program.peepholes;
        for (int d = 0; d < sweeps.size(); d++) {
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
        if (w != null && r != null && program.isFed()) {
            GateWeights gates =
                    fed.get(d).of(d, w.segment(row), w.offset(row), r.segment(row), r.offset(row));
            if (b != null) {
                gates.bias(d, b.segment(row), b.offset(row));
            }
            Matrices m = matrices.get(d);
            program.first.pack(m.first().weights(), gates.first);
            if (program.second != null && m.second() != null) {
                program.second.pack(m.second().weights(), gates.second);
            }
        }
        if (peepholes.operand != null) {
            load(peepholes, d, 0, row, row + 1, 0, 1, peepholesAt, 0);
        }
    }

    private void rows(int d, int from, int to) {
        if (lengths == null || isEven(lengths, from, to)) {
            sequence(d, from, to, 0, cell.batch(), cell.steps());
            return;
        }
        for (int row = from; row < to; row++) {
            for (int n = 0; n < cell.batch(); n++) {
                int length = length(lengths, row, n);
                for (int t = length; t < cell.steps(); t++) {
                    clear(y, d, t, row, n);
                }
                if (length > 0) {
                    sequence(d, row, row + 1, n, n + 1, length);
                } else {
                    clear(hn, d, 0, row, n);
                    clear(cn, d, 0, row, n);
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

    /// Direction `d` of the lanes of these rows and batch entries, `length` steps.
    private void sequence(int d, int row, int rowTo, int n, int nTo, int length) {
        int count = (rowTo - row) * (nTo - n);
        Sweep sweep = sweeps.get(d);
        boolean reverse = cell.reverse().get(d);
        start(h0, d, row, rowTo, n, nTo, lanes.h(), lanes.xStride());
        if (cell.type() == Cell.Type.LSTM) {
            start(c0, d, row, rowTo, n, nTo, lanes.c(), lanes.cStride());
        }
        for (int s = 0; s < length; s++) {
            int t = reverse ? length - 1 - s : s;
            load(x, d, t, row, rowTo, n, nTo, lanes.x(), lanes.xStride());
            sweep.run(backwards, count);
            backwards = !backwards;
            store(y, d, t, row, rowTo, n, nTo, lanes.h(), lanes.xStride());
        }
        store(hn, d, 0, row, rowTo, n, nTo, lanes.h(), lanes.xStride());
        store(cn, d, 0, row, rowTo, n, nTo, lanes.c(), lanes.cStride());
    }

    /// The initial state, or zero.
    private void start(Slots s, int d, int row, int rowTo, int n, int nTo, long at, long stride) {
        if (s.operand != null) {
            load(s, d, 0, row, rowTo, n, nTo, at, stride);
            return;
        }
        int count = (rowTo - row) * (nTo - n);
        for (int m = 0; m < count; m++) {
            zero(DType.FLOAT32, scratch, at + m * stride, s.count);
        }
    }

    private void load(
            Slots s, int d, int t, int row, int rowTo, int n, int nTo, long at, long stride) {
        Operand o = s.operand;
        if (o == null) {
            return;
        }
        DType dtype = cell.dtype();
        for (int i = row; i < rowTo; i++) {
            long base = o.offset(i) + (d * s.d + t * s.t) * dtype.byteSize();
            for (int j = n; j < nTo; j++, at += stride) {
                long from = base + j * s.n * dtype.byteSize();
                if (dtype == DType.FLOAT32) {
                    kernels.copy(o.segment(i), from, scratch, at, s.count);
                } else {
                    convert(dtype, o.segment(i), from, DType.FLOAT32, scratch, at, s.count);
                }
            }
        }
    }

    private void store(
            Slots s, int d, int t, int row, int rowTo, int n, int nTo, long at, long stride) {
        Operand o = s.operand;
        if (o == null) {
            return;
        }
        DType dtype = cell.dtype();
        for (int i = row; i < rowTo; i++) {
            long base = o.offset(i) + (d * s.d + t * s.t) * dtype.byteSize();
            for (int j = n; j < nTo; j++, at += stride) {
                long to = base + j * s.n * dtype.byteSize();
                if (dtype == DType.FLOAT32) {
                    kernels.copy(scratch, at, o.segment(i), to, s.count);
                } else {
                    convert(DType.FLOAT32, scratch, at, dtype, o.segment(i), to, s.count);
                }
            }
        }
    }

    private void clear(Slots s, int d, int t, int row, int n) {
        Operand o = s.operand;
        if (o != null) {
            long at = o.offset(row) + (d * s.d + t * s.t + n * s.n) * cell.dtype().byteSize();
            zero(cell.dtype(), o.segment(row), at, s.count);
        }
    }

    private static void zero(DType dtype, MemorySegment s, long at, int count) {
        for (int i = 0; i < count; i++) {
            Elements.setDouble(dtype, s, at + (long) i * dtype.byteSize(), 0);
        }
    }

    private static void convert(
            DType from,
            MemorySegment src,
            long srcAt,
            DType to,
            MemorySegment dst,
            long dstAt,
            int count) {
        for (int i = 0; i < count; i++) {
            double v = Elements.getDouble(from, src, srcAt + (long) i * from.byteSize());
            Elements.setDouble(to, dst, dstAt + (long) i * to.byteSize(), v);
        }
    }
}
