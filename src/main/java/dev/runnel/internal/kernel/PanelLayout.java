package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// How a matrix is cut into panels, and the packing of its weights into them.
public final class PanelLayout {
    /// Where the weights come from.
    @FunctionalInterface
    public interface Source {
        /// The weight of input `k`, or the bias for k = −1, of the group's column `column`.
        float at(int group, int column, int k);
    }

    /// A panel with the `real` columns it holds, `first` and on, of its group; the rest is padding.
    private record Cut(Panel panel, int group, int first, int real) {}

    private final int maxWidth;
    private final List<Cut> cuts = new ArrayList<>();
    private int groups;
    private long byteSize;

    /// @param maxWidth of a panel in floats, a multiple of 32: [RecurrentKernels#panelWidth]
    public PanelLayout(int maxWidth) {
        this.maxWidth = maxWidth;
    }

    /// Adds a group of `count` columns at `column` of z, cut into as many panels of the greatest
    /// width as there are, and the rest: a kernel for several lanes takes the widest blocks it has
    /// registers for, and for one lane an even cut gained nothing.
    public PanelLayout group(int column, int count, int from, int to, boolean continues) {
        int units = Panels.padded(count) / 32;
        for (int first = 0; first < 32 * units; first += maxWidth) {
            int width = Math.min(maxWidth, 32 * units - first);
            int rows = to - from + (continues ? 0 : 1);
            long strand = 2L * width * rows;
            Panel p = new Panel(byteSize, strand, column + first, width, from, to, continues);
            cuts.add(new Cut(p, groups, first, Math.min(width, count - first)));
            byteSize += 2 * strand;
        }
        groups++;
        return this;
    }

    /// Bytes of the packed weights.
    public long byteSize() {
        return byteSize;
    }

    /// The panels over weights that were packed, or will be, by [#pack].
    public Panels over(MemorySegment weights) {
        return new Panels(weights, cuts.stream().map(Cut::panel).toArray(Panel[]::new));
    }

    /// Writes every weight to its place. Allocates nothing.
    public void pack(MemorySegment weights, Source source) {
        for (int i = 0; i < cuts.size(); i++) {
            Cut cut = cuts.get(i);
            int half = cut.panel.width() / 2;
            packStrand(weights, cut.panel.offset(), cut, 0, half, source);
            packStrand(
                    weights,
                    cut.panel.offset() + cut.panel.strandBytes(),
                    cut,
                    half,
                    2 * half,
                    source);
        }
    }

    private static void packStrand(
            MemorySegment weights, long at, Cut cut, int left, int right, Source source) {
        Panel p = cut.panel;
        for (int k = p.continues() ? p.from() : p.from() - 1; k < p.to(); k++) {
            for (int j = left; j < right; j++, at += 4) {
                boolean padding = j >= cut.real;
                float w = padding ? 0 : source.at(cut.group, cut.first + j, k < p.from() ? -1 : k);
                weights.set(JAVA_FLOAT, at, w);
            }
        }
    }
}
