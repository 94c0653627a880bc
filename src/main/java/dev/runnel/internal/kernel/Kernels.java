package dev.runnel.internal.kernel;

import dev.runnel.internal.kernel.scalar.ScalarArithmetic;
import dev.runnel.internal.kernel.scalar.ScalarDense;
import dev.runnel.internal.kernel.scalar.ScalarElements;
import dev.runnel.internal.kernel.scalar.ScalarRecurrent;
import dev.runnel.internal.kernel.vector.VectorKernels;

import java.lang.System.Logger.Level;

/// The seam between what is computed and how: all floating-point arithmetic on the hot path. Behind
/// each group stand twins, one in plain Java, the reference that runs everywhere, and one by the
/// Vector API; their results are equal to the bit (docs/architecture.md, "Numeric contract").
///
/// @param name `scalar`, or `vector` with its width in bits: `vector-512`
/// @param recurrent RNN, GRU and LSTM
/// @param dense matrix products and convolutions
/// @param elements functions of single elements
/// @param arithmetic functions of two elements, reductions
public record Kernels(
        String name,
        RecurrentKernels recurrent,
        DenseKernels dense,
        ElementKernels elements,
        ArithmeticKernels arithmetic) {

    private static final Kernels SCALAR =
            new Kernels(
                    "scalar",
                    new ScalarRecurrent(),
                    new ScalarDense(),
                    new ScalarElements(),
                    new ScalarArithmetic());

    /// What [#preferred] returns; chosen, and complained about, once.
    private static final class Preferred {
        static final Kernels KERNELS = choose();

        private static Kernels choose() {
            if (vectorPresent()) {
                return VectorKernels.preferred();
            }
            System.getLogger("dev.runnel")
                    .log(
                            Level.WARNING,
                            "module jdk.incubator.vector is not there, so the scalar kernels serve,"
                                    + " several times slower; start java with --add-modules"
                                    + " jdk.incubator.vector");
            return SCALAR;
        }
    }

    /// The reference set, in plain Java.
    public static Kernels scalar() {
        return SCALAR;
    }

    /// Whether the module of the Vector API is there. It is on the module path; on the class path
    /// it takes `--add-modules jdk.incubator.vector`.
    public static boolean vectorPresent() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /// The vector set at the hardware's own width.
    ///
    /// @throws IllegalStateException if the module of the Vector API is not there
    public static Kernels vector() {
        requireVector();
        return VectorKernels.preferred();
    }

    /// The vector set at a width of 128, 256 or 512 bits. One that the hardware does not have is
    /// emulated, correctly and very slowly.
    ///
    /// @throws IllegalStateException if the module of the Vector API is not there
    public static Kernels vector(int bits) {
        requireVector();
        return VectorKernels.of(bits);
    }

    /// The vector set at the hardware's own width, or [#scalar] with one warning in the log where
    /// the module of the Vector API is not there.
    public static Kernels preferred() {
        return Preferred.KERNELS;
    }

    /// As wide as the kernels that will most likely run them like panels of weights best, see
    /// [RecurrentKernels#panelWidth]; others take them as well. Loads no kernels.
    public static int panelWidth() {
        return vectorPresent() ? VectorKernels.panelWidth() : SCALAR.recurrent().panelWidth();
    }

    private static void requireVector() {
        if (!vectorPresent()) {
            throw new IllegalStateException(
                    "module jdk.incubator.vector is not there; start java with --add-modules"
                            + " jdk.incubator.vector");
        }
    }

    /// These with other recurrent ones.
    Kernels with(RecurrentKernels other) {
        return new Kernels(name, other, dense, elements, arithmetic);
    }

    @Override
    public String toString() {
        return name;
    }
}
