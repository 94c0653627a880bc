package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What benchmarks/run says before it builds anything.
class RunScriptTest {
    private record Said(int exit, String out) {}

    private static Said run(String... arguments) throws IOException, InterruptedException {
        Path script = Path.of(System.getProperty("runnel.root"), "benchmarks", "run");
        List<String> command = new ArrayList<>(List.of("bash", script.toString()));
        command.addAll(List.of(arguments));
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Said(p.waitFor(), out);
    }

    @Test
    void help_namesOptionsAndQuestions() throws IOException, InterruptedException {
        Said said = run("--help");
        assertThat(said.exit()).isZero();
        assertThat(said.out())
                .startsWith("Measures Runnel beside its peers: benchmarks/run [--quick]")
                .contains("--no-peers", "RUNNEL_JAVA_HOME")
                .endsWith("Questions: " + names() + "\n");
    }

    @Test
    void unknownQuestion_isRefused_withThoseThereAre() throws IOException, InterruptedException {
        Said said = run("--quick", "StepLatencies");
        assertThat(said.exit()).isEqualTo(2);
        assertThat(said.out())
                .isEqualTo(
                        "benchmarks/run: no question 'StepLatencies'; there are " + names() + "\n");
    }

    @Test
    void unknownOption_isRefused() throws IOException, InterruptedException {
        Said said = run("--fast");
        assertThat(said.exit()).isEqualTo(2);
        assertThat(said.out())
                .isEqualTo("benchmarks/run: no option --fast; see benchmarks/run --help\n");
    }

    private static String names() {
        return String.join(" ", Question.ALL.stream().map(Question::name).toList());
    }
}
