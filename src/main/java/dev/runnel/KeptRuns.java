package dev.runnel;

import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.plan.BoundPlan;
import dev.runnel.internal.plan.Plan;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/// The memory of a session's runs. Kept for the next run of the same shapes as long as all that is
/// kept has room in [#MOST_BYTES], and is for no more plans than the model keeps; what has been
/// unused for longest goes first. What does not fit even alone is freed after its run.
final class KeptRuns {
    static final long MOST_BYTES = 64L << 20;

    private final Model model;
    private final Crew crew;

    /// By plan and rows, the longest unused first.
    private final Map<Key, BoundPlan> kept = new LinkedHashMap<>();

    private long bytes;

    private record Key(Plan plan, int rows) {}

    KeptRuns(Model model, Crew crew) {
        this.model = model;
        this.crew = crew;
    }

    /// A plan with memory to run it on.
    ///
    /// @throws IllegalArgumentException if it takes more than [Options#memoryLimit] grants
    BoundPlan take(Plan plan, int rows) {
        BoundPlan bound = kept.remove(new Key(plan, rows));
        if (bound == null) {
            return model.bind(plan, rows, crew);
        }
        bytes -= bound.byteSize();
        return bound;
    }

    /// Gives back what was taken.
    void give(BoundPlan bound) {
        if (bound.byteSize() > MOST_BYTES) {
            bound.close();
            return;
        }
        kept.put(new Key(bound.plan(), bound.rows()), bound);
        bytes += bound.byteSize();
        Iterator<BoundPlan> eldest = kept.values().iterator();
        while (bytes > MOST_BYTES || kept.size() > model.plans().kept()) {
            BoundPlan gone = eldest.next();
            eldest.remove();
            bytes -= gone.byteSize();
            gone.close();
        }
    }

    int size() {
        return kept.size();
    }

    long byteSize() {
        return bytes;
    }

    void close() {
        kept.values().forEach(BoundPlan::close);
    }
}
