package dev.runnel.formats.layers;

import dev.runnel.graph.Shape;

import org.jspecify.annotations.Nullable;

/// The weights of a recurrent layer in one direction, in the order of ONNX, whatever order their
/// framework has: gates i, o, f, c (LSTM) and z, r, h (GRU), a row for each unit of each gate.
///
/// | framework | W | gates of LSTM | of GRU | biases |
/// |---|---|---|---|---|
/// | ONNX | \[G·H, I\] | i o f c | z r h | of W, then of R |
/// | PyTorch | \[G·H, I\] | i f g o | r z n | two |
/// | Keras | \[I, G·H\] | i f c o | z r h | one; `(2, 3·H)` for GRU with `reset_after` |
/// | Keras' CuDNN layers | see [#keras] | i f c o | z r h | two in one: 8·H or 6·H |
public final class CellWeights {
    /// The kinds of cells.
    public enum Kind {
        RNN(1, new int[] {0}, new int[] {0}),
        GRU(3, new int[] {1, 0, 2}, new int[] {0, 1, 2}),
        LSTM(4, new int[] {0, 3, 1, 2}, new int[] {0, 3, 1, 2});

        /// G.
        public final int gates;

        /// Which gate of the framework's each of ONNX's is.
        private final int[] pytorch;

        private final int[] keras;

        Kind(int gates, int[] pytorch, int[] keras) {
            this.gates = gates;
            this.pytorch = pytorch;
            this.keras = keras;
        }
    }

    private final Kind kind;
    private final Matrix w;
    private final Matrix r;
    private final @Nullable Matrix ofW;
    private final @Nullable Matrix ofR;
    private final @Nullable Matrix projection;
    private final boolean linearBeforeReset;

    private CellWeights(
            Kind kind,
            Matrix w,
            Matrix r,
            @Nullable Matrix ofW,
            @Nullable Matrix ofR,
            @Nullable Matrix projection,
            boolean linearBeforeReset) {
        this.kind = kind;
        this.w = w;
        this.r = r;
        this.ofW = ofW;
        this.ofR = ofR;
        this.projection = projection;
        this.linearBeforeReset = linearBeforeReset;
    }

    /// Weights as `torch.nn.RNN`, `GRU`, `LSTM` and their cells have them.
    ///
    /// @param ih \[G·H, I\]
    /// @param hh \[G·H, H\], or \[4·H, P\] with a projection
    /// @param biasIh \[G·H\] or null
    /// @param biasHh \[G·H\] or null
    /// @param hr \[P, H\], LSTM's projection, or null
    /// @throws dev.runnel.MalformedModelException if they do not fit together; the message names
    ///   the tensor
    public static CellWeights pytorch(
            Kind kind,
            Weight ih,
            Weight hh,
            @Nullable Weight biasIh,
            @Nullable Weight biasHh,
            @Nullable Weight hr) {
        String g = times(kind);
        int rows = blocks(kind, hh.require("[" + g + "H, H]", -1, -1), 0);
        int h = rows / kind.gates;
        if (hr == null) {
            hh.require("[" + g + "H, H]", rows, h);
        } else if (kind != Kind.LSTM) {
            throw hr.malformed("is a projection, which only LSTM has; this is " + kind);
        } else {
            hr.require("[P, H]", hh.size(1), h);
        }
        ih.require("[" + g + "H, I] with H = " + h, rows, -1);
        return new CellWeights(
                kind,
                Matrix.of(ih).blocks(kind.pytorch),
                Matrix.of(hh).blocks(kind.pytorch),
                vector(biasIh, rows, kind.pytorch),
                vector(biasHh, rows, kind.pytorch),
                hr == null ? null : Matrix.of(hr),
                kind == Kind.GRU);
    }

    /// Weights in the order of ONNX, of one direction.
    ///
    /// @param w \[G·H, I\]
    /// @param r \[G·H, H\]
    /// @param b \[2·G·H\] or null
    /// @param linearBeforeReset of GRU
    /// @throws dev.runnel.MalformedModelException as [#pytorch]
    public static CellWeights onnx(
            Kind kind, Weight w, Weight r, @Nullable Weight b, boolean linearBeforeReset) {
        String g = times(kind);
        int rows = blocks(kind, r.require("[" + g + "H, H]", -1, -1), 0);
        r.require("[" + g + "H, H]", rows, rows / kind.gates);
        w.require("[" + g + "H, I] with H = " + rows / kind.gates, rows, -1);
        Matrix both = b == null ? null : Matrix.of(b.require("[2·" + g + "H]", 2L * rows));
        return new CellWeights(
                kind,
                Matrix.of(w),
                Matrix.of(r),
                both == null ? null : both.rows(0, rows),
                both == null ? null : both.rows(rows, rows),
                null,
                linearBeforeReset && kind == Kind.GRU);
    }

    /// Weights as Keras' `SimpleRNN`, `GRU` and `LSTM` have them, or its `CuDNNGRU` and
    /// `CuDNNLSTM`, which have a bias twice as long and, in each gate's own part of the matrices, W
    /// stored by units as if it were stored by inputs, and R transposed. GRU resets after the
    /// product (`reset_after`) if it has two biases.
    ///
    /// @param kernel \[I, G·H\]
    /// @param recurrent \[H, G·H\]
    /// @param bias \[G·H\], \[2, 3·H\] for GRU, \[2·G·H\] for CuDNN; null for none
    /// @throws dev.runnel.MalformedModelException as [#pytorch]
    public static CellWeights keras(
            Kind kind, Weight kernel, Weight recurrent, @Nullable Weight bias) {
        return keras(kind, kernel, recurrent, bias, null);
    }

    /// The same, for whoever knows what a GRU without bias does not show.
    ///
    /// @param resetAfter GRU's `reset_after`; null to go by the shape of the bias
    /// @throws dev.runnel.MalformedModelException as [#pytorch], and if the bias contradicts
    ///   `resetAfter`
    public static CellWeights keras(
            Kind kind,
            Weight kernel,
            Weight recurrent,
            @Nullable Weight bias,
            @Nullable Boolean resetAfter) {
        String g = times(kind);
        int rows = blocks(kind, recurrent.require("[H, " + g + "H]", -1, -1), 1);
        int h = rows / kind.gates;
        recurrent.require("[H, " + g + "H]", h, rows);
        kernel.require("[I, " + g + "H] with H = " + h, -1, rows);
        boolean cudnn = bias != null && kind != Kind.RNN && isVector(bias, 2L * rows);
        boolean two = cudnn || bias != null && bias.rank() == 2;
        if (bias != null && !cudnn) {
            if (two && kind == Kind.GRU) {
                bias.require("[2, 3·H] with H = " + h, 2, rows);
            } else {
                bias.require("[" + g + "H] with H = " + h, rows);
            }
        }
        if (bias != null && kind == Kind.GRU && resetAfter != null && two != resetAfter) {
            throw bias.malformed(
                    "does not fit reset_after = "
                            + resetAfter
                            + ", expected "
                            + (resetAfter ? "[2, 3·H]" : "[3·H]"));
        }
        Matrix all = bias == null ? null : Matrix.of(bias, 2 * rows, 1, (i, c) -> i);
        return new CellWeights(
                kind,
                (cudnn ? byUnits(kernel, h) : Matrix.of(kernel).transposed()).blocks(kind.keras),
                (cudnn ? byGates(recurrent, h) : Matrix.of(recurrent).transposed())
                        .blocks(kind.keras),
                all == null ? null : all.rows(0, rows).blocks(kind.keras),
                all == null || !two ? null : all.rows(rows, rows).blocks(kind.keras),
                null,
                kind == Kind.GRU && (bias == null ? resetAfter == null || resetAfter : two));
    }

    /// CuDNN's W: the elements of a gate's part, row by row, are unit 0's weights, then unit 1's.
    private static Matrix byUnits(Weight kernel, int h) {
        int inputs = kernel.size(0);
        int rows = kernel.size(1);
        return Matrix.of(
                kernel,
                rows,
                inputs,
                (r, i) -> {
                    long n = (long) (r % h) * inputs + i;
                    return n / h * rows + r / h * h + n % h;
                });
    }

    /// CuDNN's R: in a gate's part a row is a unit.
    private static Matrix byGates(Weight recurrent, int h) {
        int rows = recurrent.size(1);
        return Matrix.of(recurrent, rows, h, (r, c) -> (long) (r % h) * rows + r / h * h + c);
    }

    private static boolean isVector(Weight w, long n) {
        return w.shape().equals(Shape.of(n));
    }

    private static String times(Kind kind) {
        return kind.gates == 1 ? "" : kind.gates + "·";
    }

    private static int blocks(Kind kind, Weight w, int axis) {
        if (w.size(axis) % kind.gates != 0 || w.size(axis) == 0) {
            throw w.malformed(
                    "is not of a "
                            + kind
                            + ": axis "
                            + axis
                            + " is no multiple of its "
                            + kind.gates
                            + " gates");
        }
        return w.size(axis);
    }

    private static @Nullable Matrix vector(@Nullable Weight bias, int rows, int[] order) {
        return bias == null ? null : Matrix.of(bias.require("[G·H]", rows)).blocks(order);
    }

    public Kind kind() {
        return kind;
    }

    /// I.
    public int inputSize() {
        return w.columns();
    }

    /// H: units, and the size of c.
    public int hiddenSize() {
        return w.rows() / kind.gates;
    }

    /// P with a projection, else H: the size of h.
    public int outputSize() {
        return r.columns();
    }

    /// Whether h is projected.
    public boolean isProjected() {
        return projection != null;
    }

    /// Whether GRU's reset gate comes behind the product, as ONNX's `linear_before_reset`.
    public boolean linearBeforeReset() {
        return linearBeforeReset;
    }

    /// Whether there is a bias at all.
    public boolean isBiased() {
        return ofW != null || ofR != null;
    }

    Matrix w() {
        return w;
    }

    Matrix r() {
        return r;
    }

    /// The bias of W; zeros if there is none.
    Matrix biasOfW() {
        return ofW == null ? Matrix.zeros(w.rows(), 1) : ofW;
    }

    /// The bias of R; zeros if there is none.
    Matrix biasOfR() {
        return ofR == null ? Matrix.zeros(w.rows(), 1) : ofR;
    }

    @Nullable Matrix projection() {
        return projection;
    }
}
