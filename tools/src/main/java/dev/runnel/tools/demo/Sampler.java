package dev.runnel.tools.demo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.Random;

/// Chooses a token by the model's scores among those allowed: the best one at temperature 0, else a
/// random one with probability softmax(scores / temperature). Equal scores and seeds give equal
/// choices on every platform.
final class Sampler {
    private final double temperature;
    private final Random random;

    Sampler(double temperature, long seed) {
        this.temperature = temperature;
        this.random = new Random(seed);
    }

    /// @param logits scores[V], float32
    /// @param allowed tokens to choose from, at least one
    int choose(MemorySegment logits, BitSet allowed) {
        int best = best(logits, allowed);
        if (temperature == 0) {
            return best;
        }
        double top = score(logits, best);
        double total = 0;
        for (int v = allowed.nextSetBit(0); v >= 0; v = allowed.nextSetBit(v + 1)) {
            total += StrictMath.exp((score(logits, v) - top) / temperature);
        }
        double left = random.nextDouble() * total;
        for (int v = allowed.nextSetBit(0); v >= 0; v = allowed.nextSetBit(v + 1)) {
            left -= StrictMath.exp((score(logits, v) - top) / temperature);
            if (left < 0) {
                return v;
            }
        }
        return best;
    }

    private static int best(MemorySegment logits, BitSet allowed) {
        int best = allowed.nextSetBit(0);
        for (int v = best; v >= 0; v = allowed.nextSetBit(v + 1)) {
            if (score(logits, v) > score(logits, best)) {
                best = v;
            }
        }
        return best;
    }

    private static float score(MemorySegment logits, int token) {
        return logits.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, token);
    }
}
