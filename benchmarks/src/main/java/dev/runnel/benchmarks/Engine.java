package dev.runnel.benchmarks;

/// A runtime under test, or a limit of the hardware that runtimes are held against.
///
/// Peers that the default build does not download register themselves as services.
public interface Engine {
    /// As the `engine` parameter of a benchmark says it.
    String name();

    /// Makes ready all that a call needs: weights packed, memory allocated.
    ///
    /// @throws UnsupportedOperationException if the engine cannot compute this, with the reason
    Call open(Workload workload) throws Exception;

    /// What is measured.
    interface Call extends AutoCloseable {
        /// Computes the outputs of all rows and steps and keeps the states for the next call.
        void run() throws Exception;

        /// The last call's output, `y[T, N, H]`; empty for a limit of the hardware.
        float[] output();

        @Override
        void close();
    }
}
