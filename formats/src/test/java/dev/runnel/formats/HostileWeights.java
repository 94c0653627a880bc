package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Reads files of weights that are wrong, and compares the words in which they are refused.
abstract class HostileWeights {
    @TempDir Path folder = Path.of("");

    static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    final Object read(byte[] bytes) throws IOException {
        Path file = Files.write(folder.resolve("w.pt"), bytes);
        return Checkpoint.read(file);
    }

    final void malformed(String message, byte[] file) {
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("w.pt: " + message);
    }

    final void malformed(String start, String rest, byte[] file) {
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageStartingWith("w.pt: " + start)
                .hasMessageContaining(rest);
    }

    final void refusedStartingWith(String start, byte[] file) {
        malformed(start, "", file);
    }

    final void unsupported(String message, byte[] file) {
        assertThat(file).isNotEmpty();
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("w.pt: " + message);
    }
}
