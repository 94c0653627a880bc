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
import dev.runnel.formats.proto.TensorProto;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// What a process has to do until it has the result of a first step. The JVM makes a class of each
/// lambda, each method reference and each `switch` over classes when it first comes to it, in a
/// millisecond or so, and with them most of a start could be spent.
class FirstStepTest {
    @TempDir Path folder = Path.of("");

    /// As an embedding process does.
    static final class Embedder {
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
    @CsvSource({"m.onnx, LSTM", "m.rnl, LSTM", "m.onnx, GRU", "m.onnx, RNN"})
    void firstStep_ofOneLayer_makesNoClassOfOurs(String name, String op) throws Exception {
        assertThat(made(name, recurrent(op, "y"))).isEmpty();
    }

    /// A few for each other operator, and where one, here Sigmoid, may belong to a cell of
    /// operators.
    @Test
    void firstStep_ofMoreThanOneLayer_makesFewClasses() throws Exception {
        ModelProto.Builder m = recurrent("LSTM", "s");
        m.getGraphBuilder()
                .addNode(node("Squeeze", "s axes", "v").setName("squeeze"))
                .addNode(node("Gemm", "v head", "g").setName("gemm"))
                .addNode(node("Sigmoid", "g", "y").setName("sigmoid"))
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("axes")
                                .setDataType(TensorProto.DataType.INT64_VALUE)
                                .addDims(2)
                                .addInt64Data(0)
                                .addInt64Data(1))
                .addInitializer(matrix("head", 2L, 1L));
        assertThat(made("m.onnx", m)).hasSizeLessThan(16);
    }

    /// The classes, all of lambdas and the like, that the JVM has made of our code when a process
    /// has the result of a model's first step.
    private List<String> made(String name, ModelProto.Builder m) throws Exception {
        Models.write(
                Models.read("m.onnx", MemorySegment.ofArray(m.build().toByteArray())),
                folder.resolve(name));
        Process java =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-Xlog:class+load:file=classes",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Embedder.class.getName(),
                                name)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("out").toFile())
                        .start();
        boolean ended = java.waitFor(100, TimeUnit.SECONDS);
        java.destroyForcibly();
        assertThat(ended && java.exitValue() == 0)
                .as("%s", Files.readAllLines(folder.resolve("out")))
                .isTrue();
        List<String> loaded = Files.readAllLines(folder.resolve("classes"));
        assertThat(loaded).anyMatch(l -> l.contains(" dev.runnel.State "));
        return loaded.stream()
                .filter(l -> l.matches(".* (dev\\.runnel\\..*|.*Concat)/0x.*"))
                .toList();
    }

    /// Of two units and two inputs.
    private static ModelProto.Builder recurrent(String op, String output) {
        long rows = 2 * (op.equals("LSTM") ? 4 : op.equals("GRU") ? 3 : 1);
        ModelProto.Builder m =
                model(17, node(op, "x w r b", output, Onnx.attribute("hidden_size", 2)));
        m.getGraphBuilder()
                .setInput(0, value("x", 0, 1, 2))
                .addInitializer(matrix("w", 1L, rows, 2L))
                .addInitializer(matrix("r", 1L, rows, 2L))
                .addInitializer(matrix("b", 1L, 2 * rows));
        return m;
    }

    private static TensorProto.Builder matrix(String name, Long... dims) {
        int elements = (int) Stream.of(dims).mapToLong(d -> d).reduce(1, (a, b) -> a * b);
        return tensor(name, new float[elements]).clearDims().addAllDims(List.of(dims));
    }
}
