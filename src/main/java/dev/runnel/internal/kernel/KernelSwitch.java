package dev.runnel.internal.kernel;

import org.jspecify.annotations.Nullable;

import java.util.function.Consumer;

/// The kernels that a bound plan runs on: one set for good, or one that answers at once and, when
/// it is ready, another. Both give the same bits, so it does not matter between which two runs the
/// plan changes over.
public final class KernelSwitch {
    /// A single run is no reason to prepare for more.
    private static final int RUNS_BEFORE_CALL = 2;

    private volatile Kernels current;
    private @Nullable Consumer<KernelSwitch> whenUsed;
    private final Runs runs;
    private boolean done;

    /// Counts the runs of all plans of one model; of two threads' at once it may miss one.
    public static final class Runs {
        private int count;
    }

    private KernelSwitch(Kernels first, Runs runs, @Nullable Consumer<KernelSwitch> whenUsed) {
        this.current = first;
        this.runs = runs;
        this.whenUsed = whenUsed;
        this.done = whenUsed == null;
    }

    /// These kernels, for good.
    public static KernelSwitch fixed(Kernels kernels) {
        return new KernelSwitch(kernels, new Runs(), null);
    }

    /// `first` for now.
    ///
    /// @param runs shared with other plans
    /// @param whenUsed is given the switch once, before the second of all these runs that is this
    ///   plan's: sees to it that [#to] is called some time. What is never run is never prepared for
    public static KernelSwitch from(Kernels first, Runs runs, Consumer<KernelSwitch> whenUsed) {
        return new KernelSwitch(first, runs, whenUsed);
    }

    /// The kernels for the run that starts now.
    public Kernels forRun() {
        // Of threads that share it some may miss the change for a while, or call twice: no harm.
        if (whenUsed != null && ++runs.count >= RUNS_BEFORE_CALL) {
            use();
        }
        return current;
    }

    /// The kernels in use.
    public Kernels current() {
        return current;
    }

    /// As if it had been run often enough.
    public void use() {
        Consumer<KernelSwitch> call;
        synchronized (this) {
            call = whenUsed;
            whenUsed = null;
        }
        if (call != null) {
            call.accept(this);
        }
    }

    /// From the next run on these.
    public synchronized void to(Kernels kernels) {
        current = kernels;
        whenUsed = null;
        done = true;
        notifyAll();
    }

    /// Waits until there is nothing to wait for: [#to] was called.
    public synchronized void await() throws InterruptedException {
        while (!done) {
            wait();
        }
    }
}
