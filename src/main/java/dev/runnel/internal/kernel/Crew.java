package dev.runnel.internal.kernel;

import dev.runnel.internal.kernel.Panels.Panel;

import org.jspecify.annotations.Nullable;

import java.lang.invoke.VarHandle;

/// The caller of a session and the threads that help it with large products: each takes a part of
/// the panels, the same each time, so that these stay in its own core's cache. Products are handed
/// over by a counter; there is no lock, and nothing is allocated once the threads are there.
///
/// A helper may come late, be stopped half-way by the operating system, or not come at all; the
/// caller never depends on it. So a helper computes into a place of its own, panel by panel, and
/// says how many are done. The caller, done with its own part, takes what helpers have done,
/// computes what they have not begun, from the other end, and waits for the panel in between no
/// longer than a panel takes; then it computes that one as well. What a helper does afterwards
/// nobody reads. An exception that stops a helper leaves its panel to the caller, which gets the
/// same.
public final class Crew implements AutoCloseable {
    /// The greatest number of threads.
    public static final int MOST = 64;

    /// The caller without helpers.
    public static final Crew ALONE = new Crew(1);

    /// Weights × lanes, at least, of a product that is worth sharing.
    private static final long LEAST_WORK = 1 << 18;

    private final Hand[] helpers;
    private volatile boolean closed;

    /// Odd while a product is on; what follows is written while it is even.
    private volatile long turn;

    private @Nullable SharedRecurrent shared;
    private @Nullable Panels panels;
    private @Nullable Lanes at;
    private Lanes[] shadows = {};
    private boolean backwards;
    private int lanes;

    /// @param threads the caller and its helpers, which are started when they are first needed
    public Crew(int threads) {
        helpers = new Hand[threads - 1];
        for (int i = 0; i < helpers.length; i++) {
            helpers[i] = new Hand(this, i);
        }
    }

    /// The number of threads, with the caller.
    public int size() {
        return helpers.length + 1;
    }

    /// The kernels shared by this crew.
    ///
    /// @param shadowBytes how far behind its real place a helper finds memory for its own sums, the
    ///   next helper as far again
    public Kernels share(Kernels kernels, long shadowBytes) {
        return helpers.length == 0
                ? kernels
                : kernels.with(new SharedRecurrent(kernels.recurrent(), this, shadowBytes));
    }

    /// How many panels the helpers did in time, of all products so far.
    public long helped() {
        long panels = 0;
        for (Hand h : helpers) {
            panels += h.taken();
        }
        return panels;
    }

    static boolean isWorthSharing(Panels panels, int lanes) {
        long weights = 0;
        for (Panel p : panels.panels()) {
            weights += (long) p.width() * (p.to() - p.from());
        }
        return weights * lanes >= LEAST_WORK && panels.panels().length > 1;
    }

    // ---- the caller

    /// See [RecurrentKernels#multiply].
    void multiply(
            SharedRecurrent shared,
            Panels panels,
            boolean backwards,
            Lanes at,
            Lanes[] shadows,
            int lanes) {
        int all = panels.panels().length;
        boolean helped = false;
        for (Hand h : helpers) {
            helped |= h.call(end(h.part, all) - start(h.part, all));
        }
        if (!helped) {
            shared.kernels.multiply(panels, 0, all, backwards, at, lanes);
            return;
        }
        VarHandle.storeStoreFence(); // the last product is over before this is written
        this.shared = shared;
        this.panels = panels;
        this.at = at;
        this.shadows = shadows;
        this.backwards = backwards;
        this.lanes = lanes;
        long now = turn + 1;
        turn = now;
        try {
            int own = end(0, all);
            long start = System.nanoTime();
            shared.kernels.multiply(panels, 0, own, backwards, at, lanes);
            long patience = (System.nanoTime() - start) * 3 / 2 / Math.max(1, own);
            for (Hand h : helpers) {
                finish(h, shared, panels, backwards, at, shadows[h.part - 1], lanes, now, patience);
            }
        } finally {
            turn = now + 1;
        }
    }

    private void finish(
            Hand h,
            SharedRecurrent shared,
            Panels panels,
            boolean backwards,
            Lanes at,
            Lanes shadow,
            int lanes,
            long now,
            long patience) {
        int from = start(h.part, panels.panels().length);
        int to = end(h.part, panels.panels().length);
        int left = to - from;
        while (left > 0) {
            int done = h.done(now);
            if (done >= left || done == left - 1 && h.await(now, left, patience)) {
                break;
            }
            left--;
            h.leave(left);
            int i = backwards ? to - 1 - left : from + left;
            shared.kernels.multiply(panels, i, i + 1, backwards, at, lanes);
        }
        for (int k = 0; k < left; k++) {
            Panel p = panels.panels()[backwards ? to - 1 - k : from + k];
            shared.copySums(p, shadow, at, lanes);
        }
        h.review(left);
    }

    private int start(int part, int panels) {
        return panels * part / size();
    }

    private int end(int part, int panels) {
        return panels * (part + 1) / size();
    }

    /// Ends the helpers and waits until they are gone.
    @Override
    public void close() {
        closed = true;
        for (Hand h : helpers) {
            h.end();
        }
    }

    // ---- the helpers

    boolean isClosed() {
        return closed;
    }

    long turn() {
        return turn;
    }

    /// Computes what it gets of the helper's part of the product of `now`.
    void help(Hand h, long now) {
        SharedRecurrent shared = this.shared;
        Panels panels = this.panels;
        Lanes at = this.at;
        Lanes[] shadows = this.shadows;
        boolean backwards = this.backwards;
        int lanes = this.lanes;
        VarHandle.loadLoadFence();
        if (turn != now || shared == null || panels == null || at == null) {
            return;
        }
        int from = start(h.part, panels.panels().length);
        int to = end(h.part, panels.panels().length);
        Lanes shadow = shadows[h.part - 1];
        for (int k = 0; k < to - from && turn == now && h.begin(now, k); k++) {
            int i = backwards ? to - 1 - k : from + k;
            Panel p = panels.panels()[i];
            if (p.continues()) {
                shared.copySums(p, at, shadow, lanes);
            }
            shared.kernels.multiply(panels, i, i + 1, backwards, shadow, lanes);
            h.finish(now, k);
        }
    }
}
