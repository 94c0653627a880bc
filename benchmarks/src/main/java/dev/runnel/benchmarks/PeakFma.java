package dev.runnel.benchmarks;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The limit of a batch: how long one core takes for as many fused multiply-adds as the layer's
/// products need, in registers alone.
final class PeakFma implements Engine {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int CHAINS = 12;

    @Override
    public String name() {
        return "peakFma";
    }

    @Override
    public Call open(Workload w) {
        return new Fmas(w.flops());
    }

    /// Twelve chains are independent: more than the latency of an FMA times two a cycle.
    static final class Fmas implements Call {
        private final int loops;
        private float sink;

        Fmas(double flops) {
            loops = (int) Math.ceil(flops / (2.0 * CHAINS * S.length()));
        }

        double flops() {
            return 2.0 * CHAINS * S.length() * loops;
        }

        @Override
        public void run() {
            sink = fmas(loops, sink);
        }

        private static float fmas(int loops, float start) {
            FloatVector x = FloatVector.broadcast(S, 0.5f);
            FloatVector y = FloatVector.broadcast(S, start);
            FloatVector a = y;
            FloatVector b = y.add(1);
            FloatVector c = y.add(2);
            FloatVector d = y.add(3);
            FloatVector e = y.add(4);
            FloatVector f = y.add(5);
            FloatVector g = y.add(6);
            FloatVector h = y.add(7);
            FloatVector i = y.add(8);
            FloatVector j = y.add(9);
            FloatVector k = y.add(10);
            FloatVector l = y.add(11);
            for (int n = 0; n < loops; n++) {
                a = a.fma(x, x);
                b = b.fma(x, x);
                c = c.fma(x, x);
                d = d.fma(x, x);
                e = e.fma(x, x);
                f = f.fma(x, x);
                g = g.fma(x, x);
                h = h.fma(x, x);
                i = i.fma(x, x);
                j = j.fma(x, x);
                k = k.fma(x, x);
                l = l.fma(x, x);
            }
            return a.add(b)
                    .add(c.add(d))
                    .add(e.add(f).add(g.add(h)))
                    .add(i.add(j).add(k.add(l)))
                    .lane(0);
        }

        @Override
        public float[] output() {
            return new float[0];
        }

        @Override
        public void close() {
            if (Float.isNaN(sink)) { // never: so that the arithmetic is not dead
                System.out.println();
            }
        }
    }
}
