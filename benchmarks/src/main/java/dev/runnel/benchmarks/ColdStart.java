package dev.runnel.benchmarks;

import dev.runnel.formats.Models;

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
import java.util.ArrayList;
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

    /// `runnel` and ONNX Runtime read ONNX, `runnelRnl` and `runnelAot` the same model as `.rnl`,
    /// the latter with the JVM's AOT cache of an earlier run.
    @Param({"runnel", "runnelRnl", "runnelAot", "onnxRuntime", "jvm"})
    String engine = "";

    /// The child's memory.
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Memory {
        /// High-water mark of the resident set.
        public double peakRssMiB;
    }

    private List<String> command = List.of();
    private Path folder = Path.of("");

    @Setup
    public void writeModel() throws IOException, InterruptedException {
        folder = Files.createTempDirectory("runnel");
        Path onnx = Files.write(folder.resolve("model.onnx"), Workload.of(model).toOnnx());
        Path rnl = folder.resolve("model.rnl");
        Models.write(Models.read(onnx), rnl);
        command =
                switch (engine) {
                    case "runnel" -> command(ColdRunnel.class, onnx);
                    case "runnelRnl" -> command(ColdRunnel.class, rnl);
                    case "runnelAot" -> withCache(command(ColdRunnel.class, rnl));
                    case "onnxRuntime" -> command(ColdOnnxRuntime.class, onnx);
                    case "jvm" -> command(ColdJvm.class, onnx);
                    default -> throw new IllegalArgumentException("no engine '" + engine + "'");
                };
    }

    private static List<String> command(Class<?> main, Path file) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName(),
                file.toString());
    }

    /// The command with a cache of what a run of it loads. Such a cache wants a class path of jars.
    private List<String> withCache(List<String> command) throws IOException, InterruptedException {
        Path cache = folder.resolve("classes.aot");
        Path log = folder.resolve("log.txt");
        Process child =
                new ProcessBuilder(with("-XX:AOTCacheOutput=" + cache, command))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        child.getOutputStream().close(); // so it ends when it is ready
        if (child.waitFor() != 0 || !Files.exists(cache)) {
            throw new IllegalStateException("no AOT cache: " + Files.readString(log));
        }
        return with("-XX:AOTMode=on", with("-XX:AOTCache=" + cache, command)); // or no start
    }

    private static List<String> with(String flag, List<String> command) {
        List<String> flagged = new ArrayList<>(command);
        flagged.add(1, flag);
        return flagged;
    }

    @TearDown
    public void deleteModel() throws IOException {
        for (String name : List.of("model.onnx", "model.rnl", "classes.aot", "log.txt")) {
            Files.deleteIfExists(folder.resolve(name));
        }
        Files.delete(folder);
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
