package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.formats.Models;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

import javax.tools.ToolProvider;

/// The example of a package's documentation, compiled and run.
class PackageInfoTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Path WRITE =
            ROOT.resolve("tools/src/main/resources/dev/runnel/tools/demo/write");

    @TempDir Path folder;

    private static String example(String packageInfo) throws IOException {
        String text = Files.readString(ROOT.resolve(packageInfo));
        int start = text.indexOf("/// ```java\n") + 12;
        return text.substring(start, text.indexOf("/// ```", start))
                .lines()
                .map(line -> line.replaceFirst("/// ?", ""))
                .collect(Collectors.joining("\n"));
    }

    @Test
    void decode_writesOnFromThePrompt() throws Exception {
        Path source = folder.resolve("Example.java");
        Files.writeString(
                source,
                """
                import dev.runnel.Model;
                import dev.runnel.decode.*;

                public class Example {
                    public static void run(Model model, String vocabulary) {
                %s
                    }
                }
                """
                        .formatted(example("src/main/java/dev/runnel/decode/package-info.java")));
        String classPath = System.getProperty("java.class.path");
        assertThat(
                        ToolProvider.getSystemJavaCompiler()
                                .run(
                                        null,
                                        null,
                                        null,
                                        "-proc:none",
                                        "-cp",
                                        classPath,
                                        "-d",
                                        folder.toString(),
                                        source.toString()))
                .isZero();
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream before = System.out;
        try (Model model = Model.compile(Models.read(WRITE.resolve("write.onnx")));
                URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()});
                PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8)) {
            System.setOut(out);
            loader.loadClass("Example")
                    .getMethod("run", Model.class, String.class)
                    .invoke(null, model, Files.readString(WRITE.resolve("vocabulary.txt")));
        } finally {
            System.setOut(before);
        }
        assertThat(said.toString(StandardCharsets.UTF_8)).hasSize(200).contains(" ");
    }
}
