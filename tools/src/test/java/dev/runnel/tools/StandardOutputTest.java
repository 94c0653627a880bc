package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// What happens where nothing can be said any more.
class StandardOutputTest {
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;

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

    /// Runs a command whose output fails after some bytes.
    private int run(int bytes, String failure, String... args) {
        OutputStream out =
                new OutputStream() {
                    private int left = bytes;

                    @Override
                    public void write(int b) throws IOException {
                        if (left-- <= 0) {
                            throw new IOException(failure);
                        }
                    }
                };
        return Runnel.execute(
                StandardOutput.on(out, StandardCharsets.UTF_8), new PrintWriter(err, true), args);
    }

    @Test
    void outputThatIsLost_endsTheRun_andSaysWhy() {
        assertThat(run(20, "No space left on device", "demo", "write", "a", "--length", "1000000"))
                .isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo("runnel: cannot write to standard output: No space left on device\n");
    }

    @Test
    void outputThatIsLost_ofHelpOrAtTheEnd_isToldToo() {
        assertThat(run(20, "No space left on device", "--help")).isEqualTo(1);
        assertThat(run(0, "No space left on device", "demo", "translate", "3 May 1979"))
                .isEqualTo(1);
        assertThat(err.toString().lines().distinct())
                .containsExactly(
                        "runnel: cannot write to standard output: No space left on device");
    }

    @Test
    void readerWhoLeft_isNotToldOf() {
        assertThat(run(20, "Broken pipe", "demo", "write", "a", "--length", "1000000"))
                .isEqualTo(1);
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void processWhoseReaderLeft_ends() throws IOException, InterruptedException {
        File messages = folder.resolve("err").toFile();
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "dev.runnel.tools.Runnel",
                                "demo",
                                "write",
                                "x",
                                "--length",
                                "1000000")
                        .redirectError(messages)
                        .start();
        try {
            assertThat(process.getInputStream().readNBytes(20)).hasSize(20);
            process.getInputStream().close();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ended").isTrue();
            assertThat(process.exitValue()).isEqualTo(1);
            List<String> said = Files.readAllLines(messages.toPath());
            said.removeIf(line -> line.contains("incubator"));
            assertThat(said).isEmpty();
        } finally {
            process.destroyForcibly();
        }
    }
}
