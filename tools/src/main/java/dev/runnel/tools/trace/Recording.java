package dev.runnel.tools.trace;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/// The steps of one layer.
final class Recording {
    private final LstmLayer layer;
    private final List<Gates> steps = new ArrayList<>();

    /// C before the first step; later streams of the part begin with zeros.
    private float[] start = {};

    Recording(LstmLayer layer) {
        this.layer = layer;
    }

    LstmLayer layer() {
        return layer;
    }

    void begin(float[] cell) {
        if (steps.isEmpty()) {
            start = cell;
        }
    }

    void add(Gates gates) {
        steps.add(gates);
    }

    int size() {
        return steps.size();
    }

    /// The units, the most active first: h changes most from step to step.
    int[] order() {
        double[] changes = new double[layer.units()];
        for (int t = 1; t < steps.size(); t++) {
            for (int u = 0; u < changes.length; u++) {
                changes[u] += Math.abs(steps.get(t).hidden()[u] - steps.get(t - 1).hidden()[u]);
            }
        }
        return IntStream.range(0, changes.length)
                .boxed()
                .sorted(Comparator.comparingDouble(u -> -changes[u]))
                .mapToInt(u -> u)
                .toArray();
    }

    /// The greatest |C|; 1 at least.
    double greatestCell() {
        double most = 1;
        for (float c : start) {
            most = Math.max(most, Math.abs(c));
        }
        for (Gates gates : steps) {
            for (double c : gates.cell()) {
                most = Math.max(most, Math.abs(c));
            }
        }
        return most;
    }

    /// A byte a value, or two, the lower first; step after step, units in `order`: `value · scale`
    /// rounded.
    byte[] bytes(Function<Gates, double[]> values, double scale, int size, int[] order) {
        ByteBuffer bytes = ByteBuffer.allocate(steps.size() * order.length * size);
        for (Gates gates : steps) {
            double[] v = values.apply(gates);
            for (int u : order) {
                put(bytes, v[u] * scale, size);
            }
        }
        return bytes.array();
    }

    private static void put(ByteBuffer bytes, double value, int size) {
        long whole = Math.round(value);
        for (int n = 0; n < size; n++) {
            bytes.put((byte) (whole >> 8 * n));
        }
    }

    /// The same of C before the first step.
    byte[] startBytes(double scale, int size, int[] order) {
        ByteBuffer bytes = ByteBuffer.allocate(order.length * size);
        for (int n = 0; n < start.length; n++) {
            put(bytes, start[order[n]] * scale, size);
        }
        return bytes.array();
    }
}
