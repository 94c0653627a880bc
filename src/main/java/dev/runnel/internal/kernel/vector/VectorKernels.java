package dev.runnel.internal.kernel.vector;

import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.kernel.RecurrentKernels;

/// The kernels by the Vector API. Only this package uses `jdk.incubator.vector`.
public final class VectorKernels {
    private static final Kernels BITS_128 = make(128);
    private static final Kernels BITS_256 = make(256);
    private static final Kernels BITS_512 = make(512);

    private VectorKernels() {}

    public static Kernels preferred() {
        return of(Width.preferredBits());
    }

    public static Kernels of(int bits) {
        return switch (bits) {
            case 128 -> BITS_128;
            case 256 -> BITS_256;
            case 512 -> BITS_512;
            default ->
                    throw new IllegalArgumentException(
                            "a vector of " + bits + " bits, expected 128, 256 or 512");
        };
    }

    private static Kernels make(int bits) {
        return new Kernels(
                "vector-" + bits,
                Width.<RecurrentKernels>copy(VectorRecurrent.class, bits),
                Width.<DenseKernels>copy(VectorDense.class, bits),
                Width.<ElementKernels>copy(VectorElements.class, bits),
                Width.<ArithmeticKernels>copy(VectorArithmetic.class, bits));
    }
}
