package dev.runnel.benchmarks;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/// The roofline of a step: how long one core takes to read as many bytes as the layer has weights,
/// over and over, and do no more with them than an OR.
///
/// Two ascending streams, four vectors of each a body. The stride is a field, so that C2 does not
/// see a counted loop and unroll it: the loads stay in ascending order, which the caches'
/// prefetchers like best.
final class ReadBandwidth implements Engine {
    private static final VectorSpecies<Integer> S = IntVector.SPECIES_PREFERRED;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final int V = S.vectorByteSize();

    @Override
    public String name() {
        return "readBandwidth";
    }

    @Override
    public Call open(Workload w) {
        return new Read(w.weightBytes());
    }

    /// Reads a block of memory, rounded up to whole bodies.
    static final class Read implements Call {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment block;
        private final long half;
        private final long stride = 4L * V;
        private int sink;

        Read(long bytes) {
            half = (bytes / 2 + stride - 1) / stride * stride;
            // Huge pages, where the system grants them, begin at multiples of 2 MiB.
            block = arena.allocate(2 * half, 1 << 21);
        }

        long byteSize() {
            return 2 * half;
        }

        @Override
        public void run() {
            sink += sum(block, half);
        }

        private int sum(MemorySegment m, long end) {
            IntVector a = IntVector.zero(S);
            IntVector b = IntVector.zero(S);
            IntVector c = IntVector.zero(S);
            IntVector d = IntVector.zero(S);
            IntVector e = IntVector.zero(S);
            IntVector f = IntVector.zero(S);
            IntVector g = IntVector.zero(S);
            IntVector h = IntVector.zero(S);
            long o = 0;
            long p = end;
            while (o < end) {
                a = a.or(IntVector.fromMemorySegment(S, m, o, ORDER));
                b = b.or(IntVector.fromMemorySegment(S, m, o + V, ORDER));
                c = c.or(IntVector.fromMemorySegment(S, m, o + 2 * V, ORDER));
                d = d.or(IntVector.fromMemorySegment(S, m, o + 3 * V, ORDER));
                e = e.or(IntVector.fromMemorySegment(S, m, p, ORDER));
                f = f.or(IntVector.fromMemorySegment(S, m, p + V, ORDER));
                g = g.or(IntVector.fromMemorySegment(S, m, p + 2 * V, ORDER));
                h = h.or(IntVector.fromMemorySegment(S, m, p + 3 * V, ORDER));
                o += stride;
                p += stride;
            }
            return a.or(b).or(c.or(d)).or(e.or(f).or(g.or(h))).lane(0);
        }

        @Override
        public float[] output() {
            return new float[0];
        }

        @Override
        public void close() {
            if (sink == 1) { // never: so that the reads are not dead
                System.out.println();
            }
            arena.close();
        }
    }
}
