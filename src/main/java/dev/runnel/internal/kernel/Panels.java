package dev.runnel.internal.kernel;

import dev.runnel.graph.Precision;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A matrix packed to be streamed: its columns, which are gates × hidden units, cut into panels as
/// wide as the accumulators that a kernel keeps in registers. A panel lies in memory as two
/// strands, its left and its right half, one behind the other; a strand is row after row: the bias,
/// then a row for each input k. A kernel reads both strands at once, each from one end to the
/// other: two streams come out of the caches up to 1.5 times as fast as one.
///
/// The columns of a gate may sum over a part of the inputs only (GRU's candidate takes x and h
/// apart), or go on from what earlier panels left in z; hence `from`, `to` and `continues`.
///
/// Weights of fewer bits make no strands: an int holds those of one input and 2 or 4 columns, so
/// that one load feeds as many accumulators, and a row may be the last or the first of a part:
///
/// | precision | a panel of W columns | int l of a row |
/// |---|---|---|
/// | F32 | bias and rows `[W / 2]`, twice | |
/// | BF16 | bias `[W]`; rows of W / 2 ints | column l in its upper half, W / 2 + l in its lower |
/// | INT8 | scales `[W]`, bias `[W]`; rows of W / 4 ints | column q · W / 4 + l in byte q, the lowest first |
///
/// In INT8, a weight is its byte with the two or three bytes before it in memory as a fraction,
/// which the packing allows for: the columns of bytes 3 and 2 have the int and the int · 2⁸ for
/// weights, in units of their scale · 2⁻²⁴, those of bytes 1 and 0 the same of the int that lies
/// two bytes lower. Sums are kept in those units, and scale and bias come last.
///
/// @param panels in ascending order of their columns and inputs
public record Panels(Panel[] panels) {
    private static final int EXCERPT = 32;

    /// `z[column + j] ← start + Σₖ x[k] · w[k, j]` for k in \[from, to) ascending, one chain of
    /// fma; `start` is the bias, or what `z[column + j]` holds if the panel continues. One that
    /// continues has no row for the bias.
    ///
    /// In INT8 it starts at 0 instead, and ends with `z ← bias + scale · z` unless it is open.
    ///
    /// @param weights holds the panel; 64-byte aligned
    /// @param offset of the left strand's first float in the weights, in bytes; a multiple of 64.
    ///   In INT8, whose scales and bias come first, of the first row
    /// @param strandBytes from there to the right strand's; 0 unless F32
    /// @param open whether one that continues follows, over the rest of the same sums
    /// @param column where its first column lies in z; a multiple of 32, as is `width`
    public record Panel(
            MemorySegment weights,
            Precision precision,
            long offset,
            long strandBytes,
            int column,
            int width,
            int from,
            int to,
            boolean continues,
            boolean open) {

        /// The panel with `memory` for its weights.
        Panel in(MemorySegment memory) {
            return new Panel(
                    memory,
                    precision,
                    offset,
                    strandBytes,
                    column,
                    width,
                    from,
                    to,
                    continues,
                    open);
        }

        /// From one row to the next: of a strand in F32, where this is also how far apart in z the
        /// strands' sums are; else of the panel.
        public long rowBytes() {
            return precision == Precision.INT8 ? width : 2L * width;
        }

        /// Where the left strand, or the panel, has the row of its first input.
        public long inputs() {
            return switch (precision) {
                case F32 -> continues ? offset : offset + rowBytes();
                case BF16 -> continues ? offset : offset + 4L * width;
                case INT8 -> offset;
            };
        }

        /// Where the left strand ends.
        public long end() {
            return inputs() + rowBytes() * (to - from);
        }

        /// The part that sums over inputs below `k`; it leaves its sums in z for the rest.
        Panel before(int k) {
            return new Panel(
                    weights,
                    precision,
                    offset,
                    strandBytes,
                    column,
                    width,
                    from,
                    Math.min(to, k),
                    continues,
                    open || k < to);
        }

        /// The part that sums over the inputs from `k` on, going on from what the rest left in z.
        Panel from(int k) {
            long at = inputs() + rowBytes() * (k - from);
            return k <= from
                    ? this
                    : new Panel(
                            weights, precision, at, strandBytes, column, width, k, to, true, open);
        }
    }

    /// The part of the matrix that takes the inputs below `k`.
    public Panels before(int k) {
        List<Panel> before = new ArrayList<>();
        for (Panel p : panels) {
            if (p.from() < k) {
                before.add(p.before(k));
            }
        }
        return new Panels(before.toArray(new Panel[0]));
    }

    /// The part of the matrix that takes the inputs from `k` on, to be multiplied after [#before]
    /// has left its sums: the same chains, in two pieces.
    public Panels from(int k) {
        List<Panel> rest = new ArrayList<>();
        for (Panel p : panels) {
            if (p.to() > k) {
                rest.add(p.from(k));
            }
        }
        return new Panels(rest.toArray(new Panel[0]));
    }

    /// The first few inputs of each panel: enough to make a kernel known to the JIT compiler.
    public Panels excerpt() {
        return new Panels(
                Arrays.stream(panels).map(p -> p.before(p.from() + EXCERPT)).toArray(Panel[]::new));
    }

    /// Where the next group of columns starts in z: the next multiple of 32.
    public static int padded(int columns) {
        return columns + 31 & -32;
    }
}
