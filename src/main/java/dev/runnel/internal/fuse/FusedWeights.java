package dev.runnel.internal.fuse;

import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The W, R and B of a cell, its projection, and what its x is made of.
///
/// @param x the tensors that are x when they are put together along the last axis
/// @param projection null if there is none
record FusedWeights(List<String> x, Tensor w, Tensor r, Tensor b, @Nullable Tensor projection) {
    /// What a source of rows contributes: to R if it is the hidden state, else to W.
    private record Block(List<String> source, Matrix weights, boolean hidden) {}

    /// null if the sums are not of x and h alone.
    static @Nullable FusedWeights of(Site site, Cell cell) {
        int h = cell.hiddenSize();
        int p = cell.outputSize();
        List<List<Block>> gates = new ArrayList<>();
        Map<List<String>, Integer> offsets = new LinkedHashMap<>();
        int inputSize = 0;
        for (Cell.Part gate : cell.gates()) {
            List<Block> blocks = new ArrayList<>();
            for (Affine.Term term : gate.sum().terms()) {
                blocks.addAll(blocks(site, term, gate.hidden(), p));
            }
            for (Affine.Term term : gate.recurrent().terms()) {
                blocks.add(new Block(List.of(cell.h()), term.weights(), true));
            }
            for (Block block : blocks) {
                int rows = block.weights.rows();
                if (block.hidden ? rows != p : block.source.contains(cell.h())) {
                    return null;
                }
                if (!block.hidden) {
                    Integer at = offsets.putIfAbsent(block.source, inputSize);
                    inputSize += at == null ? rows : 0;
                }
            }
            gates.add(blocks);
        }
        if (inputSize == 0 || (long) gates.size() * h * Math.max(inputSize, h) > 1 << 28) {
            return null;
        }
        return assemble(cell, gates, offsets, inputSize);
    }

    private static List<Block> blocks(Site site, Affine.Term term, String hidden, int h) {
        Matrix m = term.weights();
        if (term.source().equals(hidden)) {
            return List.of(new Block(List.of(hidden), m, true));
        }
        List<String> parts = parts(site, term.source());
        int rest = m.rows() - h;
        if (parts.size() > 1 && rest > 0 && parts.getLast().equals(hidden)) {
            return List.of(
                    new Block(parts.subList(0, parts.size() - 1), m.rows(0, rest), false),
                    new Block(List.of(hidden), m.rows(rest, m.rows()), true));
        }
        if (parts.size() > 1 && rest > 0 && parts.getFirst().equals(hidden)) {
            return List.of(
                    new Block(List.of(hidden), m.rows(0, h), true),
                    new Block(parts.subList(1, parts.size()), m.rows(h, m.rows()), false));
        }
        return List.of(new Block(List.of(term.source()), m, false));
    }

    /// What a tensor is put together of along the last axis; itself if of nothing.
    static List<String> parts(Site site, String tensor) {
        Node concat = site.net().producer(tensor, "Concat");
        return concat != null && Affines.isLastAxis((long) Affines.number(concat, "axis", 0))
                ? concat.inputs()
                : List.of(tensor);
    }

    private static @Nullable FusedWeights assemble(
            Cell cell, List<List<Block>> gates, Map<List<String>, Integer> offsets, int inputs) {
        int h = cell.hiddenSize();
        int p = cell.outputSize();
        int n = gates.size();
        float[] w = new float[n * h * inputs];
        float[] r = new float[n * h * p];
        float[] b = new float[2 * n * h];
        Map<List<String>, Integer> sizes = new LinkedHashMap<>();
        for (int g = 0; g < n; g++) {
            for (Block block : gates.get(g)) {
                Matrix m = block.weights;
                if (block.hidden) {
                    m.addTransposed(r, g * h, p, 0);
                } else {
                    Integer size = sizes.putIfAbsent(block.source, m.rows());
                    Integer at = offsets.get(block.source);
                    if (at == null || (size != null && size != m.rows())) {
                        return null;
                    }
                    m.addTransposed(w, g * h, inputs, at);
                }
            }
            Cell.Part part = cell.gates().get(g);
            for (int j = 0; j < h; j++) {
                b[g * h + j] = (float) part.sum().bias()[j];
                b[(n + g) * h + j] = (float) part.recurrent().bias()[j];
            }
        }
        List<String> x = new ArrayList<>();
        offsets.keySet().forEach(x::addAll);
        return new FusedWeights(
                x,
                Tensor.ofFloats(Shape.of(1, (long) n * h, inputs), w),
                Tensor.ofFloats(Shape.of(1, (long) n * h, p), r),
                Tensor.ofFloats(Shape.of(1, 2L * n * h), b),
                projection(cell.projection()));
    }

    private static @Nullable Tensor projection(@Nullable Matrix m) {
        if (m == null) {
            return null;
        }
        float[] turned = new float[m.rows() * m.columns()];
        m.addTransposed(turned, 0, m.rows(), 0);
        return Tensor.ofFloats(Shape.of(1, m.columns(), m.rows()), turned);
    }
}
