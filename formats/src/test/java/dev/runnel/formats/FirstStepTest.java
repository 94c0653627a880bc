package dev.runnel.formats;

import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.proto.ModelProto;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// What a process has to do until it has the result of a first step. The JVM makes a class of each
/// lambda, each method reference and each `switch` over classes when it first comes to it, in a
/// millisecond or so, and with them most of a start could be spent.
class FirstStepTest {
    @TempDir Path folder = Path.of("");

    /// As an embedding process does.
    static final class Process {
        public static void main(String[] args) throws IOException {
            try (Model model =
                            Model.compile(
                                    Models.read(Path.of(args[0])), Options.defaults().stateful());
                    Session session = model.open();
                    State state = model.newState()) {
                session.step(state);
                Runtime.getRuntime().halt(0); // what closing takes is another matter
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"m.onnx, LSTM", "m.rnl, LSTM", "m.onnx, GRU"})
    void firstStep_makesNoClasses(String name, String op) throws Exception {
        Path file = folder.resolve(name);
        Models.write(
                Models.read("m.onnx", MemorySegment.ofArray(recurrent(op).build().toByteArray())),
                file);
        Path log = folder.resolve("classes");
        int exit =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-Xlog:class+load:file=" + log,
                                "-cp",
                                System.getProperty("java.class.path"),
                                Process.class.getName(),
                                file.toString())
                        .inheritIO()
                        .start()
                        .waitFor();
        assertThat(exit).isZero();
        assertThat(made(log)).isEmpty();
    }

    private static List<String> made(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log)) {
            List<String> all = lines.toList();
            assertThat(all).anyMatch(l -> l.contains(" dev.runnel.State "));
            return all.stream()
                    .filter(l -> l.matches(".* (dev\\.runnel\\..*|.*Concat)/0x.*"))
                    .toList();
        }
    }

    /// Of two units and two inputs.
    private static ModelProto.Builder recurrent(String op) {
        int gates = op.equals("LSTM") ? 4 : 3;
        ModelProto.Builder m =
                model(17, node(op, "x w r b", "y", Onnx.attribute("hidden_size", 2)));
        m.getGraphBuilder()
                .setInput(0, value("x", 0, 1, 2))
                .addInitializer(
                        tensor("w", new float[gates * 4])
                                .clearDims()
                                .addAllDims(List.of(1L, 2L * gates, 2L)))
                .addInitializer(
                        tensor("r", new float[gates * 4])
                                .clearDims()
                                .addAllDims(List.of(1L, 2L * gates, 2L)))
                .addInitializer(
                        tensor("b", new float[gates * 4])
                                .clearDims()
                                .addAllDims(List.of(1L, 4L * gates)));
        return m;
    }
}
