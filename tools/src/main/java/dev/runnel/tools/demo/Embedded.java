package dev.runnel.tools.demo;

import dev.runnel.formats.Models;
import dev.runnel.graph.Graph;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/// Files that lie beside the demonstrations in the jar.
final class Embedded {
    private Embedded() {}

    /// A file's bytes.
    ///
    /// @param name relative to this package: `idioms/idioms.onnx`
    private static byte[] bytes(String name) throws IOException {
        try (InputStream in = Embedded.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new FileNotFoundException(name + " is not in the jar");
            }
            return in.readAllBytes();
        }
    }

    static Graph model(String name) throws IOException {
        return Models.read(name, MemorySegment.ofArray(bytes(name)));
    }

    static String text(String name) throws IOException {
        return new String(bytes(name), StandardCharsets.UTF_8);
    }
}
