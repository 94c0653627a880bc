package dev.runnel.internal.kernel;

import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;
import java.util.Map;

/// [RecurrentKernels] whose large products a [Crew] shares.
final class SharedRecurrent implements RecurrentKernels {
    final RecurrentKernels kernels;
    private final Crew crew;
    private final long shadowBytes;

    /// By lanes, those of each helper, which has its own room for products. A step has a few and
    /// keeps them.
    private final Map<Lanes, Lanes[]> shadows = new IdentityHashMap<>();

    /// @param shadowBytes see [Crew#share]
    SharedRecurrent(RecurrentKernels kernels, Crew crew, long shadowBytes) {
        this.kernels = kernels;
        this.crew = crew;
        this.shadowBytes = shadowBytes;
    }

    @Override
    public int panelWidth() {
        return kernels.panelWidth();
    }

    @Override
    public void multiply(Panels panels, int from, int to, boolean backwards, Lanes at, int lanes) {
        if (to - from == panels.panels().length && Crew.isWorthSharing(panels, lanes)) {
            crew.multiply(this, panels, backwards, at, shadows(at), lanes);
        } else {
            kernels.multiply(panels, from, to, backwards, at, lanes);
        }
    }

    private Lanes[] shadows(Lanes at) {
        Lanes[] known = shadows.get(at);
        if (known == null) {
            known = new Lanes[crew.size() - 1];
            for (int i = 0; i < known.length; i++) {
                known[i] = at.shadow((i + 1) * shadowBytes);
            }
            shadows.put(at, known);
        }
        return known;
    }

    /// Copies a panel's sums from one place to another.
    void copySums(Panel p, Lanes from, Lanes to, int lanes) {
        MemorySegment s = from.memory();
        for (int m = 0; m < lanes; m++) {
            long column = m * from.zStride() + 4L * p.column();
            kernels.copy(s, from.z() + column, s, to.z() + column, p.width());
        }
    }

    @Override
    public void rnn(Lanes at, int lanes) {
        kernels.rnn(at, lanes);
    }

    @Override
    public void lstm(Lanes at, int lanes) {
        kernels.lstm(at, lanes);
    }

    @Override
    public void gru(Lanes at, int lanes) {
        kernels.gru(at, lanes);
    }

    @Override
    public void gruReset(Lanes at, int lanes) {
        kernels.gruReset(at, lanes);
    }

    @Override
    public void gruUpdate(Lanes at, int lanes) {
        kernels.gruUpdate(at, lanes);
    }

    @Override
    public void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int n) {
        kernels.copy(from, fromOffset, to, toOffset, n);
    }
}
