package dev.runnel.benchmarks;

import ai.onnxruntime.OrtSession;

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
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// How long does it take from the start of a Java process until the first step's result is there,
/// and what is the process's peak of resident memory then? Each run is a process of its own:
/// [ColdRunnel], [ColdOnnxRuntime], and [ColdJvm], which does nothing. All have the same class path
/// and flags, but only Runnel needs the vector module.
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

    /// `runnel` and ONNX Runtime read ONNX, `runnelRnl` and `runnelAot` the same model as `.rnl`.
    /// `-Aot` has the JVM's AOT cache of an earlier run. ONNX Runtime's libraries are in a folder
    /// that its property names; `onnxRuntimeJar` unpacks them from its jar, as it does by itself.
    @Param({
        "runnel",
        "runnelRnl",
        "runnelAot",
        "onnxRuntime",
        "onnxRuntimeAot",
        "onnxRuntimeJar",
        "jvm"
    })
    String engine = "";

    /// The child's memory.
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Memory {
        /// High-water mark of the resident set.
        public double peakRssMiB;
    }

    /// The first element of the first step's result; 0 of a JVM that does nothing.
    float y;

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
                    case "runnel" -> runnel(onnx);
                    case "runnelRnl" -> runnel(rnl);
                    case "runnelAot" -> withCache(runnel(rnl));
                    case "onnxRuntime" -> onnxRuntime(onnx);
                    case "onnxRuntimeAot" -> withCache(onnxRuntime(onnx));
                    case "onnxRuntimeJar" -> command(ColdOnnxRuntime.class, onnx);
                    case "jvm" -> command(ColdJvm.class, onnx);
                    default -> throw new IllegalArgumentException("no engine '" + engine + "'");
                };
    }

    private List<String> runnel(Path file) {
        return with("--add-modules=jdk.incubator.vector", command(ColdRunnel.class, file));
    }

    private List<String> onnxRuntime(Path file) throws IOException {
        Path libraries = Files.createDirectory(folder.resolve("native"));
        String arch = System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x64";
        for (String library : List.of("onnxruntime", "onnxruntime4j_jni")) {
            String name = System.mapLibraryName(library);
            String resource = "/ai/onnxruntime/native/linux-" + arch + "/" + name;
            try (InputStream in = OrtSession.class.getResourceAsStream(resource)) {
                Files.copy(Objects.requireNonNull(in, resource), libraries.resolve(name));
            }
        }
        return with("-Donnxruntime.native.path=" + libraries, command(ColdOnnxRuntime.class, file));
    }

    private List<String> command(Class<?> main, Path file) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.io.tmpdir=" + folder, // what is unpacked goes with the folder
                main.getName(),
                file.toString());
    }

    /// The command with a cache of what a run of it loads. Such a cache wants a class path of jars.
    private List<String> withCache(List<String> command) throws IOException, InterruptedException {
        Path cache = folder.resolve("classes.aot");
        Path log = folder.resolve("log.txt");
        Process child =
                process(with("-XX:AOTCacheOutput=" + cache, command))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        child.getOutputStream().close(); // so it ends when it is ready
        if (child.waitFor() != 0 || !Files.exists(cache)) {
            throw new IllegalStateException("no AOT cache: " + Files.readString(log));
        }
        return with("-XX:AOTMode=on", with("-XX:AOTCache=" + cache, command)); // or no start
    }

    /// A process that has the class path in its environment: ONNX Runtime 1.29 crashes if its
    /// command line has 4096 bytes or more.
    private static ProcessBuilder process(List<String> command) {
        ProcessBuilder process = new ProcessBuilder(command);
        process.environment().put("CLASSPATH", System.getProperty("java.class.path"));
        return process;
    }

    private static List<String> with(String flag, List<String> command) {
        List<String> flagged = new ArrayList<>(command);
        flagged.add(1, flag);
        return flagged;
    }

    @TearDown
    public void deleteModel() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Benchmark
    public void firstStep(Memory memory) throws IOException {
        Process child = process(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (BufferedReader out =
                new BufferedReader(
                        new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            String line = out.readLine();
            if (line == null || !line.startsWith(READY)) {
                throw new IllegalStateException("the process said " + line + ": " + command);
            }
            y = Float.parseFloat(line.substring(READY.length()));
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
