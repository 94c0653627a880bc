package dev.runnel.internal.kernel;

/// The seam between what is computed and how: all floating-point arithmetic on the hot path. Two sets
/// stand behind it, [#scalar], the reference that runs everywhere, and [#vector], by the Vector API;
/// their results are equal to the bit (docs/architecture.md, "Numeric contract").
public interface Kernels {
    /// `scalar`, or `vector` with its width: `vector-512`.
    String name();

    /// Matrix products, convolutions.
    DenseKernels dense();

    /// The reference set, in plain Java.
    static Kernels scalar() {
        throw new UnsupportedOperationException("not written yet");
    }

    /// The vector set at the hardware's preferred width, or [#scalar] with one warning in the log if
    /// `jdk.incubator.vector` is not there.
    static Kernels preferred() {
        throw new UnsupportedOperationException("not written yet");
    }
}
