package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What happens where nothing can be said any more.
class StandardOutputTest {
    private record Ended(int exit, String err) {}

    /// Runs a command line in a JVM of its own, its output going to `output`, a file.
    private static Ended run(Path folder, ProcessBuilder.Redirect output, String... words)
            throws IOException, InterruptedException {
        Path err = folder.resolve("err");
        List<String> command =
                new java.util.ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "dev.runnel.tools.Runnel"));
        command.addAll(List.of(words));
        Process process =
                new ProcessBuilder(command)
                        .redirectOutput(output)
                        .redirectError(err.toFile())
                        .start();
        int exit = process.waitFor();
        String said = Files.readString(err);
        return new Ended(exit, said.replaceFirst("WARNING: Using incubator modules:.*\\R", ""));
    }

    @Test
    void fullDisk_isAFailure(@TempDir Path folder) throws IOException, InterruptedException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "not run: there is no /dev/full");
        Path model = TinyModels.shift(folder.resolve("m"));
        Ended ended =
                run(folder, ProcessBuilder.Redirect.to(full.toFile()), "inspect", model.toString());
        assertThat(ended.exit()).isEqualTo(1);
        assertThat(ended.err())
                .isEqualTo("runnel: cannot write to standard output: No space left on device\n");
        Path sound = folder.resolve("out");
        ended =
                run(
                        folder,
                        ProcessBuilder.Redirect.to(sound.toFile()),
                        "inspect",
                        model.toString());
        assertThat(ended).isEqualTo(new Ended(0, ""));
        assertThat(sound).content().contains("parameters\n  2\n");
    }

    @Test
    void memoryThatIsOut_isOneLine() {
        StringWriter err = new StringWriter();
        Writer small =
                new Writer() {
                    @Override
                    public void write(char[] text, int from, int count) {
                        throw new OutOfMemoryError("Java heap space");
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                };
        assertThat(Runnel.execute(new PrintWriter(small), new PrintWriter(err), "--version"))
                .isEqualTo(1);
        assertThat(err.toString())
                .matches(
                        "runnel: out of memory \\(Java heap space\\): the heap has \\d+ MB;"
                                + " RUNNEL_JAVA_OPTS=-Xmx4g gives it 4 GB\\R");
    }
}
