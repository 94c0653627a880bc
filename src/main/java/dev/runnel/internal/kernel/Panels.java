package dev.runnel.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A matrix packed to be streamed: its columns, which are gates × hidden units, cut into panels as
/// wide as the accumulators that a kernel keeps in registers. A panel lies in memory as two
/// strands, its left and its right half, one behind the other; a strand is row after row: the bias,
/// then a row for each input k. A kernel reads both strands at once, each from one end to the
/// other: two streams come out of the caches up to 1.5 times as fast as one.
///
/// The columns of a gate may sum over a part of the inputs only (GRU's candidate takes x and h
/// apart), or go on from what earlier panels left in z; hence `from`, `to` and `continues`.
///
/// @param weights holds the panels; 64-byte aligned
/// @param panels in ascending order of their offsets
public record Panels(MemorySegment weights, Panel[] panels) {
    private static final int EXCERPT = 32;

    /// `z[column + j] ← start + Σₖ x[k] · w[k, j]` for k in \[from, to) ascending, one chain of
    /// fma; `start` is the bias, or what `z[column + j]` holds if the panel continues. One that
    /// continues has no row for the bias.
    ///
    /// @param offset of the left strand's first float in the weights, in bytes; a multiple of 64
    /// @param strandBytes from there to the right strand's
    /// @param column where its first column lies in z; a multiple of 32, as is `width`
    public record Panel(
            long offset,
            long strandBytes,
            int column,
            int width,
            int from,
            int to,
            boolean continues) {

        /// The bytes of half a row: from one row of a strand to the next, and in z from the left
        /// strand's sums to the right's.
        public long rowBytes() {
            return 2L * width;
        }

        /// Where the left strand has the row of its first input.
        public long inputs() {
            return continues ? offset : offset + rowBytes();
        }

        /// Where the left strand ends.
        public long end() {
            return inputs() + rowBytes() * (to - from);
        }

        /// The part that sums over inputs below `k`; it leaves its sums in z for the rest.
        Panel before(int k) {
            return new Panel(offset, strandBytes, column, width, from, Math.min(to, k), continues);
        }

        /// The part that sums over the inputs from `k` on, going on from what the rest left in z.
        Panel from(int k) {
            long at = inputs() + rowBytes() * (k - from);
            return k <= from ? this : new Panel(at, strandBytes, column, width, k, to, true);
        }
    }

    /// The part of the matrix that takes the inputs below `k`.
    public Panels before(int k) {
        return new Panels(
                weights,
                Arrays.stream(panels)
                        .filter(p -> p.from() < k)
                        .map(p -> p.before(k))
                        .toArray(Panel[]::new));
    }

    /// The part of the matrix that takes the inputs from `k` on, to be multiplied after [#before]
    /// has left its sums: the same chains, in two pieces.
    public Panels from(int k) {
        return new Panels(
                weights,
                Arrays.stream(panels)
                        .filter(p -> p.to() > k)
                        .map(p -> p.from(k))
                        .toArray(Panel[]::new));
    }

    /// The first few inputs of each panel: enough to make a kernel known to the JIT compiler.
    public Panels excerpt() {
        return new Panels(
                weights,
                Arrays.stream(panels).map(p -> p.before(p.from() + EXCERPT)).toArray(Panel[]::new));
    }

    /// Where the next group of columns starts in z: the next multiple of 32.
    public static int padded(int columns) {
        return columns + 31 & -32;
    }
}
