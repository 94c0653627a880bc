package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import javax.tools.ToolProvider;

/// The README's Java example, compiled and run in a process of its own as an embedder would: on the
/// class path with and without the vector module, and on the module path.
class EmbeddingTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final List<String> CLASS_PATH =
            List.of(System.getProperty("java.class.path").split(File.pathSeparator));

    private static final Set<String> MODULES =
            Set.of("dev.runnel", "dev.runnel.formats", "com.google.protobuf");

    private record Ran(int exit, String out, String err) {}

    @TempDir Path folder;

    @BeforeEach
    void writeProgram() throws IOException {
        try (InputStream model = EmbeddingTest.class.getResourceAsStream("vad.onnx")) {
            Files.copy(java.util.Objects.requireNonNull(model), folder.resolve("vad.onnx"));
        }
        Path sources = Files.createDirectories(folder.resolve("source/app"));
        Files.writeString(sources.resolve("Embedded.java"), program(readmeExample()));
    }

    private static String readmeExample() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        int start = readme.indexOf("```java\n") + 8;
        return readme.substring(start, readme.indexOf("```", start));
    }

    private static String program(String example) {
        return """
        package app;

        import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

        import dev.runnel.Model;
        import dev.runnel.Options;
        import dev.runnel.Session;
        import dev.runnel.Snapshot;
        import dev.runnel.State;
        import dev.runnel.formats.Models;

        import java.lang.foreign.MemorySegment;
        import java.nio.file.Path;

        public class Embedded {
            interface Microphone {
                boolean fill(MemorySegment x);
            }

            static void react(float y) {
                System.out.println("heard " + y);
            }

            public static void main(String[] args) throws Exception {
                int[] left = {3};
                Microphone microphone =
                        x -> {
                            x.set(JAVA_FLOAT, 0, left[0]);
                            return left[0]-- > 0;
                        };
        %s
            }
        }
        """
                .formatted(example);
    }

    private void compile(String... options) {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-d", folder.resolve("classes").toString()));
        try (Stream<Path> files = Files.walk(folder.resolve("source"))) {
            files.filter(f -> f.toString().endsWith(".java"))
                    .forEach(f -> arguments.add(f.toString()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        assertThat(
                        ToolProvider.getSystemJavaCompiler()
                                .run(null, null, null, arguments.toArray(String[]::new)))
                .isZero();
    }

    private Ran run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Arrays.asList(arguments));
        Path out = folder.resolve("out.txt");
        Path err = folder.resolve("err.txt");
        int exit =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start()
                        .waitFor();
        return new Ran(
                exit,
                Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }

    private String classPath() {
        return folder.resolve("classes")
                + File.pathSeparator
                + String.join(File.pathSeparator, CLASS_PATH);
    }

    @Test
    void example_onTheClassPath_hasTheSameBitsWithAndWithoutTheVectorModule() throws Exception {
        compile("-cp", String.join(File.pathSeparator, CLASS_PATH));
        Ran vector =
                run("--add-modules", "jdk.incubator.vector", "-cp", classPath(), "app.Embedded");
        Ran scalar = run("-cp", classPath(), "app.Embedded");
        assertThat(vector.err).doesNotContain("Exception");
        assertThat(vector.exit).isZero();
        assertThat(vector.out.lines().filter(l -> l.startsWith("heard "))).hasSize(3);
        assertThat(scalar.err)
                .contains("--add-modules jdk.incubator.vector")
                .doesNotContain("Exception");
        assertThat(scalar.out).isEqualTo(vector.out);
    }

    @Test
    void example_onTheModulePath_needsNoFlag() throws Exception {
        Files.writeString(
                folder.resolve("source/module-info.java"),
                "module app { requires dev.runnel; requires dev.runnel.formats; }");
        String modules =
                CLASS_PATH.stream()
                        .filter(EmbeddingTest::isModule)
                        .collect(Collectors.joining(File.pathSeparator));
        compile("--module-path", modules);
        Ran ran =
                run(
                        "--module-path",
                        modules + File.pathSeparator + folder.resolve("classes"),
                        "--module",
                        "app/app.Embedded");
        assertThat(ran.err).doesNotContain("Exception").doesNotContain("--add-modules");
        assertThat(ran.exit).isZero();
        assertThat(ran.out.lines().filter(l -> l.startsWith("heard "))).hasSize(3);
    }

    /// The modules an embedder of both puts on the module path, wherever the build has them: in
    /// folders of classes or in jars.
    private static boolean isModule(String path) {
        return ModuleFinder.of(Path.of(path)).findAll().stream()
                .map(m -> m.descriptor().name())
                .anyMatch(MODULES::contains);
    }
}
