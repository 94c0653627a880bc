package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.DenseKernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Constant float32 matrices `[G, K, N]`, packed as the B side of [DenseKernels]: `[group][tile of
/// columns][K][columns]`, so that the kernels sweep each tile in ascending order. Tiles are as wide
/// as the kernels' blocks with vectors of 16 lanes: eight vectors where A mostly has one row, three
/// where it has several. The last one is as narrow as its columns, rounded up to 16.
final class Panel {
    private static final int ROUND = 16;

    /// Rows that are put together on the heap before they are copied.
    private static final int BLOCK = 32;

    /// Columns of a tile that suit one row of A.
    static final int ONE_ROW = 8 * ROUND;

    /// Columns of a tile that suit several rows of A.
    static final int ROWS = 3 * ROUND;

    private final MemorySegment data;
    private final int n;
    private final int tile;
    private final int[] taps;
    private final int[] lastTaps;
    private final long tileBytes;
    private final long groupBytes;
    private final long byteSize;

    /// Where a panel's elements come from.
    @FunctionalInterface
    interface Source {
        /// Element `[group, k, j]`.
        float at(int group, int k, int j);

        /// Reads elements `[group, k, j …]`, `count` of them, to `to[at …]`.
        default void read(int group, int k, int j, int count, float[] to, int at) {
            for (int i = 0; i < count; i++) {
                to[at + i] = at(group, k, j + i);
            }
        }

        /// Reads elements `[group, from … to, j + c]` to `columns[c][at …]` for `count` columns.
        default void readColumns(
                int group, int j, int count, int from, int to, float[][] columns, int at) {
            for (int c = 0; c < count; c++) {
                for (int k = from; k < to; k++) {
                    columns[c][at + k - from] = at(group, k, j + c);
                }
            }
        }
    }

    /// A float32 tensor `[…, K, N]` times `alpha`, whose rows are copied as such.
    record Rows(Tensor tensor, int k, int n, float alpha) implements Source {
        @Override
        public float at(int group, int row, int j) {
            return alpha * tensor.data().get(JAVA_FLOAT_UNALIGNED, offset(group, row, j));
        }

        private long offset(int group, int row, int j) {
            return 4 * (((long) group * k + row) * n + j);
        }

        @Override
        public void read(int group, int row, int j, int count, float[] to, int at) {
            long from = offset(group, row, j);
            MemorySegment.copy(tensor.data(), JAVA_FLOAT_UNALIGNED, from, to, at, count);
            for (int i = at; alpha != 1 && i < at + count; i++) {
                to[i] *= alpha;
            }
        }

        @Override
        public void readColumns(
                int group, int j, int count, int from, int to, float[][] columns, int at) {
            float[] row = new float[count];
            for (int k = from; k < to; k++) {
                read(group, k, j, count, row, 0);
                for (int c = 0; c < count; c++) {
                    columns[c][at + k - from] = row[c];
                }
            }
        }
    }

    private Panel(MemorySegment data, int groups, int k, int n, int tile) {
        this.data = data;
        this.n = n;
        this.tile = tile;
        taps = taps(k, 4L * tile);
        lastTaps = taps(k, 4L * lastColumns(n, tile));
        tileBytes = 4L * tile * k;
        groupBytes = groupBytes(k, n, tile);
        byteSize = groups * groupBytes;
    }

    private static int lastColumns(int n, int tile) {
        int rest = n % tile == 0 ? tile : n % tile;
        return (rest + ROUND - 1) / ROUND * ROUND;
    }

    private static long groupBytes(int k, int n, int tile) {
        return n == 0 ? 0 : 4L * k * ((n - 1) / tile * tile + lastColumns(n, tile));
    }

    /// The offsets of `k` elements that lie `step` bytes apart.
    static int[] taps(int k, long step) {
        int[] taps = new int[k];
        for (int i = 0; i < k; i++) {
            taps[i] = Math.toIntExact(i * step);
        }
        return taps;
    }

    /// Packs `weights`, or finds it packed.
    ///
    /// @param layout says with `weights` alone what `source` yields
    /// @param tile columns of a tile: [#ONE_ROW] or [#ROWS]
    static Panel pack(
            Call call,
            Tensor weights,
            String layout,
            int tile,
            int groups,
            int k,
            int n,
            Source source) {
        String name = "panel " + layout + " " + groups + "x" + k + "x" + n + " by " + tile;
        MemorySegment data =
                call.weights()
                        .pack(
                                name,
                                List.of(weights),
                                groups * groupBytes(k, n, tile),
                                s -> fill(s, groups, k, n, tile, source));
        return new Panel(data, groups, k, n, tile);
    }

    private static void fill(MemorySegment s, int groups, int k, int n, int tile, Source source) {
        float[] rows = new float[BLOCK * tile];
        long at = 0;
        for (int g = 0; g < groups; g++) {
            for (int first = 0; first < n; first += tile) {
                int columns = n - first > tile ? tile : lastColumns(n, tile);
                Arrays.fill(rows, 0); // what no column covers is padding
                for (int i = 0; i < k; i += BLOCK) {
                    int count = Math.min(BLOCK, k - i);
                    for (int r = 0; r < count; r++) {
                        int real = Math.min(columns, n - first);
                        source.read(g, i + r, first, real, rows, r * columns);
                    }
                    MemorySegment.copy(rows, 0, s, JAVA_FLOAT, at, count * columns);
                    at += 4L * count * columns;
                }
            }
        }
    }

    /// Adds the product of `m` rows with the matrix of `group` to C; operands as in
    /// [DenseKernels#accumulate].
    void accumulate(
            DenseKernels dense,
            int group,
            int m,
            MemorySegment a,
            long aOffset,
            long aStep,
            int[] aTaps,
            MemorySegment c,
            long cOffset,
            long cStep) {
        long at = group * groupBytes;
        int j = 0;
        for (; j + tile < n; j += tile) {
            dense.accumulate(
                    m, tile, a, aOffset, aStep, aTaps, data, at, taps, c, cOffset + 4L * j, cStep);
            at += tileBytes;
        }
        dense.accumulate(
                m, n - j, a, aOffset, aStep, aTaps, data, at, lastTaps, c, cOffset + 4L * j, cStep);
    }

    /// Adds, for each of the first `m` groups, the product of one row with the group's matrix to C.
    void accumulateEach(
            DenseKernels dense,
            int m,
            MemorySegment a,
            long aOffset,
            long aStep,
            int[] aTaps,
            MemorySegment c,
            long cOffset,
            long cStep) {
        for (int j = 0; j < n; j += tile) {
            boolean last = j + tile >= n;
            dense.accumulateEach(
                    m,
                    last ? n - j : tile,
                    a,
                    aOffset,
                    aStep,
                    aTaps,
                    data,
                    j / tile * tileBytes,
                    groupBytes,
                    last ? lastTaps : taps,
                    c,
                    cOffset + 4L * j,
                    cStep);
        }
    }

    long byteSize() {
        return byteSize;
    }
}
