package dev.runnel.tools.demo;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/// Sound in memory, for tests.
final class Sound {
    private Sound() {}

    /// Hands samples over in pieces of any size.
    static Samples of(float[] samples, int rate, Random sizes) {
        return new Samples() {
            private int at;

            @Override
            public int rate() {
                return rate;
            }

            @Override
            public int read(float[] to) {
                if (at == samples.length) {
                    return -1;
                }
                int n = Math.min(1 + sizes.nextInt(to.length), samples.length - at);
                System.arraycopy(samples, at, to, 0, n);
                at += n;
                return n;
            }
        };
    }

    static Samples of(float[] samples, int rate) {
        return of(samples, rate, new Random(1));
    }

    static float[] all(Samples source) throws IOException {
        float[] all = {};
        float[] piece = new float[777];
        for (int n = source.read(piece); n >= 0; n = source.read(piece)) {
            int before = all.length;
            all = Arrays.copyOf(all, before + n);
            System.arraycopy(piece, 0, all, before, n);
        }
        return all;
    }

    static float[] sine(double hertz, int rate, double seconds, double amplitude) {
        float[] sine = new float[(int) Math.round(rate * seconds)];
        for (int i = 0; i < sine.length; i++) {
            sine[i] = (float) (amplitude * Math.sin(2 * Math.PI * hertz * i / rate));
        }
        return sine;
    }

    static float[] noise(double deviation, int count, long seed) {
        Random random = new Random(seed);
        float[] noise = new float[count];
        for (int i = 0; i < count; i++) {
            noise[i] = (float) Math.clamp(random.nextGaussian() * deviation, -1, 1);
        }
        return noise;
    }
}
