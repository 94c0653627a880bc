package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// Guards against the main trap of the Vector API: a vector that C2 does not keep in a register, by
/// a call that it does not inline, is an object, and the kernel many times slower. Runs all kernels
/// ([KernelDriver]) in a JVM of their own, which starts as any process does, and looks at what they
/// allocate and at what C2 says.
class KernelGuardTest {
    private static final long PATIENCE_SECONDS = 400;

    @TempDir private static Path temp;

    private static List<String> output = List.of();
    private static CompilerLog log;

    @BeforeAll
    static void runDriver() throws IOException, InterruptedException, URISyntaxException {
        Path out = temp.resolve("out.txt");
        Path xml = temp.resolve("compiler.xml");
        Process java =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-XX:+UnlockDiagnosticVMOptions",
                                "-XX:+LogCompilation",
                                "-XX:LogFile=" + xml,
                                "-cp",
                                place(Kernels.class)
                                        + File.pathSeparator
                                        + place(KernelDriver.class),
                                KernelDriver.class.getName())
                        .redirectErrorStream(true)
                        .redirectOutput(out.toFile())
                        .start();
        boolean ended = java.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
        java.destroyForcibly();
        output = Files.readAllLines(out);
        assertThat(ended && java.exitValue() == 0).as("%s", output).isTrue();
        log = CompilerLog.read(xml);
    }

    private static Path place(Class<?> c) throws URISyntaxException {
        return Path.of(c.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    @Test
    void kernels_areAllGuarded() {
        assertThat(new KernelCases().forgotten())
                .as("methods of kernels without a case in KernelCases")
                .isEmpty();
    }

    @Test
    void kernels_onceCompiled_allocateNothing() {
        List<String> results = output.stream().filter(l -> l.endsWith(" bytes")).toList();
        assertThat(results).hasSameSizeAs(new KernelCases().all().keySet());
        assertThat(results)
                .as("%s%nin force: %s", String.join("\n", output), log.inForce())
                .allMatch(l -> l.endsWith(": 0 bytes"));
    }

    @Test
    void vectorCalls_areInlined() {
        assertThat(log.methods()).as("methods in the log of C2").isGreaterThan(20);
        assertThat(log.complaints()).isEmpty();
    }
}
