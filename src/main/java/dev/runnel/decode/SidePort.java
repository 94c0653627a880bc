package dev.runnel.decode;

import dev.runnel.Port;
import dev.runnel.Session;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// An input beside the tokens'. Every row of every step is written, so that no stream reads what
/// another one left there.
///
/// @param index its place among the model's inputs
/// @param zeros what a stream feeds that has set nothing
record SidePort(int index, MemorySegment input, byte[] zeros) {
    static SidePort of(int index, Port port, Session session) {
        byte[] zeros = new byte[Math.toIntExact(port.byteSize())];
        return new SidePort(index, session.input(port.name()), zeros);
    }

    void write(int row, byte @Nullable [] value) {
        long at = (long) row * zeros.length;
        byte[] bytes = value == null ? zeros : value;
        MemorySegment.copy(bytes, 0, input, ValueLayout.JAVA_BYTE, at, zeros.length);
    }
}
