package dev.runnel.internal.kernel;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.memory.Blocks;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// How a matrix is cut into panels, and the packing of its weights into them.
public final class PanelLayout {
    /// Where the weights come from.
    @FunctionalInterface
    public interface Source {
        /// Reads the group's column `column`: its bias into `weights[0]`, what inputs \[from, to)
        /// have for weights behind it. A column at a time, so that a source whose columns lie in
        /// one piece copies them as that: before the JIT compiler has done its work, a call for
        /// each weight would be most of the time that opening a model takes.
        void read(int group, int column, int from, int to, float[] weights);

        /// Reads `count` columns from `column` on, each as [#read] does: for a source whose rows
        /// lie in one piece.
        default void read(int group, int column, int count, int from, int to, float[][] weights) {
            for (int c = 0; c < count; c++) {
                read(group, column + c, from, to, weights[c]);
            }
        }

        /// A source that computes each weight.
        static Source of(Element element) {
            return (group, column, from, to, weights) -> {
                weights[0] = element.at(group, column, -1);
                for (int k = from; k < to; k++) {
                    weights[1 + k - from] = element.at(group, column, k);
                }
            };
        }
    }

    /// A single weight.
    @FunctionalInterface
    public interface Element {
        /// The weight of input `k`, or the bias for k = −1, of the group's column `column`.
        float at(int group, int column, int k);
    }

    /// A panel with the `real` columns it holds, `first` and on, of its group; the rest is padding.
    ///
    /// @param sums the inputs that all panels of the same sums take
    record Cut(Panel panel, int group, int first, int real, Range sums) {}

    /// Inputs in \[from, to).
    public record Range(int from, int to) {}

    private final int maxWidth;
    private final Precision precision;
    private final List<Cut> cuts = new ArrayList<>();
    private int groups;
    private long byteSize;

    /// Weights of four bytes.
    ///
    /// @param maxWidth of a panel in floats, a multiple of 32: [RecurrentKernels#panelWidth]
    public PanelLayout(int maxWidth) {
        this(maxWidth, Precision.F32);
    }

    /// @param maxWidth of a panel in floats, a multiple of 32: [RecurrentKernels#panelWidth]
    public PanelLayout(int maxWidth, Precision precision) {
        this.maxWidth = maxWidth;
        this.precision = precision;
    }

    /// Adds a group of `count` columns at `column` of z whose sums begin and end here.
    public PanelLayout group(int column, int count, int from, int to) {
        return group(column, count, from, to, false, false, new Range(from, to));
    }

    /// Adds a group of `count` columns at `column` of z, cut into as many panels of the greatest
    /// width as there are, and the rest: a kernel for several lanes takes the widest blocks it has
    /// registers for, and for one lane an even cut gained nothing.
    ///
    /// @param continues whether it goes on from what an open one left in z
    /// @param open whether one follows that goes on from here
    /// @param sums the inputs of the whole sums, from which their scale follows; the source of this
    ///   group has to have them all
    public PanelLayout group(
            int column, int count, int from, int to, boolean continues, boolean open, Range sums) {
        int units = Panels.padded(count) / 32;
        for (int first = 0; first < 32 * units; first += maxWidth) {
            int width = Math.min(maxWidth, 32 * units - first);
            long head = byteSize;
            long offset = precision == Precision.INT8 ? head + 8L * width : head;
            int rows = to - from + (continues ? 0 : 1);
            long strand = precision == Precision.F32 ? 2L * width * rows : 0;
            Panel p =
                    new Panel(
                            precision,
                            head,
                            offset,
                            strand,
                            column + first,
                            width,
                            from,
                            to,
                            continues,
                            open);
            cuts.add(new Cut(p, groups, first, Math.min(width, count - first), sums));
            byteSize = p.end() + strand + 63 & -64;
        }
        groups++;
        return this;
    }

    /// Bytes of the packed weights; behind int8 there is room to read the last row's vector whole.
    public long byteSize() {
        return precision == Precision.INT8 ? byteSize + Blocks.LINE : byteSize;
    }

    /// The panels over weights that were packed, or will be, by [#pack].
    public Panels over(MemorySegment weights) {
        return new Panels(weights, cuts.stream().map(Cut::panel).toArray(Panel[]::new));
    }

    /// Writes every weight to its place.
    public void pack(MemorySegment weights, Source source) {
        packing().pack(weights, source);
    }

    /// Tells of each weight in `weights`, which [#pack] has packed, how far it is from what
    /// `source` says.
    public void compare(MemorySegment weights, Source source, PackingError.Of to) {
        packing().compare(weights, source, to);
    }

    /// For weights that come anew with every run.
    public PanelPacking packing() {
        return new PanelPacking(List.copyOf(cuts));
    }
}
