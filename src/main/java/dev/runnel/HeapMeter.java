package dev.runnel;

import com.sun.management.ThreadMXBean;

import org.jspecify.annotations.Nullable;

import java.lang.management.ManagementFactory;

/// Counts what the current thread allocates on the heap: the sign of vector code that the JIT
/// compiler has not done with is that its vectors are objects. Needs the module `jdk.management`,
/// which every JDK has and an image made by `jlink` may lack.
final class HeapMeter {
    private static final @Nullable HeapMeter INSTANCE =
            ModuleLayer.boot().findModule("jdk.management").isPresent() ? new HeapMeter() : null;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private HeapMeter() {}

    /// Null where there is none.
    static @Nullable HeapMeter find() {
        return INSTANCE != null
                        && INSTANCE.threads.isThreadAllocatedMemorySupported()
                        && INSTANCE.threads.isThreadAllocatedMemoryEnabled()
                ? INSTANCE
                : null;
    }

    /// Bytes that the current thread has allocated since it started.
    long allocatedBytes() {
        return threads.getCurrentThreadAllocatedBytes();
    }
}
