package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;

class RunnelTest {
    @Test
    void noCommand_isUsageError() {
        assertThat(Captured.of())
                .isEqualTo(
                        new Captured(2, "", "runnel: expected a command\nTry 'runnel --help'.\n"));
    }

    @Test
    void unknownCommand_namesThoseThatAre() {
        Captured c = Captured.of("verfy", "models");
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.err())
                .startsWith(
                        "runnel: there is no command 'verfy'; commands are inspect, run, verify,"
                                + " accuracy, bench");
    }

    @Test
    void unknownDemonstration_namesThoseThatAre() {
        assertThat(Captured.of("demo", "nope").err())
                .startsWith("runnel demo: there is no command 'nope'; commands are idioms, write,");
    }

    @Test
    void argumentTooMany_isNamed() {
        Captured c = Captured.of("demo", "caption", "a", "picture.png");
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.err())
                .startsWith(
                        "runnel demo caption: 'picture.png' is one argument too many; words that"
                                + " belong together need quotes\nTry ");
        assertThat(Captured.of("inspect", "a", "--nope").err())
                .startsWith("runnel inspect: Unknown option: '--nope'");
    }

    @Test
    void help_listsCommands() {
        Captured c = Captured.of("--help");
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .contains(
                        "\n  inspect  ", "\n  run ", "\n  verify ", "\n  bench ", "\nExamples:\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "run", "verify", "bench", "diff"})
    void help_ofEachCommand_hasExamples(String command) {
        Captured c = Captured.of(command, "--help");
        assertThat(c.exit()).isZero();
        assertThat(c.err()).isEmpty();
        assertThat(c.out())
                .startsWith("Usage: runnel " + command + " ")
                .contains("\nExamples:\n  runnel " + command + " ")
                .doesNotContain("%n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "bench"})
    void threads_outOfRange_areToldInWordsOfTheCommandLine(String command, @TempDir Path folder)
            throws IOException {
        Captured c = Captured.of(command, TinyModels.shift(folder), "--threads", "0");
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.err()).startsWith("runnel " + command + ": --threads is 0, expected 1 … 64; ");
    }

    @Test
    void version_namesRunnelAndTheJdk() {
        Captured c = Captured.of("--version");
        assertThat(c.exit()).isZero();
        assertThat(c.out()).matches("runnel \\S+ on JDK " + Runtime.version().feature() + ".*\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "run", "bench"})
    void model_missing_isOneLine(String command) {
        assertThat(Captured.of(command, "no/such.onnx"))
                .isEqualTo(
                        new Captured(
                                1, "", "runnel " + command + ": no/such.onnx: no such file\n"));
    }

    @Test
    void model_thatIsAFolder_isOneLine(@TempDir Path folder) {
        assertThat(Captured.of("inspect", folder))
                .isEqualTo(
                        new Captured(
                                1, "", "runnel inspect: " + folder + ": not a regular file\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-v", "--stacktrace"})
    void stackTrace_onDemand(String option) {
        Captured c = Captured.of("inspect", "no/such.onnx", option);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.err()).contains("NoSuchFileException", "\tat dev.runnel.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "run", "verify", "bench", "diff"})
    void argument_missing_isUsageError(String command) {
        Captured c = Captured.of(command);
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.out()).isEmpty();
        assertThat(c.err())
                .startsWith("runnel " + command + ": Missing required parameter")
                .endsWith("\nTry 'runnel " + command + " --help'.\n");
    }
}
