package dev.runnel.benchmarks;

import com.sun.management.ThreadMXBean;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;

import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/// The steps of a process that is young: how long the first ones take while scalar kernels serve
/// and vector kernels are compiled in the background, what they allocate, and how long an idle spin
/// was kept waiting meanwhile: what the machine and the JIT compiler's own threads take away.
///
/// ```
/// java --add-modules jdk.incubator.vector -cp … dev.runnel.benchmarks.FirstSteps LSTM-128 AUTO 3
/// ```
///
/// Arguments: the node and its size, the kernels (`AUTO`, `SCALAR`, `VECTOR`), seconds. A step,
/// then a spin of 20 µs in pieces, and so on: whatever interrupts strikes either.
final class FirstSteps {
    private static final int[] SHOWN = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000
    };
    private static final int EARLY = 50;
    private static final long SPIN_NANOS = 20_000;
    private static final int MOST = 1_000_000;

    private FirstSteps() {}

    public static void main(String[] args) {
        Workload node = Workload.of(args[0]);
        long nanos = (long) (Double.parseDouble(args[2]) * 1e9);
        Options options = Options.defaults().kernels(KernelSet.valueOf(args[1]));
        byte[] bytes = node.toOnnx();
        long[] steps = new long[MOST];
        long[] spins = new long[MOST];
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long start = System.nanoTime();
        try (Model model =
                Model.compile(Models.read(args[0], MemorySegment.ofArray(bytes)), options)) {
            long compiled = System.nanoTime();
            try (Session session = model.open();
                    State state = model.newState()) {
                long opened = System.nanoTime();
                long heap = threads.getCurrentThreadAllocatedBytes();
                int n = 0;
                int changed = 0;
                String first = model.kernels();
                long end = opened + nanos;
                while (n < MOST && System.nanoTime() < end) {
                    long before = System.nanoTime();
                    session.step(state);
                    steps[n] = System.nanoTime() - before;
                    spins[n] = longestPieceOfSpin();
                    n++;
                    if (changed == 0 && n % 100 == 0 && !first.equals(model.kernels())) {
                        changed = n;
                    }
                }
                heap = threads.getCurrentThreadAllocatedBytes() - heap;
                System.out.printf(
                        "%s %s: read and compiled in %.1f ms, opened in %.1f ms, first step %.2f ms"
                                + " after open%n",
                        args[0],
                        args[1],
                        (compiled - start) / 1e6,
                        (opened - compiled) / 1e6,
                        steps[0] / 1e6);
                for (int i : SHOWN) {
                    if (i <= n) {
                        System.out.printf("  step %d: %.1f us%n", i, steps[i - 1] / 1e3);
                    }
                }
                System.out.printf(
                        "  %d steps, changed to %s by step %d%n", n, model.kernels(), changed);
                System.out.printf("  allocated by this thread: %d bytes%n", heap);
                tail("steps", steps, n);
                tail("idle spin", spins, n);
            }
        }
    }

    /// The longest wait between two looks at the clock.
    private static long longestPieceOfSpin() {
        long start = System.nanoTime();
        long last = start;
        long longest = 0;
        while (last - start < SPIN_NANOS) {
            long now = System.nanoTime();
            longest = Math.max(longest, now - last);
            last = now;
        }
        return longest;
    }

    private static void tail(String what, long[] nanos, int n) {
        long[] late = Arrays.copyOfRange(nanos, Math.min(EARLY, n), n);
        Arrays.sort(late);
        if (late.length == 0) {
            return;
        }
        long above = Arrays.stream(late).filter(t -> t > 1_000_000).count();
        System.out.printf(
                "  after the first %d, %s: median %.1f us, 99.9 %% %.1f us, max %.1f us, above 1"
                        + " ms: %d%n",
                EARLY,
                what,
                late[late.length / 2] / 1e3,
                late[(int) (late.length * 0.999)] / 1e3,
                late[late.length - 1] / 1e3,
                above);
    }
}
