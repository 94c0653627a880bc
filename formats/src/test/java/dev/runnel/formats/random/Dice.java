package dev.runnel.formats.random;

import java.util.SplittableRandom;

/// Draws everything about a random model from one seed.
final class Dice {
    private static final int[] EDGES = {
        1, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129
    };

    private final SplittableRandom random;

    Dice(long seed) {
        // The seeds of neighbouring cases differ in few bits; without this so do their first draws.
        random = new SplittableRandom(new SplittableRandom(seed).nextLong());
    }

    /// From `low` to `high`, both included.
    int in(int low, int high) {
        return random.nextInt(low, high + 1);
    }

    boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    double uniform(double low, double high) {
        return random.nextDouble(low, high);
    }

    @SafeVarargs
    final <E> E of(E... choices) {
        return choices[random.nextInt(choices.length)];
    }

    /// A size from 1 to 129: mostly small and odd, often at the edge of a vector or of a tile.
    int size() {
        return chance(0.5)
                ? EDGES[random.nextInt(EDGES.length)]
                : 2 * in(0, chance(0.9) ? 12 : 64) + 1;
    }

    float[] floats(long count, double low, double high) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) uniform(low, high);
        }
        return values;
    }

    long[] longs(long count, int low, int high) {
        long[] values = new long[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = in(low, high);
        }
        return values;
    }

    int[] permutation(int size) {
        int[] p = new int[size];
        for (int i = 0; i < size; i++) {
            int j = in(0, i);
            p[i] = p[j];
            p[j] = i;
        }
        return p;
    }
}
