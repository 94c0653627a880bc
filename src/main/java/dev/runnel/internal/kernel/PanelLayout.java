package dev.runnel.internal.kernel;

import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.memory.Blocks;
import dev.runnel.internal.memory.Weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// How a matrix is cut into panels, each with memory of its own, and the packing of its weights
/// into them.
public final class PanelLayout {
    /// Where the weights come from.
    @FunctionalInterface
    public interface Source {
        /// Reads of the group's column `column` its bias into `weights[0]`, and behind it what
        /// inputs \[from, to) have for weights: some of the group's, for a long column is asked for
        /// piece by piece. A column at a time, so that a source whose columns lie in one piece
        /// copies them as that: before the JIT compiler has done its work, a call for each weight
        /// would be most of the time that opening a model takes.
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
    /// @param panel in no memory yet
    /// @param byteSize of the memory it needs; a multiple of 64
    /// @param sums the inputs that all panels of the same sums take
    record Cut(Panel panel, long byteSize, int group, int first, int real, Range sums) {}

    /// Inputs in \[from, to).
    public record Range(int from, int to) {}

    private record Filling(PanelLayout layout, Source source)
            implements Consumer<SegmentAllocator> {
        @Override
        public void accept(SegmentAllocator memory) {
            layout.packing().pack(memory, source);
        }
    }

    private final int maxWidth;
    private final Precision precision;
    private final List<Cut> cuts = new ArrayList<>();
    private int groups;

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
            boolean int8 = precision == Precision.INT8;
            int rows = to - from + (continues ? 0 : 1);
            long strand = precision == Precision.F32 ? 2L * width * rows : 0;
            Panel p =
                    new Panel(
                            MemorySegment.NULL,
                            precision,
                            int8 ? 8L * width : 0,
                            strand,
                            column + first,
                            width,
                            from,
                            to,
                            continues,
                            open);
            // Behind int8 there is room to read the last row's vector whole.
            long bytes = p.end() + strand + (int8 ? Blocks.LINE : 0) + 63 & -64;
            cuts.add(new Cut(p, bytes, groups, first, Math.min(width, count - first), sums));
        }
        groups++;
        return this;
    }

    /// Bytes of all the panels.
    public long byteSize() {
        long bytes = 0;
        for (Cut cut : cuts) {
            bytes += cut.byteSize();
        }
        return bytes;
    }

    /// The panels one after the other in `memory`, which is 64-byte aligned.
    public Panels over(MemorySegment memory) {
        Panel[] panels = new Panel[cuts.size()];
        long at = 0;
        for (int i = 0; i < panels.length; at += cuts.get(i).byteSize(), i++) {
            panels[i] = cuts.get(i).panel().in(memory.asSlice(at, cuts.get(i).byteSize()));
        }
        return new Panels(panels);
    }

    /// The panels with what `source` says, which is packed into `weights`, or found packed there.
    /// Of weights that are only counted they are in no memory.
    ///
    /// @param name says, with `sources` alone, what `source` yields
    /// @param sources the tensors that `source` reads
    public Panels pack(Weights weights, String name, List<Tensor> sources, Source source) {
        List<MemorySegment> packed =
                weights.packParts(name, sources, byteSize(), new Filling(this, source));
        Panel[] panels = new Panel[cuts.size()];
        for (int i = 0; i < panels.length; i++) {
            Panel p = cuts.get(i).panel();
            panels[i] = packed.isEmpty() ? p : p.in(packed.get(i));
        }
        return new Panels(panels);
    }

    /// Tells of each weight in `panels`, which are packed, how far it is from what `source` says.
    public void compare(Panels panels, Source source, PackingError.Of to) {
        packing().compare(panels, source, to);
    }

    /// Writes weights to where they belong.
    public PanelPacking packing() {
        return new PanelPacking(List.copyOf(cuts));
    }
}
