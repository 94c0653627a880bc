package dev.runnel.internal.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.UnaryFunction;

import java.lang.foreign.MemorySegment;

/// [ElementKernels] in plain Java.
public final class ScalarElements implements ElementKernels {
    @Override
    public void apply(
            UnaryFunction f,
            MemorySegment src,
            long srcOffset,
            MemorySegment dst,
            long dstOffset,
            long n) {
        for (long i = 0; i < 4 * n; i += 4) {
            float x = src.get(JAVA_FLOAT_UNALIGNED, srcOffset + i);
            dst.set(JAVA_FLOAT_UNALIGNED, dstOffset + i, of(f, x));
        }
    }

    /// f(x): also what the vector kernels do with the elements left over at the end.
    public static float of(UnaryFunction f, float x) {
        return switch (f) {
            case TANH -> Functions.tanh(x);
            case SIGMOID -> Functions.sigmoid(x);
            case EXP -> Functions.exp(x);
            case LOG -> Functions.log(x);
        };
    }
}
