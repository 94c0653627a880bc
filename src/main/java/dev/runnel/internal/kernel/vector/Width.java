package dev.runnel.internal.kernel.vector;

import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import java.io.IOException;
import java.io.InputStream;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;

/// How one source serves every width. C2 turns vector code into instructions only where the species
/// is a constant, which a `static final` field is and an instance field is not. So a class of
/// kernels holds its species in `static final VectorSpecies<Float> F =
/// Width.species(MethodHandles.lookup())`; loaded in the ordinary way it has the hardware's width,
/// and [#copy] loads it once more, as a hidden class, with another.
///
/// One process computes at one width: C2 counts on every `FloatVector` it meets being of one class,
/// and once kernels of two widths have run it makes objects of vectors in the larger ones. Tests
/// alone use other widths.
///
/// Such a class must not name itself in the signature of a method or field: in its copy that name
/// means the original.
final class Width {
    private Width() {}

    /// The hardware's own width in bits, at most 512. Loads little: no class of vectors.
    static int preferredBits() {
        return Math.min(512, VectorShape.preferredShape().vectorBitSize());
    }

    /// The species of the class that asks.
    static VectorSpecies<Float> species(MethodHandles.Lookup self) {
        try {
            Integer bits = MethodHandles.classData(self, ConstantDescs.DEFAULT_NAME, Integer.class);
            return VectorSpecies.of(
                    float.class, VectorShape.forBitSize(bits == null ? preferredBits() : bits));
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }

    /// An instance of `kernels`, a class of this package, at a width of its own.
    static <K> K copy(Class<? extends K> kernels, int bits) {
        try {
            Class<?> c = kernels;
            if (bits != preferredBits()) {
                c =
                        MethodHandles.lookup()
                                .defineHiddenClassWithClassData(classFile(kernels), bits, true)
                                .lookupClass();
            }
            @SuppressWarnings("unchecked") // a copy implements what the original does
            K copy = (K) c.getDeclaredConstructor().newInstance();
            return copy;
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] classFile(Class<?> c) {
        try (InputStream in = c.getResourceAsStream(c.getSimpleName() + ".class")) {
            if (in == null) {
                throw new IllegalStateException(c + " has no class file to copy");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException(c + " cannot be read", e);
        }
    }
}
