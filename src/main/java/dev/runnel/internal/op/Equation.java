package dev.runnel.internal.op;

import dev.runnel.graph.Shape;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// An Einsum equation fitted to its operands' shapes: every index is a number into [#sizes], those
/// under an ellipsis included; an operand's stride along an index it lacks, or repeats by
/// broadcasting, is 0, and along one that it has twice (a diagonal) the sum of both.
///
/// @param sizes the extent of each index
/// @param out the output's indices, in order
/// @param summed the indices that are not in the output
/// @param strides for each operand its stride along each index, in elements
/// @param axes for each operand the index of each of its axes
record Equation(long[] sizes, int[] out, int[] summed, long[][] strides, int[][] axes) {
    /// Names the axes under an ellipsis: the k-th from the end is `-1 - k`, which sorts before
    /// letters.
    private static final int ELLIPSIS = -1;

    /// Reads the node's attribute `equation`.
    ///
    /// @throws dev.runnel.MalformedModelException if it is no equation or does not fit the operands
    static Equation of(Call call) {
        String text = call.stringAttribute("equation", "").replace(" ", "");
        int arrow = text.indexOf("->");
        String[] terms = (arrow < 0 ? text : text.substring(0, arrow)).split(",", -1);
        if (terms.length != call.inputCount()) {
            throw call.malformed(
                    "equation '"
                            + text
                            + "' has "
                            + terms.length
                            + " terms, expected "
                            + call.inputCount()
                            + " = the number of inputs");
        }
        List<List<Integer>> labels = new ArrayList<>();
        Map<Integer, Long> sizes = new TreeMap<>();
        Map<Integer, Integer> uses = new TreeMap<>();
        int ellipsis = 0;
        for (int i = 0; i < terms.length; i++) {
            int axes = call.shape(i).rank();
            List<Integer> own = labels(call, terms[i], axes - terms[i].replace("...", "").length());
            if (own.size() != axes) {
                throw call.malformed(
                        "input "
                                + i
                                + " has shape "
                                + call.shape(i)
                                + ", expected "
                                + own.size()
                                + " axes = term '"
                                + terms[i]
                                + "' of the equation");
            }
            measure(call, i, own, sizes);
            own.forEach(l -> uses.merge(l, 1, Integer::sum));
            ellipsis = Math.max(ellipsis, (int) own.stream().filter(l -> l < 0).count());
            labels.add(own);
        }
        List<Integer> out;
        if (arrow >= 0) {
            out = labels(call, text.substring(arrow + 2), ellipsis);
        } else {
            out =
                    uses.keySet().stream()
                            .filter(l -> l < 0 || uses.getOrDefault(l, 0) == 1)
                            .toList();
        }
        if (!sizes.keySet().containsAll(out) || out.stream().distinct().count() != out.size()) {
            throw call.malformed(
                    "equation '"
                            + text
                            + "': expected each index of the output once, and in an input");
        }
        return fit(call, labels, sizes, out);
    }

    private static List<Integer> labels(Call call, String term, int ellipsis) {
        List<Integer> labels = new ArrayList<>();
        for (int i = 0; i < term.length(); i++) {
            char c = term.charAt(i);
            if (term.startsWith("...", i) && term.indexOf("...") == i && ellipsis >= 0) {
                for (int k = ellipsis - 1; k >= 0; k--) {
                    labels.add(ELLIPSIS - k);
                }
                i += 2;
            } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
                labels.add((int) c);
            } else {
                throw call.malformed(
                        "equation has term '"
                                + term
                                + "', expected letters and at most one ellipsis");
            }
        }
        return labels;
    }

    private static void measure(Call call, int input, List<Integer> own, Map<Integer, Long> sizes) {
        for (int a = 0; a < own.size(); a++) {
            long d = call.shape(input).dim(a);
            long known = sizes.getOrDefault(own.get(a), 1L);
            if (d != known && d != 1 && known != 1) {
                throw call.malformed(
                        "input "
                                + input
                                + " has shape "
                                + call.shape(input)
                                + ", expected "
                                + known
                                + " along axis "
                                + a
                                + " = the index's extent in other places");
            }
            sizes.put(own.get(a), d == 1 ? known : d);
        }
    }

    private static Equation fit(
            Call call, List<List<Integer>> labels, Map<Integer, Long> sizes, List<Integer> out) {
        List<Integer> order = new ArrayList<>(out);
        sizes.keySet().stream().filter(l -> !out.contains(l)).forEach(order::add);
        long[][] strides = new long[labels.size()][order.size()];
        int[][] axes = new int[labels.size()][];
        for (int i = 0; i < strides.length; i++) {
            Shape s = call.shape(i);
            axes[i] = labels.get(i).stream().mapToInt(order::indexOf).toArray();
            for (int a = 0; a < s.rank(); a++) {
                if (s.dim(a) != 1) {
                    strides[i][axes[i][a]] += s.elements(a + 1, s.rank());
                }
            }
        }
        int count = out.size();
        int[] first = java.util.stream.IntStream.range(0, count).toArray();
        int[] rest = java.util.stream.IntStream.range(count, order.size()).toArray();
        return new Equation(
                order.stream().mapToLong(sizes::get).toArray(), first, rest, strides, axes);
    }

    /// The output's shape.
    long[] outDims() {
        return java.util.Arrays.copyOf(sizes, out.length);
    }

    /// For each combination of `indices`, the last one fastest, the sum of `strides` along them.
    long[] offsets(List<Integer> indices, long[] strides) {
        int count = 1;
        for (int i : indices) {
            count = Math.toIntExact(count * sizes[i]);
        }
        long[] at = new long[count];
        for (int p = 0; p < count; p++) {
            long rest = p;
            for (int k = indices.size() - 1; k >= 0; k--) {
                int i = indices.get(k);
                at[p] += rest % sizes[i] * strides[i];
                rest /= sizes[i];
            }
        }
        return at;
    }
}
