package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.DenseKernels;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Constant float32 matrices `[G, K, N]`, packed as the B side of [DenseKernels]: `[group][tile of
/// 128 columns][K][columns]`, so that one row of A sweeps each tile once, in ascending order, with
/// eight vectors of 16 lanes. The last tile is as narrow as its columns, rounded up to 16.
final class Panel {
    private static final int TILE = 128;
    private static final int ROUND = 16;

    private final MemorySegment data;
    private final int n;
    private final int[] taps;
    private final int[] lastTaps;
    private final long tileBytes;
    private final long groupBytes;

    /// Where a panel's elements come from.
    @FunctionalInterface
    interface Source {
        /// Element `[group, k, j]`.
        float at(int group, int k, int j);
    }

    private Panel(MemorySegment data, int k, int n) {
        this.data = data;
        this.n = n;
        taps = taps(k, 4L * TILE);
        lastTaps = taps(k, 4L * lastColumns(n));
        tileBytes = 4L * TILE * k;
        groupBytes = groupBytes(k, n);
    }

    private static int lastColumns(int n) {
        int rest = n % TILE == 0 ? TILE : n % TILE;
        return (rest + ROUND - 1) / ROUND * ROUND;
    }

    private static long groupBytes(int k, int n) {
        return n == 0 ? 0 : 4L * k * ((n - 1) / TILE * TILE + lastColumns(n));
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
    static Panel pack(
            Call call, Tensor weights, String layout, int groups, int k, int n, Source source) {
        String name = "panel " + layout + " " + groups + "x" + k + "x" + n;
        MemorySegment data =
                call.weights()
                        .pack(
                                name,
                                List.of(weights),
                                groups * groupBytes(k, n),
                                s -> fill(s, groups, k, n, source));
        return new Panel(data, k, n);
    }

    private static void fill(MemorySegment s, int groups, int k, int n, Source source) {
        long at = 0;
        for (int g = 0; g < groups; g++) {
            for (int tile = 0; tile < n; tile += TILE) {
                int columns = n - tile > TILE ? TILE : lastColumns(n);
                for (int i = 0; i < k; i++) {
                    for (int j = 0; j < Math.min(columns, n - tile); j++) {
                        s.set(JAVA_FLOAT, at + 4L * j, source.at(g, i, tile + j));
                    }
                    at += 4L * columns;
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
        for (; j + TILE < n; j += TILE) {
            dense.accumulate(
                    m, TILE, a, aOffset, aStep, aTaps, data, at, taps, c, cOffset + 4L * j, cStep);
            at += tileBytes;
        }
        dense.accumulate(
                m, n - j, a, aOffset, aStep, aTaps, data, at, lastTaps, c, cOffset + 4L * j, cStep);
    }

    long byteSize() {
        return data.byteSize();
    }
}
