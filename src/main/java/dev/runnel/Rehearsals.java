package dev.runnel;

import dev.runnel.internal.kernel.KernelSwitch;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.plan.Plan;

import org.jspecify.annotations.Nullable;

import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Consumer;

/// What has been rehearsed of a model, and so which kernels its sessions run on.
final class Rehearsals {
    private record Submission(Model model, Plan plan, int rows) implements Consumer<KernelSwitch> {
        @Override
        public void accept(KernelSwitch kernels) {
            WarmUp.submit(new Rehearsal(model, plan, rows, kernels));
        }
    }

    /// The kernels for good; null if they change after a rehearsal.
    private final @Nullable Kernels fixed;

    private final KernelSwitch.Runs runs = new KernelSwitch.Runs();

    /// By plan, for how many rows at most.
    private final Map<Plan, Integer> done = new WeakHashMap<>();

    Rehearsals(@Nullable Kernels fixed) {
        this.fixed = fixed;
    }

    /// Those of sessions opened now.
    synchronized Kernels kernels() {
        if (fixed != null) {
            return fixed;
        }
        return done.isEmpty() ? Kernels.scalar() : Kernels.preferred();
    }

    /// Those of a session's plan: at once, or scalar ones that submit a rehearsal after their first
    /// runs.
    KernelSwitch kernels(Model model, Plan plan, int rows) {
        if (fixed != null) {
            return KernelSwitch.fixed(fixed);
        }
        // Sequences of many lengths are plans of one run each: what one plan's rehearsal has
        // compiled serves the others, though not all of them whole.
        return isDone(rows) ? KernelSwitch.fixed(Kernels.preferred()) : own(model, plan, rows);
    }

    /// The same of this very plan: one for which another's rehearsal will not do.
    KernelSwitch own(Model model, Plan plan, int rows) {
        if (fixed != null) {
            return KernelSwitch.fixed(fixed);
        }
        // One that is not bounded might never end on zeros.
        if (!plan.isBounded() || isDone(plan, rows)) {
            return KernelSwitch.fixed(Kernels.preferred());
        }
        return KernelSwitch.from(Kernels.scalar(), runs, new Submission(model, plan, rows));
    }

    private synchronized boolean isDone(int rows) {
        for (int most : done.values()) {
            if (most >= Rehearsal.rows(rows)) {
                return true;
            }
        }
        return false;
    }

    synchronized boolean isDone(Plan plan, int rows) {
        return done.getOrDefault(plan, 0) >= Rehearsal.rows(rows);
    }

    synchronized void done(Plan plan, int rows) {
        done.put(plan, Math.max(rows, done.getOrDefault(plan, 0)));
    }
}
