package dev.runnel.internal.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.UnaryFunction;
import dev.runnel.internal.kernel.scalar.ScalarElements;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// [ElementKernels] by the Vector API, at the width of [Width]; the last few elements one by one.
final class VectorElements implements ElementKernels {
    private static final VectorSpecies<Float> F = Width.species(MethodHandles.lookup());
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public void apply(
            UnaryFunction f, MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long n) {
        long vectors = 4 * (n - n % F.length());
        switch (f) {
            case TANH -> tanh(src, srcOffset, dst, dstOffset, vectors);
            case SIGMOID -> sigmoid(src, srcOffset, dst, dstOffset, vectors);
            case EXP -> exp(src, srcOffset, dst, dstOffset, vectors);
            case LOG -> log(src, srcOffset, dst, dstOffset, vectors);
        }
        for (long i = vectors; i < 4 * n; i += 4) {
            float x = src.get(JAVA_FLOAT_UNALIGNED, srcOffset + i);
            dst.set(JAVA_FLOAT_UNALIGNED, dstOffset + i, ScalarElements.of(f, x));
        }
    }

    private static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(F, s, offset, LE);
    }

    private static void tanh(MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            VectorFunctions.tanh(F, load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void sigmoid(MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            FloatVector half = load(src, srcOffset + i).mul(FloatVector.broadcast(F, 0.5f));
            VectorFunctions.sigmoidOfTwice(F, half).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void exp(MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            VectorFunctions.exp(F, load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }

    private static void log(MemorySegment src, long srcOffset, MemorySegment dst, long dstOffset, long bytes) {
        for (long i = 0; i < bytes; i += F.vectorByteSize()) {
            VectorFunctions.log(F, load(src, srcOffset + i)).intoMemorySegment(dst, dstOffset + i, LE);
        }
    }
}
