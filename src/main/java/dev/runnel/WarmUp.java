package dev.runnel;

import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;

/// Brings models' kernels to full speed: rehearsals, one after the other, on a thread in the
/// background that all models share, and that ends when there are none left.
final class WarmUp {
    private static final Object LOCK = new Object();
    private static final Deque<Rehearsal> WAITING = new ArrayDeque<>();
    private static @Nullable Rehearsal current;
    private static @Nullable Thread thread;

    private WarmUp() {}

    // ---- in the background

    static void submit(Rehearsal rehearsal) {
        synchronized (LOCK) {
            WAITING.add(rehearsal);
            if (thread == null) {
                Thread t =
                        Thread.ofPlatform()
                                .name("runnel-warm-up")
                                .daemon()
                                .priority(Thread.MIN_PRIORITY)
                                .inheritInheritableThreadLocals(false)
                                .unstarted(WarmUp::work);
                t.setContextClassLoader(null);
                try {
                    t.start();
                } catch (OutOfMemoryError e) {
                    // No thread to be had: all stay with the kernels they have.
                    abandon();
                    return;
                }
                thread = t;
            }
        }
    }

    /// Cancels the rehearsals of a model that is closed.
    ///
    /// @return whether one is on, after which [ModelMemory#rehearsalOver] is called, soon
    static boolean cancel(Model model) {
        synchronized (LOCK) {
            WAITING.removeIf(r -> r.model() == model);
            if (current == null || current.model() != model) {
                return false;
            }
            current.cancel();
            return true;
        }
    }

    private static void work() {
        for (Rehearsal r = next(); r != null; r = next()) {
            try {
                r.run();
            } catch (InterruptedException e) {
                // By somebody who wants all threads to end.
                r.giveUp();
                abandon();
            } catch (Throwable e) {
                // Of a logger, or for want of memory: whoever waits must not wait for ever.
                r.giveUp();
            }
        }
    }

    private static void abandon() {
        synchronized (LOCK) {
            WAITING.forEach(Rehearsal::giveUp);
            WAITING.clear();
        }
    }

    /// Takes the next one, done with the last; if there is none the thread ends.
    private static @Nullable Rehearsal next() {
        Rehearsal last;
        Rehearsal next;
        synchronized (LOCK) {
            last = current;
            next = WAITING.poll();
            current = next;
            if (next == null) {
                thread = null;
            }
        }
        if (last != null) {
            last.model().memory().rehearsalOver();
        }
        return next;
    }

    // ---- in the foreground

    private static final long BLOCK_NANOS = 10_000_000;
    private static final long LEAST_NANOS = 300_000_000;
    private static final long MOST_NANOS = 10_000_000_000L;
    private static final long STEADY_NANOS = 500_000_000;
    private static final double FASTER = 0.95;

    /// Waits for the background, then steps a session until steps no longer get faster; the same
    /// with sequences of that many steps, if they are more than one.
    static void run(Model model, int rows, int steps) {
        try (Session session = model.open(rows)) {
            Plan sequence = steps > 1 ? model.plans().sequence(steps) : null;
            KernelSwitch rehearsed = sequence == null ? null : model.rehearsed(sequence, rows);
            if (model.stepObstacle().isEmpty()) {
                session.awaitKernels();
                untilSteady(session::step);
            }
            if (sequence != null && rehearsed != null) {
                rehearsed.use();
                rehearsed.await();
                BoundPlan bound = session.runs().take(sequence, rows);
                try {
                    untilSteady(() -> session.run(bound, session.own()));
                } finally {
                    session.runs().give(bound);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void untilSteady(Runnable call) {
        long start = System.nanoTime();
        long improved = start;
        double best = Double.MAX_VALUE;
        long now = start;
        while (now - start < MOST_NANOS
                && (now - start < LEAST_NANOS || now - improved < STEADY_NANOS)) {
            long before = now;
            int calls = 0;
            do {
                call.run();
                calls++;
                now = System.nanoTime();
            } while (now - before < BLOCK_NANOS);
            double each = (now - before) / (double) calls;
            if (each < best * FASTER) {
                best = each;
                improved = now;
            }
        }
    }
}
