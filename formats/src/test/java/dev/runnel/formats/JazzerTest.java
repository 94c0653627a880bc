package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Jazzer searches for bytes that a reader cannot stand, guided by the code that they reach.
///
/// `mvn verify -Pnightly -pl formats -am` gives each reader ten minutes; `-Drunnel.fuzz.seconds=60`
/// another time, `-Dtest=JazzerTest` runs this alone. What it finds stays in `target/jazzer`.
@EnabledIfSystemProperty(
        named = "runnel.fuzz.seconds",
        matches = "[0-9]+",
        disabledReason = "takes long: mvn verify -Pnightly")
class JazzerTest {
    private static final String TARGET = "runnel.fuzz.target";

    @TempDir private Path corpus = Path.of("");

    @ParameterizedTest
    @EnumSource
    void reader_fuzzed_doesAsDemanded(FuzzTarget target) throws Exception {
        Path seeds = Files.createDirectory(corpus.resolve("seeds"));
        int n = 0;
        for (byte[] seed : target.seeds()) {
            Files.write(seeds.resolve("seed" + n++), seed);
        }
        Path found = Files.createDirectories(Path.of("target", "jazzer", target.name()));
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx1g", "-XX:+UseSerialGC", "-XX:+EnableDynamicAgentLoading"));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
        command.add(System.getProperty("java.class.path"));
        command.add("-D" + TARGET + "=" + target);
        command.add("-Drunnel.root=" + System.getProperty("runnel.root", ".."));
        command.add("com.code_intelligence.jazzer.Jazzer");
        command.add("--target_class=" + Input.class.getName());
        command.add("--instrumentation_includes=dev.runnel.**");
        command.add("--reproducer_path=" + found);
        command.add("-artifact_prefix=" + found + "/");
        command.add("-max_total_time=" + Integer.getInteger("runnel.fuzz.seconds"));
        command.addAll(List.of("-timeout=20", "-rss_limit_mb=4096", "-max_len=8192"));
        command.add("-print_final_stats=1");
        command.add(seeds.toString());
        Path log = found.resolve("log.txt");
        Process jazzer =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        try {
            assertThat(jazzer.waitFor()).as(log.toString()).isEqualTo(0);
        } finally {
            jazzer.destroy();
        }
    }

    /// What Jazzer calls.
    public static final class Input {
        private static final FuzzTarget TARGET_OF_PROCESS =
                FuzzTarget.valueOf(System.getProperty(TARGET, FuzzTarget.MODEL.name()));
        private static final Path FOLDER = folder();

        private Input() {}

        /// Called with one input after another.
        public static void fuzzerTestOneInput(byte[] bytes) {
            TARGET_OF_PROCESS.check(bytes, FOLDER);
        }

        private static Path folder() {
            try {
                Path folder = Files.createTempDirectory("runnel-fuzz");
                Path file = folder.resolve("m.onnx");
                Files.write(file, TARGET_OF_PROCESS.seeds().getFirst());
                file.toFile().deleteOnExit();
                return folder;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
