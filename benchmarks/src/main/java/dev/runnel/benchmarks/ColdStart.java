package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// How long does it take from the start of a Java process until the first step's result is there,
/// and what is the process's peak of resident memory then? Each run is a process of its own:
/// [ColdRunnel], [ColdOnnxRuntime], and [ColdJvm], which does nothing.
///
/// ```
/// benchmarks/run ColdStart
/// ```
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
@Fork(10)
@State(Scope.Thread)
public class ColdStart {
    static final String READY = "first step: ";

    @Param("LSTM-256")
    String model = "";

    @Param({"runnel", "onnxRuntime", "jvm"})
    String engine = "";

    /// The child's memory.
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Memory {
        /// High-water mark of the resident set.
        public double peakRssMiB;
    }

    private List<String> command = List.of();
    private Path file = Path.of("");

    @Setup
    public void writeModel() throws IOException {
        file = Files.createTempFile("runnel", ".onnx");
        Files.write(file, Workload.of(model).toOnnx());
        String main =
                switch (engine) {
                    case "runnel" -> ColdRunnel.class.getName();
                    case "onnxRuntime" -> ColdOnnxRuntime.class.getName();
                    default -> ColdJvm.class.getName();
                };
        command =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        main,
                        file.toString());
    }

    @TearDown
    public void deleteModel() throws IOException {
        Files.delete(file);
    }

    @Benchmark
    public void firstStep(Memory memory) throws IOException {
        Process child =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (BufferedReader out =
                new BufferedReader(
                        new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            String line = out.readLine();
            if (line == null || !line.startsWith(READY)) {
                throw new IllegalStateException("the process said " + line + ": " + command);
            }
            memory.peakRssMiB = peakRssMiB(child.pid()); // it waits for us: some 50 µs
        } finally {
            child.destroyForcibly();
        }
    }

    private static double peakRssMiB(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(l -> l.startsWith("VmHWM:"))
                .mapToDouble(l -> Double.parseDouble(l.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElse(Double.NaN);
    }

    /// Says that the first result is there, and waits to be ended.
    static void ready(float y) throws IOException {
        System.out.println(READY + y);
        System.out.flush();
        System.in.read();
    }
}
