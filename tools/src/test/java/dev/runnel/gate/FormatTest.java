package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// Every Java file is laid out by google-java-format. With `-Drunnel.format=write` the files are
/// rewritten instead of checked: see CONTRIBUTING.md.
class FormatTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Formatter FORMATTER =
            new Formatter(
                    JavaFormatterOptions.builder().style(JavaFormatterOptions.Style.AOSP).build());

    @Test
    void javaFiles_areFormatted() throws IOException, FormatterException {
        boolean write = "write".equals(System.getProperty("runnel.format"));
        List<Path> unformatted = new ArrayList<>();
        for (Path file : javaFiles()) {
            String text = Files.readString(file);
            String formatted =
                    FORMATTER.formatSourceAndFixImports(
                            RemoveUnusedImports.removeUnusedImports(text));
            if (!formatted.equals(text)) {
                unformatted.add(ROOT.relativize(file));
                if (write) {
                    Files.writeString(file, formatted);
                }
            }
        }
        if (!write) {
            assertThat(unformatted)
                    .as(
                            "files to format: mvn test -pl tools -am -Dtest=FormatTest"
                                + " -Dsurefire.failIfNoSpecifiedTests=false -Drunnel.format=write")
                    .isEmpty();
        }
    }

    private static List<Path> javaFiles() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT)) {
            return files.filter(f -> f.toString().endsWith(".java"))
                    .filter(
                            f ->
                                    Stream.of(ROOT.relativize(f).toString().split("[/\\\\]"))
                                            .noneMatch("target"::equals))
                    .sorted()
                    .toList();
        }
    }
}
