package dev.runnel.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// The input that tokens go to: one integer, or a vector in which a token is a 1 among zeros.
///
/// @param embedding the vectors of all tokens, one after the other; null for ones among zeros
record TokenPort(
        String name,
        DType dtype,
        MemorySegment input,
        long rowBytes,
        @Nullable MemorySegment embedding) {

    /// @throws IllegalArgumentException if the input takes no tokens
    static TokenPort of(
            Port port, Session session, int vocabularySize, @Nullable MemorySegment embedding) {
        long elements = port.type().shape().elements();
        boolean integer =
                (port.dtype() == DType.INT64 || port.dtype() == DType.INT32)
                        && elements == 1
                        && embedding == null;
        boolean vector =
                port.dtype() == DType.FLOAT32
                        && (embedding == null
                                ? elements == vocabularySize
                                : embedding.byteSize() == vocabularySize * elements * 4);
        if (!integer && !vector) {
            throw new IllegalArgumentException(
                    "input '"
                            + port.name()
                            + "' is "
                            + port.type()
                            + (embedding == null
                                    ? ""
                                    : " and the embedding has " + embedding.byteSize() + " bytes")
                            + "; tokens go to one int64 or int32, or to float32 for each of the "
                            + vocabularySize
                            + " tokens, or through an embedding of float32[V, E] to float32[E]");
        }
        return new TokenPort(
                port.name(), port.dtype(), session.input(port.name()), port.byteSize(), embedding);
    }

    void write(int row, int token) {
        long at = row * rowBytes;
        if (dtype == DType.INT64) {
            input.set(JAVA_LONG_UNALIGNED, at, token);
        } else if (dtype == DType.INT32) {
            input.set(JAVA_INT_UNALIGNED, at, token);
        } else if (embedding == null) {
            input.asSlice(at, rowBytes).fill((byte) 0);
            input.set(JAVA_FLOAT_UNALIGNED, at + 4L * token, 1);
        } else {
            MemorySegment.copy(embedding, token * rowBytes, input, at, rowBytes);
        }
    }

    void write(int row, byte[] vector) {
        MemorySegment.copy(MemorySegment.ofArray(vector), 0, input, row * rowBytes, rowBytes);
    }

    /// @throws IllegalArgumentException if it is no vector for this input
    void requireVector(MemorySegment vector) {
        if (dtype != DType.FLOAT32 || vector.byteSize() != rowBytes) {
            throw new IllegalArgumentException(
                    "the vector has "
                            + vector.byteSize()
                            + " bytes; input '"
                            + name
                            + "' takes "
                            + rowBytes
                            + " of "
                            + dtype);
        }
    }
}
