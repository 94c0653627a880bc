package dev.runnel.internal.kernel;

import java.lang.management.ManagementFactory;

/// What code allocates once it is compiled.
public final class Allocation {
    private static final int RUNS = 2000;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private Allocation() {}

    /// The bytes that 2000 runs of `code` allocate on this thread: 0 as soon as any 2000 in a row
    /// allocate nothing, else those of the last 2000 in a minute. So long because the compiler
    /// works in the background, and on a busy machine late.
    public static long onceCompiled(Runnable code) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long start = System.nanoTime();
        long allocated = Long.MAX_VALUE;
        while (allocated > 0 && System.nanoTime() - start < PATIENCE_NANOS) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < RUNS; i++) {
                code.run();
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        return allocated;
    }
}
