package dev.runnel.formats;

import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.TensorProto;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Reads files that are wrong, and compares the words in which they are refused.
abstract class Hostile {
    @TempDir Path folder = Path.of("");

    void read(byte[] bytes) throws IOException {
        Path file = folder.resolve("m.onnx");
        Files.write(file, bytes);
        Models.read(file);
    }

    void malformed(String message, ModelProto.Builder model) {
        malformed(message, model.build().toByteArray());
    }

    void malformed(String message, byte[] bytes) {
        refused(MalformedModelException.class, message, () -> read(bytes));
    }

    void unsupported(String message, ModelProto.Builder model) {
        refused(UnsupportedModelException.class, message, () -> read(model.build().toByteArray()));
    }

    static void refused(Class<?> type, String message, ThrowingCallable reading) {
        assertThatThrownBy(reading).isInstanceOf(type).hasMessage("m.onnx: " + message);
    }

    static ModelProto.Builder withInitializer(TensorProto.Builder t) {
        ModelProto.Builder m = model(13, node("Identity", "x", "y"));
        m.getGraphBuilder().addInitializer(t);
        return m;
    }
}
