package dev.runnel;

import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Runs a plan on the vector kernels, on memory of its own and zeros, until the JIT compiler has
/// done its work; then those who wait for the kernels change over to them. Before that each vector
/// is an object, so it goes in two acts: one on an excerpt of the weights, which needs as many runs
/// and makes a fraction of the garbage, then one on all of them.
final class Rehearsal {
    private static final long BURST_NANOS = 1_000_000;
    private static final long BURST_BYTES = 1 << 20;
    private static final int BURST_RUNS = 64;
    private static final int CLEAN_BURSTS = 4;
    private static final long PAUSE_MILLIS = 5;
    private static final long MOST_NANOS = 15_000_000_000L;

    /// Few rows go other ways through a kernel than many: all ways but one are gone by some number
    /// of rows up to this, the last by [Lanes#UNPACKING].
    private static final int FEW_ROWS = 8;

    private final Model model;
    private final Plan plan;
    private final int rows;
    private final KernelSwitch change;
    private volatile boolean cancelled;

    Rehearsal(Model model, Plan plan, int rows, KernelSwitch change) {
        this.model = model;
        this.plan = plan;
        this.rows = rows(rows);
        this.change = change;
    }

    /// How many of a session's rows are rehearsed at most.
    static int rows(int rows) {
        return rows < Lanes.UNPACKING ? Math.min(rows, FEW_ROWS) : Lanes.UNPACKING;
    }

    Model model() {
        return model;
    }

    /// Leaves off after the run that is on.
    void cancel() {
        cancelled = true;
    }

    /// Rehearses, then changes over. A plan that fails on zeros is changed over all the same, one
    /// whose vector kernels cannot be loaded stays as it is.
    void run() throws InterruptedException {
        Kernels kernels = change.current();
        try {
            kernels = Kernels.preferred();
            if (!model.rehearsals().isDone(plan, rows)) {
                act(model.bindForRehearsal(plan, rows, kernels, true));
                act(model.bindForRehearsal(plan, rows, kernels, false));
            }
        } catch (RuntimeException | Error e) {
            System.getLogger("dev.runnel")
                    .log(
                            System.Logger.Level.DEBUG,
                            () -> "the rehearsal of " + model.name() + " ended early",
                            e);
        }
        if (kernels != Kernels.scalar()) {
            model.rehearsals().done(plan, rows);
        }
        change.to(kernels);
    }

    /// Stays with the kernels that are.
    void giveUp() {
        change.to(change.current());
    }

    /// On states in a shared arena, as the live ones are. With a confined one C2 learnt that a
    /// segment has an owner every other time, asked before a kernel's loop whether that owner is
    /// the thread, and threw the code away each time there was none: dozens of compilations, two
    /// thirds of a core meanwhile.
    private void act(BoundPlan bound) throws InterruptedException {
        try (bound;
                Arena arena = Arena.ofShared()) {
            long bytes = Math.max(1, plan.stateLayout().bytes());
            for (int row = 0; row < rows; row++) {
                MemorySegment state = arena.allocate(bytes, 64);
                bound.state(row, state.fill((byte) 0), 0);
            }
            Steadiness steadiness = new Steadiness(HeapMeter.find());
            long end = System.nanoTime() + MOST_NANOS;
            while (!cancelled && !steadiness.isReached() && System.nanoTime() < end) {
                if (!steadiness.burst(bound, rows)) {
                    // Lets the compiler, and on a busy machine the caller, have the core.
                    Thread.sleep(PAUSE_MILLIS);
                }
            }
        }
    }

    /// Whether a few bursts of runs in a row allocated nothing; where that cannot be told, whether
    /// runs have not become faster for a while.
    private static final class Steadiness {
        private static final long LONG_NANOS = 700_000_000;
        private static final double FASTER = 0.9;

        private final @Nullable HeapMeter meter;
        private int clean;
        private double best = Double.MAX_VALUE;
        private long improved = System.nanoTime();

        Steadiness(@Nullable HeapMeter meter) {
            this.meter = meter;
        }

        boolean isReached() {
            return meter == null
                    ? System.nanoTime() - improved > LONG_NANOS
                    : clean >= CLEAN_BURSTS;
        }

        /// A burst of runs of `rows` rows, and of fewer.
        ///
        /// @return whether it was as fast as can be
        boolean burst(BoundPlan bound, int rows) {
            long heap = meter == null ? 0 : meter.allocatedBytes();
            long start = System.nanoTime();
            int runs = 0;
            long garbage;
            do {
                for (int row = rows; row > 0; row = Math.min(row - 1, FEW_ROWS)) {
                    bound.run(row);
                }
                runs++;
                garbage = meter == null ? 0 : meter.allocatedBytes() - heap;
            } while (runs < BURST_RUNS
                    && garbage < BURST_BYTES
                    && System.nanoTime() - start < BURST_NANOS);
            clean = garbage == 0 ? clean + 1 : 0;
            double nanos = (System.nanoTime() - start) / (double) runs;
            if (nanos < best * FASTER) {
                best = nanos;
                improved = System.nanoTime();
            }
            return meter != null && garbage == 0;
        }
    }
}
