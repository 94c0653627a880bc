package dev.runnel.internal.op.recurrent;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.PackingError;
import dev.runnel.internal.kernel.PanelLayout;
import dev.runnel.internal.kernel.PanelLayout.Range;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.memory.Elements;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;

/// W, R and B of one direction as the columns of panels: the one place where the standard's order
/// of gates becomes ours, and where the gates that σ follows are halved.
///
/// | cell | first matrix: columns (inputs) | second matrix |
/// |---|---|---|
/// | RNN | h (x, h) | |
/// | LSTM | i, f, o, g (x, h) | |
/// | GRU, linear before reset | z, r (x, h); n (x); n (h) | |
/// | GRU | z, r (x, h); n (x) | n (r ⊙ h), which goes on where the first left off |
/// | LSTM with projection | as LSTM | h (m), over the sums of the first |
final class GateWeights {
    /// Where ours lies in the standard's order.
    private static final int[] RNN = {0};

    private static final int[] GRU = {0, 1, 2};
    private static final int[] LSTM = {0, 2, 1, 3};

    /// What the first and the second matrix hold of the weights last turned to.
    final PanelLayout.Source first = new Matrix(false);

    final PanelLayout.Source second = new Matrix(true);

    private final Cell cell;
    private final boolean halved;
    private final int[] order;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment r = MemorySegment.NULL;
    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment p = MemorySegment.NULL;
    private long wOffset;
    private long rOffset;
    private long bOffset;
    private long pOffset;
    private boolean biased;

    /// @param halved whether the kernels' own passes will follow
    GateWeights(Cell cell, boolean halved) {
        this.cell = cell;
        this.halved = halved;
        this.order =
                switch (cell.type()) {
                    case RNN -> RNN;
                    case GRU -> GRU;
                    case LSTM -> LSTM;
                };
    }

    /// Whether a second product follows that takes r ⊙ h, or projects.
    static boolean hasSecond(Cell cell) {
        return cell.projected() || cell.type() == Cell.Type.GRU && !cell.linearBeforeReset();
    }

    /// I + H or I + P, and H more for what the second product takes.
    static int inputs(Cell cell) {
        int first = cell.inputSize() + cell.outputSize();
        return first + (hasSecond(cell) ? cell.hiddenSize() : 0);
    }

    /// The columns of z.
    static int columns(Cell cell) {
        int h = cell.hiddenSize();
        return switch (cell.type()) {
            case RNN -> Panels.padded(h);
            case LSTM -> Panels.padded(4 * h);
            case GRU ->
                    Panels.padded(2 * h) + Panels.padded(h) * (cell.linearBeforeReset() ? 2 : 1);
        };
    }

    static PanelLayout first(Cell cell, int maxWidth, Precision precision) {
        int i = cell.inputSize();
        int h = cell.hiddenSize();
        PanelLayout layout = new PanelLayout(maxWidth, precision);
        if (cell.type() != Cell.Type.GRU) {
            return layout.group(0, cell.type().gates * h, 0, i + cell.outputSize());
        }
        int n = Panels.padded(2 * h);
        layout.group(0, 2 * h, 0, i + h);
        return cell.linearBeforeReset()
                ? layout.group(n, h, 0, i).group(n + Panels.padded(h), h, i, i + h)
                : layout.group(n, h, 0, i, false, true, new Range(0, i + h));
    }

    static PanelLayout second(Cell cell, int maxWidth, Precision precision) {
        int h = cell.hiddenSize();
        int from = cell.inputSize() + cell.outputSize();
        if (cell.projected()) {
            return new PanelLayout(maxWidth, precision).group(0, cell.outputSize(), from, from + h);
        }
        return new PanelLayout(maxWidth, precision)
                .group(
                        Panels.padded(2 * h),
                        h,
                        from,
                        from + h,
                        true,
                        false,
                        new Range(h, from + h));
    }

    /// Turns to direction `d` of W and R that start at these offsets.
    GateWeights of(int d, MemorySegment w, long wOffset, MemorySegment r, long rOffset) {
        long rows = (long) d * cell.type().gates * cell.hiddenSize() * cell.dtype().byteSize();
        this.w = w;
        this.wOffset = wOffset + rows * cell.inputSize();
        this.r = r;
        this.rOffset = rOffset + rows * cell.outputSize();
        this.biased = false;
        return this;
    }

    /// Turns to direction `d` of B that starts at this offset.
    GateWeights bias(int d, MemorySegment b, long bOffset) {
        this.b = b;
        this.bOffset =
                bOffset + 2L * d * cell.type().gates * cell.hiddenSize() * cell.dtype().byteSize();
        this.biased = true;
        return this;
    }

    /// Turns to direction `d` of the projection that starts at this offset.
    GateWeights projection(int d, MemorySegment p, long pOffset) {
        long elements = (long) d * cell.outputSize() * cell.hiddenSize();
        this.p = p;
        this.pOffset = pOffset + elements * cell.dtype().byteSize();
        return this;
    }

    private final class Matrix implements PanelLayout.Source {
        private final boolean isSecond;

        Matrix(boolean isSecond) {
            this.isSecond = isSecond;
        }

        @Override
        public void read(int group, int column, int from, int to, float[] weights) {
            if (isSecond) {
                second(group, column, from, to, weights);
            } else {
                first(group, column, from, to, weights);
            }
        }
    }

    private void first(int group, int column, int from, int to, float[] weights) {
        int h = cell.hiddenSize();
        if (group > 0) {
            boolean split = cell.linearBeforeReset();
            weights[0] = bias(2, column, !split || group == 1, !split || group == 2);
            inputs(2, column, from, to, weights);
            return;
        }
        int gate = column / h;
        weights[0] = bias(order[gate], column % h, true, true);
        inputs(order[gate], column % h, from, to, weights);
        if (isHalved(group, column)) {
            for (int k = 0; k <= to - from; k++) {
                weights[k] *= 0.5f;
            }
        }
    }

    /// Whether weights of the first matrix are half of W's and R's.
    private boolean isHalved(int group, int column) {
        boolean sigmoid =
                cell.type() == Cell.Type.LSTM
                        ? column / cell.hiddenSize() < 3
                        : cell.type() == Cell.Type.GRU;
        return halved && group == 0 && sigmoid;
    }

    /// Adds how far the packed first matrix is from W and R, by their inputs.
    void compareFirst(PanelLayout layout, Panels packed, Map<Integer, PackingError> to) {
        layout.compare(
                packed,
                first,
                (group, column, k, difference) ->
                        error(to, k < cell.inputSize() ? Cell.W : Cell.R)
                                .add(isHalved(group, column) ? 2 * difference : difference));
    }

    /// Adds how far the packed second matrix is from R, or the projection.
    void compareSecond(PanelLayout layout, Panels packed, Map<Integer, PackingError> to) {
        PackingError error = error(to, cell.projected() ? Cell.PROJECTION : Cell.R);
        layout.compare(packed, second, (_, _, _, difference) -> error.add(difference));
    }

    private static PackingError error(Map<Integer, PackingError> of, int input) {
        return Objects.requireNonNull(of.get(input));
    }

    /// Of GRU, its inputs are counted H later, as r ⊙ h lies H behind h.
    private void second(int group, int column, int from, int to, float[] weights) {
        if (cell.projected()) {
            weights[0] = 0;
            int first = from - cell.inputSize() - cell.outputSize(); // of m, which is behind h
            copy(p, pOffset, (long) column * cell.hiddenSize() + first, to - from, weights, 1);
            return;
        }
        weights[0] = bias(2, column, true, true);
        inputs(2, column, from - cell.hiddenSize(), to - cell.hiddenSize(), weights);
    }

    /// The weights of a gate's unit from `weights[1]` on: W's row, then R's.
    private void inputs(int gate, int unit, int from, int to, float[] weights) {
        long row = (long) gate * cell.hiddenSize() + unit;
        int i = cell.inputSize();
        if (from < i) {
            copy(w, wOffset, row * i + from, Math.min(to, i) - from, weights, 1);
        }
        if (to > i) {
            int first = Math.max(from, i);
            long index = row * cell.outputSize() + first - i;
            copy(r, rOffset, index, to - first, weights, 1 + first - from);
        }
    }

    /// The bias of a gate's unit: that of W, of R, or their sum.
    private float bias(int gate, int unit, boolean ofW, boolean ofR) {
        long row = (long) gate * cell.hiddenSize() + unit;
        float sum = 0;
        if (biased && ofW) {
            sum += get(b, bOffset, row);
        }
        if (biased && ofR) {
            sum += get(b, bOffset, (long) cell.type().gates * cell.hiddenSize() + row);
        }
        return sum;
    }

    private void copy(MemorySegment s, long offset, long index, int count, float[] to, int at) {
        if (cell.dtype() == DType.FLOAT32) {
            MemorySegment.copy(s, JAVA_FLOAT_UNALIGNED, offset + 4 * index, to, at, count);
            return;
        }
        for (int k = 0; k < count; k++) {
            to[at + k] = get(s, offset, index + k);
        }
    }

    private float get(MemorySegment s, long offset, long index) {
        return cell.dtype() == DType.FLOAT32
                ? s.get(JAVA_FLOAT_UNALIGNED, offset + 4 * index)
                : (float)
                        Elements.getDouble(
                                cell.dtype(), s, offset + index * cell.dtype().byteSize());
    }
}
