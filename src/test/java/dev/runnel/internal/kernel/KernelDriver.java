package dev.runnel.internal.kernel;

import com.sun.management.ThreadMXBean;

import dev.runnel.internal.kernel.KernelCases.Case;

import java.lang.management.ManagementFactory;
import java.util.List;

/// Runs all kernels as a process does that starts with the scalar ones: long on these, with a few
/// calls of the vector ones among them, then on the vector ones until they allocate nothing. Prints
/// what each allocates then, and which calls do. [KernelGuardTest] runs it in a JVM of its own and
/// reads the compiler's log.
final class KernelDriver {
    private static final int SCALAR_ROUNDS = 12_000;
    private static final int RARE = 300;
    private static final long MIX_NANOS = 400_000_000;
    private static final int ROUNDS = 200;
    private static final long PATIENCE_NANOS = 120_000_000_000L;

    private KernelDriver() {}

    public static void main(String[] args) {
        Kernels scalar = Kernels.scalar();
        Kernels vector = Kernels.vector();
        new KernelCases()
                .all()
                .forEach(
                        (name, cases) -> {
                            mix(cases, scalar, vector);
                            System.out.println(name + ": " + garbage(cases, vector) + " bytes");
                        });
    }

    private static void mix(List<Case> cases, Kernels scalar, Kernels vector) {
        long end = System.nanoTime() + MIX_NANOS;
        for (int i = 1; i < SCALAR_ROUNDS && System.nanoTime() < end; i++) {
            for (Case c : cases) {
                c.call().accept(i % RARE == 0 ? vector : scalar);
            }
        }
    }

    private static long garbage(List<Case> cases, Kernels vector) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long end = System.nanoTime() + PATIENCE_NANOS;
        long allocated = Long.MAX_VALUE;
        for (int clean = 0; clean < 3 && System.nanoTime() < end; ) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < ROUNDS; i++) {
                for (int c = 0; c < cases.size(); c++) { // an iterator would be garbage
                    cases.get(c).call().accept(vector);
                }
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
            clean = allocated == 0 ? clean + 1 : 0;
        }
        for (int c = 0; c < cases.size() && allocated > 0; c++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            cases.get(c).call().accept(vector);
            long bytes = threads.getCurrentThreadAllocatedBytes() - before;
            if (bytes > 0) {
                System.out.println("  " + cases.get(c).label() + " allocates " + bytes);
            }
        }
        return allocated;
    }
}
