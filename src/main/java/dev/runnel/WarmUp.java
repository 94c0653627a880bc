package dev.runnel;

/// Brings a model's kernels to full speed: steps a session of its own until the JIT compiler has
/// done its work, which shows in steps no longer getting faster.
final class WarmUp {
    private static final int BLOCK = 100;
    private static final long LEAST_NANOS = 300_000_000;
    private static final long MOST_NANOS = 10_000_000_000L;
    private static final long STEADY_NANOS = 500_000_000;
    private static final double FASTER = 0.95;

    private WarmUp() {}

    static void run(Model model) {
        if (model.stepObstacle().isPresent()) {
            return;
        }
        try (Session session = model.open()) {
            long start = System.nanoTime();
            long improved = start;
            long best = Long.MAX_VALUE;
            long now = start;
            while (now - start < MOST_NANOS
                    && (now - start < LEAST_NANOS || now - improved < STEADY_NANOS)) {
                long before = now;
                for (int i = 0; i < BLOCK; i++) {
                    session.step();
                }
                now = System.nanoTime();
                if (now - before < best * FASTER) {
                    best = now - before;
                    improved = now;
                }
            }
        }
    }
}
