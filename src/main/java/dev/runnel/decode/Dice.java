package dev.runnel.decode;

/// Random numbers of one stream: SplitMix64 (Steele, Lea, Flood 2014), the same on every platform.
final class Dice {
    private long seed;
    private long state;

    void seed(long value) {
        seed = value;
        state = value;
    }

    long seed() {
        return seed;
    }

    /// Uniform in [0, 1).
    double next() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return ((z ^ z >>> 31) >>> 11) * 0x1p-53;
    }
}
