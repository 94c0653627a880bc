package dev.runnel.internal.kernel;

import org.jspecify.annotations.Nullable;

import java.util.concurrent.locks.LockSupport;

/// A thread of a [Crew], and how it and the caller keep in touch. Between products it spins, then
/// lets others have the core, then parks: the longer nothing comes the less likely it comes soon.
///
/// Waking a parked one costs the caller some microseconds. After one that came too late it is left
/// to sleep for twice as many products as the last time.
final class Hand implements Runnable {
    private static final int SPINS = 100;
    private static final long AWAKE_NANOS = 50_000;
    private static final int MOST_MISSES = 10;
    private static final int BITS = 20;

    /// Of the panels: 0 is the caller's.
    final int part;

    private final Crew crew;

    /// Made, and written, by the caller alone.
    private @Nullable Thread thread;

    private volatile boolean parked;

    /// It waits for a product, awake. The caller takes this back when it misses one; so while the
    /// operating system keeps it from running it is not counted on.
    private volatile boolean present;

    /// The turn that it is at, and how many panels it has done: 2²⁰ more for each turn.
    private volatile long progress;

    /// How many panels are not the caller's yet.
    private volatile int share;

    private int misses;
    private int rest;
    private boolean called;
    private long taken;

    Hand(Crew crew, int index) {
        this.crew = crew;
        part = index + 1;
    }

    // ---- for the caller

    /// Before a product of which it may do `panels`.
    ///
    /// @return whether to count on it
    boolean call(int panels) {
        share = panels;
        called = false;
        if (thread == null) {
            start();
        } else if (panels > 0 && parked && --rest < 0) {
            called = true;
            LockSupport.unpark(thread);
        }
        return panels > 0 && (present || called);
    }

    private void start() {
        Thread t =
                Thread.ofPlatform()
                        .name("runnel-crew-" + part)
                        .daemon()
                        .inheritInheritableThreadLocals(false)
                        .unstarted(this);
        t.setContextClassLoader(null);
        try {
            t.start();
        } catch (OutOfMemoryError e) {
            return; // no thread to be had now: the caller does without
        }
        thread = t;
    }

    /// How many panels are done; −1 if it has not begun.
    int done(long turn) {
        long p = progress;
        return p >> BITS == turn ? (int) (p & (1 << BITS) - 1) : -1;
    }

    /// Waits until so many panels are done.
    ///
    /// @return false if that takes too long
    boolean await(long turn, int panels, long nanos) {
        long start = System.nanoTime();
        while (done(turn) < panels) {
            if (System.nanoTime() - start > nanos) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }

    /// Takes all panels but the first so many.
    void leave(int panels) {
        share = panels;
    }

    /// After a product of which it did so many panels.
    void review(int did) {
        taken += did;
        if (did > 0) {
            misses = 0;
            rest = 0;
            return;
        }
        present = false;
        if (called) {
            misses = Math.min(misses + 1, MOST_MISSES);
            rest = 1 << misses;
        }
    }

    /// How many panels it did in time, of all products.
    long taken() {
        return taken;
    }

    /// Waits for its end, which has been ordered.
    void end() {
        Thread t = thread;
        boolean interrupted = false;
        while (t != null && t.isAlive()) {
            LockSupport.unpark(t);
            try {
                t.join();
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- its own

    /// Says that it begins panel `k`.
    ///
    /// @return false if that is the caller's already
    boolean begin(long turn, int k) {
        progress = turn << BITS | k;
        return k < share;
    }

    void finish(long turn, int k) {
        progress = turn << BITS | k + 1;
    }

    @Override
    public void run() {
        long last = 0;
        while (!crew.isClosed()) {
            last = next(last);
            try {
                crew.help(this, last);
            } catch (RuntimeException | Error _) {
                // The panel is not done, so the caller computes it, and gets the same.
            }
        }
    }

    /// Waits for the next product, or for the end.
    private long next(long last) {
        long start = System.nanoTime();
        for (int i = 0; !crew.isClosed(); i++) {
            long turn = crew.turn();
            if (turn != last && (turn & 1) == 1) {
                return turn;
            }
            if (!present) {
                present = true;
            }
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (System.nanoTime() - start < AWAKE_NANOS) {
                Thread.yield();
            } else {
                present = false;
                parked = true;
                if (crew.turn() == turn && !crew.isClosed()) {
                    LockSupport.park(this);
                    Thread.interrupted(); // else it would never park again
                }
                parked = false;
                i = 0;
                start = System.nanoTime();
            }
        }
        return last;
    }
}
