package dev.runnel.tools.demo;

import java.io.IOException;
import java.util.Arrays;

/// Sound at another rate, as it comes: a sinc in a Kaiser window, evaluated where each new sample
/// lies, from a table with linear interpolation (J. O. Smith, Digital Audio Resampling, 2002).
/// Going down, the sinc is wider by the ratio, so that what the new rate cannot say is cut off.
final class Resampler implements Samples {
    /// Zero crossings to each side, of the lower of the two rates; 8 ms at 8 kHz.
    private static final int CROSSINGS = 64;

    /// Table entries from one to the next: the error of interpolating is (π/512)²/8, -106 dB.
    private static final int FINENESS = 512;

    /// What is let through, as a share of the lower rate's: with this window the slope from all to
    /// nothing (-90 dB) is 4.5 % of the rate wide, and ends where the band does.
    private static final double PASS = 0.955;

    private static final double BETA = 9;
    private static final float[] TABLE = table();
    private static final int PIECE = 1024;

    private final Samples source;
    private final int rate;

    /// Table entries from one sample of the source to the next.
    private final double stride;

    private final float gain;

    /// Samples of the source to each side that a new one is made of.
    private final int reach;

    private final float[] piece = new float[PIECE];

    // Samples of the source that are still needed: held[0] is number `first` of them all; before
    // number 0 there is silence.
    private float[] held;
    private int count;
    private long first;

    /// Number of the next new sample, and of those there will be, known at the end.
    private long next;

    private long total = Long.MAX_VALUE;

    private Resampler(Samples source, int rate) {
        this.source = source;
        this.rate = rate;
        double share = PASS * Math.min(1, (double) rate / source.rate());
        this.stride = FINENESS * share;
        this.gain = (float) share;
        this.reach = (int) Math.floor(CROSSINGS / share);
        this.held = new float[2 * reach + PIECE];
        this.first = -reach;
        this.count = reach;
    }

    /// The same sound at `rate`; the same object if that is its rate.
    static Samples of(Samples source, int rate) {
        return source.rate() == rate ? source : new Resampler(source, rate);
    }

    @Override
    public int rate() {
        return rate;
    }

    @Override
    public int read(float[] to) throws IOException {
        int made = 0;
        while (made == 0) {
            while (made < to.length && next < total && lastNeeded() < first + count) {
                to[made++] = sample();
                next++;
            }
            if (made == 0 && next >= total) {
                return -1;
            }
            if (made == 0) {
                fill();
            }
        }
        return made;
    }

    private long lastNeeded() {
        return next * source.rate() / rate + reach + 1;
    }

    /// The next new sample. It lies between samples `before` and `before` + 1 of the source.
    private float sample() {
        long at = next * source.rate();
        long before = at / rate;
        double fraction = (double) (at % rate) / rate;
        int middle = (int) (before - first);
        double sum = 0;
        for (int i = reach; i >= 0; i--) {
            sum += held[middle - i] * weight(fraction + i);
        }
        for (int i = 1; i <= reach + 1; i++) {
            sum += held[middle + i] * weight(i - fraction);
        }
        return (float) (sum * gain);
    }

    /// @param distance in samples of the source
    private float weight(double distance) {
        double at = distance * stride;
        int entry = (int) at;
        return entry >= TABLE.length - 1
                ? 0
                : TABLE[entry] + (float) (at - entry) * (TABLE[entry + 1] - TABLE[entry]);
    }

    /// Waits for more of the source; at its end comes silence.
    private void fill() throws IOException {
        int drop = (int) Math.min(count, next * source.rate() / rate - reach - first);
        if (drop > 0) {
            System.arraycopy(held, drop, held, 0, count - drop);
            count -= drop;
            first += drop;
        }
        int came = total < Long.MAX_VALUE ? piece.length : source.read(piece);
        if (came < 0) {
            total = Math.ceilDiv((first + count) * rate, source.rate());
            Arrays.fill(piece, 0);
            came = piece.length;
        }
        if (count + came > held.length) {
            held = Arrays.copyOf(held, count + came);
        }
        System.arraycopy(piece, 0, held, count, came);
        count += came;
    }

    private static float[] table() {
        float[] table = new float[CROSSINGS * FINENESS + 1];
        for (int i = 0; i < table.length; i++) {
            double x = (double) i / FINENESS;
            double sinc = i == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
            double edge = x / CROSSINGS;
            table[i] = (float) (sinc * bessel(BETA * Math.sqrt(1 - edge * edge)) / bessel(BETA));
        }
        return table;
    }

    /// I₀, the modified Bessel function, by its series.
    private static double bessel(double x) {
        double term = 1;
        double sum = 1;
        for (int k = 1; term > sum * 1e-16; k++) {
            term *= x / (2 * k) * (x / (2 * k));
            sum += term;
        }
        return sum;
    }
}
