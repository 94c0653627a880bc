package dev.runnel.internal.kernel.vector;

import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.kernel.RecurrentKernels;

/// The kernels by the Vector API. Only this package uses `jdk.incubator.vector`.
public final class VectorKernels {
    /// Each width has a class of its own, so that only what is asked for is loaded.
    private static final class Bits128 {
        static final Kernels KERNELS = make(128);
    }

    private static final class Bits256 {
        static final Kernels KERNELS = make(256);
    }

    private static final class Bits512 {
        static final Kernels KERNELS = make(512);
    }

    private VectorKernels() {}

    public static Kernels preferred() {
        return of(Width.preferredBits());
    }

    public static Kernels of(int bits) {
        return switch (bits) {
            case 128 -> Bits128.KERNELS;
            case 256 -> Bits256.KERNELS;
            case 512 -> Bits512.KERNELS;
            default ->
                    throw new IllegalArgumentException(
                            "a vector of " + bits + " bits, expected 128, 256 or 512");
        };
    }

    /// The widest panel, in floats, that [#preferred] keeps in registers.
    public static int panelWidth() {
        return VectorRecurrent.PANEL_VECTORS * Width.preferredBits() / Float.SIZE;
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
