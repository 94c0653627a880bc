package dev.runnel.decode;

import dev.runnel.Port;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/// What a stream feeds beside its tokens: a value for each other input of the model, zero until it
/// is set.
final class Inputs {
    private final List<Port> ports;
    private final String tokens;
    private final byte[] @Nullable [] values;
    private final boolean[] once;

    /// @param ports the model's inputs
    /// @param tokens the name of that which tokens go to
    Inputs(List<Port> ports, String tokens) {
        this.ports = ports;
        this.tokens = tokens;
        this.values = new byte[ports.size()][];
        this.once = new boolean[ports.size()];
    }

    /// @param onlyOnce whether it is zero again after the next step
    /// @throws IllegalArgumentException if there is no such input, it takes tokens, or the value is
    ///   not of its size
    void set(String name, MemorySegment value, boolean onlyOnce) {
        int i = index(name);
        Port port = ports.get(i);
        if (value.byteSize() != port.byteSize()) {
            throw new IllegalArgumentException(
                    "the value has "
                            + value.byteSize()
                            + " bytes; input '"
                            + name
                            + "' takes "
                            + port.byteSize()
                            + ": "
                            + port.type());
        }
        values[i] = value.toArray(ValueLayout.JAVA_BYTE);
        once[i] = onlyOnce;
    }

    private int index(String name) {
        if (name.equals(tokens)) {
            throw new IllegalArgumentException(
                    "input '"
                            + name
                            + "' is what tokens go to: feed them, or a vector in their place");
        }
        for (int i = 0; i < ports.size(); i++) {
            if (ports.get(i).name().equals(name)) {
                return i;
            }
        }
        throw new IllegalArgumentException(
                "there is no input '"
                        + name
                        + "' to set; those there are: "
                        + ports.stream().map(Port::name).filter(n -> !n.equals(tokens)).toList());
    }

    /// The value of the model's input `i`; null for zero.
    byte @Nullable [] value(int i) {
        return values[i];
    }

    /// A step has read them.
    void stepped() {
        for (int i = 0; i < once.length; i++) {
            if (once[i]) {
                Arrays.fill(values[i], (byte) 0);
                once[i] = false;
            }
        }
    }
}
