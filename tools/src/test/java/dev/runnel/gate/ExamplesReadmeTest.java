package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/// The commands of docs/examples/README.md, as a shell runs them; but with the class path of this
/// test, as the launcher may have built nothing.
class ExamplesReadmeTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Path EXAMPLES = ROOT.resolve("docs/examples");
    private static final String CLASS_PATH = System.getProperty("java.class.path");

    /// A block of commands of the README beside the examples.
    private static String commands(String beginning) throws IOException {
        String readme = Files.readString(EXAMPLES.resolve("README.md"));
        return Arrays.stream(readme.split("```"))
                .filter(block -> block.contains(beginning))
                .findFirst()
                .orElseThrow()
                .replaceFirst("bash\n", "")
                .replace("'tools/target/lib/*'", "\"$CLASS_PATH\"");
    }

    /// In a shell whose `java` is this one.
    private static ProcessBuilder shell(String commands) {
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "not run: there is no /bin/bash");
        ProcessBuilder builder =
                new ProcessBuilder("/bin/bash", "-ec", commands)
                        .directory(ROOT.toFile())
                        .redirectError(ProcessBuilder.Redirect.INHERIT);
        Path bin = Path.of(System.getProperty("java.home"), "bin");
        builder.environment().merge("PATH", bin + ":", (path, first) -> first + path);
        builder.environment().put("CLASS_PATH", absolute(CLASS_PATH));
        builder.environment().put("JAVA_TOOL_OPTIONS", "-Dstdout.encoding=UTF-8");
        builder.environment().put("LC_ALL", "C.UTF-8");
        return builder;
    }

    private static String absolute(String classPath) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void readme_commandsOfTheFive_succeed() throws Exception {
        Process process = shell(commands("Idioms.java")).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        assertThat(out).contains("四海为家\n家", "ROMEO:", "\n1979-05-03\n", "\na ", "\n625\n");
    }

    @Test
    void readme_commandsOfTheService_succeed() throws Exception {
        Process process = shell(commands("SpeechAndTextService.java").replace("8080", "0")).start();
        try (BufferedReader out = process.inputReader()) {
            String port = out.readLine().replace("listening on port ", "");
            Process client = shell(commands("curl -N").replace("8080", port)).start();
            client.getOutputStream().close();
            String answer =
                    new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int code = client.waitFor();
            assumeTrue(code != 127, "not run: there is no curl");
            assertThat(code).isZero();
            assertThat(answer).startsWith("data: ").endsWith("\n\n625");
        } finally {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
        }
    }
}
