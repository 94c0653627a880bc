package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.PackingError;
import dev.runnel.internal.kernel.PanelLayout;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.RecurrentKernels;
import dev.runnel.internal.memory.Operand;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A series of matrix products whose constant B is packed in fewer bits: the rows of A are the
/// lanes that [RecurrentKernels#multiply] streams it past, copied in and out, 32 at a time, of
/// whatever rows of the session.
///
/// @param product where A and C lie; `bAt` names the matrix for each product
/// @param matrices with the start of the chains as their bias
/// @param layout of each matrix
/// @param sources what each was packed from
/// @param factor what the node's weights were multiplied with before
record StreamedProduct(
        Product product,
        List<Panels> matrices,
        PanelLayout layout,
        List<PanelLayout.Source> sources,
        Precision precision,
        float factor)
        implements Program {
    private static final int LANES = 32;

    /// Packs `weights`, or finds it packed.
    ///
    /// @param product has no panel and starts each row of C alike
    /// @param layout says with `weights` and `start` alone what `source` yields
    /// @param sources the tensors that `source` reads
    /// @param factor what it multiplies the node's weights with
    static StreamedProduct pack(
            Call call,
            Product product,
            String layout,
            List<Tensor> sources,
            int groups,
            Panel.Source source,
            float factor) {
        int k = product.aTaps().length;
        int width = Kernels.panelWidth();
        Precision precision = call.precision(1);
        PanelLayout panels = new PanelLayout(width, precision).group(0, product.n(), 0, k);
        List<Panels> matrices = new ArrayList<>();
        List<PanelLayout.Source> from = new ArrayList<>();
        for (int g = 0; g < groups; g++) {
            Columns columns = new Columns(source, g, product.start());
            String name =
                    String.join(
                            " ",
                            "streamed",
                            layout,
                            g + ":" + k + "x" + product.n(),
                            precision.name(),
                            Integer.toString(width));
            matrices.add(panels.pack(call.weights(), name, sources, columns));
            from.add(columns);
        }
        return new StreamedProduct(product, matrices, panels, from, precision, factor);
    }

    @Override
    public Map<Integer, PackingError> packingErrors() {
        PackingError error = new PackingError(precision);
        for (int g = 0; g < matrices.size(); g++) {
            layout.compare(
                    matrices.get(g),
                    sources.get(g),
                    (_, _, _, difference) -> error.add(difference == 0 ? 0 : difference / factor));
        }
        return Map.of(1, error);
    }

    /// A group's columns, with where its chains start as their bias.
    private record Columns(Panel.Source source, int of, MemorySegment start)
            implements PanelLayout.Source {
        @Override
        public void read(int group, int column, int from, int to, float[] weights) {
            read(group, column, 1, from, to, new float[][] {weights});
        }

        @Override
        public void read(int group, int column, int count, int from, int to, float[][] weights) {
            for (int c = 0; c < count; c++) {
                weights[c][0] = start.get(JAVA_FLOAT_UNALIGNED, 4L * (column + c));
            }
            source.readColumns(of, column, count, from, to, weights, 1);
        }
    }

    private int columns() {
        return Panels.padded(product.n());
    }

    private int lanes(int rows) {
        return (int) Math.min(LANES, (long) rows * product.m());
    }

    @Override
    public long scratchBytes(int rows) {
        return Lanes.byteSizeOfInputs(lanes(rows), product.aTaps().length, columns());
    }

    @Override
    public Step bind(Bench bench) {
        return new Bound(bench);
    }

    /// The step of one session.
    private final class Bound implements Step {
        private final Operand left;
        private final Operand out;
        private final MemorySegment scratch;
        private final RecurrentKernels kernels;
        private final Lanes lanes;
        private final int most;
        private final int k = product.aTaps().length;

        /// Whether a row of A is floats side by side.
        private final boolean dense;

        private boolean backwards;

        Bound(Bench bench) {
            left = bench.in(product.a());
            out = bench.out(0);
            scratch = bench.scratch();
            kernels = bench.kernels().recurrent();
            most = lanes(bench.rows());
            lanes = Lanes.ofInputs(scratch, 0, most, k, columns());
            dense = k < 2 || product.aTaps()[1] == 4;
        }

        @Override
        public void run(int from, int to) {
            int all = (to - from) * product.m();
            for (int p = 0; p < product.aAt().length; p++) {
                for (int first = 0; first < all; first += most) {
                    int count = Math.min(most, all - first);
                    for (int i = 0; i < count; i++) {
                        load(p, from + (first + i) / product.m(), (first + i) % product.m(), i);
                    }
                    Panels b = matrices.get((int) product.bAt()[p]);
                    kernels.multiply(b, backwards, lanes, count);
                    for (int i = 0; i < count; i++) {
                        store(p, from + (first + i) / product.m(), (first + i) % product.m(), i);
                    }
                }
            }
            backwards = !backwards;
        }

        private void load(int p, int r, int i, int lane) {
            MemorySegment a = left.segment(r);
            long at = left.offset(r) + product.aAt()[p] + i * product.aStep();
            long x = lanes.x() + lane * lanes.xStride();
            if (dense) {
                kernels.copy(a, at, scratch, x, k);
                return;
            }
            int[] taps = product.aTaps();
            for (int j = 0; j < k; j++) {
                float v = a.get(JAVA_FLOAT_UNALIGNED, at + taps[j]);
                scratch.set(JAVA_FLOAT_UNALIGNED, x + 4L * j, v);
            }
        }

        private void store(int p, int r, int i, int lane) {
            long at = out.offset(r) + product.cAt()[p] + i * product.cStep();
            long z = lanes.z() + lane * lanes.zStride();
            kernels.copy(scratch, z, out.segment(r), at, product.n());
        }
    }

    @Override
    public boolean reads(int i) {
        return i == product.a();
    }

    @Override
    public String description() {
        return "packed " + matrices.size() * layout.byteSize() + " bytes " + precision;
    }
}
