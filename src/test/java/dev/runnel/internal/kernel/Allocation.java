package dev.runnel.internal.kernel;

import java.lang.management.ManagementFactory;

/// What code allocates once it is compiled.
final class Allocation {
    private Allocation() {}

    /// The bytes that 2000 runs of `code` allocate on this thread: 0 as soon as any 2000 in a row
    /// allocate nothing, else those of the last 2000 of 400,000.
    static long onceCompiled(Runnable code) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = Long.MAX_VALUE;
        for (int round = 0; round < 200 && allocated > 0; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 2000; i++) {
                code.run();
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        return allocated;
    }
}
