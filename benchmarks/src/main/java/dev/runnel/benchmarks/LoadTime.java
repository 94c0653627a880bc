package dev.runnel.benchmarks;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.formats.Models;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Precision;

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

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/// How long does it take to load some 100 MB of weights from a `.rnl` file that the system has in
/// memory, beside what reading and copying its bytes takes? A load is the eleventh of its process;
/// of `-first` it is the first, with nothing of it compiled, though the classes that wrote the file
/// are there.
///
/// ```
/// benchmarks/run LoadTime
/// ```
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
        })
@State(Scope.Thread)
public class LoadTime {
    private static final int LOADS_BEFORE = 10;
    private static final int PIECE = 1 << 16;

    /// The layer, with how many there are before it, and the weights asked for or `first` behind.
    @Param({
        "LSTM-2048",
        "LSTM-2048-bf16",
        "LSTM-2048-int8",
        "LSTM-2048-first",
        "GRU-2048",
        "256xLSTM-128",
        "256xLSTM-128-first"
    })
    String model = "";

    /// `runnel` reads and compiles, `runnelRead` only reads; the last two are limits: copying the
    /// file's bytes to memory that is new, and reading them.
    @Param({"runnel", "runnelRead", "onnxRuntime", "copyFile", "readFile"})
    String engine = "";

    private Path file = Path.of("");
    private Load load = _ -> () -> {};
    private AutoCloseable loaded = () -> {};

    /// Brings a file to where it can be used from.
    private interface Load {
        /// What to close afterwards.
        AutoCloseable of(Path file) throws Exception;
    }

    @Setup
    public void writeModel() throws Exception {
        String[] parts = model.split("-(?=[a-z])");
        String option = parts.length > 1 ? parts[1] : "";
        load =
                switch (engine) {
                    case "runnel" -> runnel(option);
                    case "runnelRead" -> LoadTime::read;
                    case "onnxRuntime" -> onnxRuntime(option);
                    case "copyFile" -> LoadTime::copy;
                    case "readFile" -> LoadTime::readBytes;
                    default -> throw new IllegalArgumentException("no engine '" + engine + "'");
                };
        file = Files.createTempFile("runnel", engine.equals("onnxRuntime") ? ".onnx" : ".rnl");
        byte[] onnx = LayerStack.of(parts[0]).toOnnx();
        if (engine.equals("onnxRuntime")) {
            Files.write(file, onnx);
        } else {
            Models.write(Models.read(model, MemorySegment.ofArray(onnx)), file);
        }
        for (int i = 0; i < LOADS_BEFORE && !option.equals("first"); i++) {
            load.of(file).close();
        }
        System.gc(); // what writing the file has left
    }

    @TearDown
    public void close() throws Exception {
        loaded.close();
        Files.delete(file);
    }

    @Benchmark
    public void load() throws Exception {
        loaded = load.of(file);
    }

    private static Load runnel(String option) {
        Options options =
                switch (option) {
                    case "bf16" -> Options.defaults().weights(Precision.BF16);
                    case "int8" -> Options.defaults().weights(Precision.INT8);
                    default -> Options.defaults();
                };
        return f -> Model.compile(Models.read(f), options);
    }

    private static AutoCloseable read(Path file) throws IOException {
        Graph graph = Models.read(file);
        return () -> Reference.reachabilityFence(graph);
    }

    private static Load onnxRuntime(String option) {
        if (option.equals("bf16") || option.equals("int8")) {
            throw new UnsupportedOperationException("ONNX Runtime keeps the file's weights");
        }
        return file -> {
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            try (options) {
                return OrtEnvironment.getEnvironment().createSession(file.toString(), options);
            }
        };
    }

    private static AutoCloseable copy(Path file) throws IOException {
        Arena arena = Arena.ofShared();
        MemorySegment bytes = map(file, arena);
        arena.allocate(bytes.byteSize(), 64).copyFrom(bytes);
        return arena::close;
    }

    /// Over one buffer that stays in the cache: as fast as bytes are read, in a JVM of any age.
    private static AutoCloseable readBytes(Path file) throws IOException {
        Arena arena = Arena.ofShared();
        MemorySegment bytes = map(file, arena);
        MemorySegment piece = arena.allocate(PIECE, 64);
        for (long at = 0; at < bytes.byteSize(); at += PIECE) {
            long n = Math.min(PIECE, bytes.byteSize() - at);
            MemorySegment.copy(bytes, at, piece, 0, n);
        }
        return arena::close;
    }

    private static MemorySegment map(Path file, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
    }
}
