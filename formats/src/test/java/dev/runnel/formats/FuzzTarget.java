package dev.runnel.formats;

import static dev.runnel.formats.Onnx.tensor;

import com.sun.management.ThreadMXBean;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;
import dev.runnel.formats.npy.Npy;
import dev.runnel.formats.onnx.OnnxReader;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipOutputStream;

/// The readers, each with files to start from, and what is demanded of it whatever the bytes: it
/// ends soon, in a result or in one of three exceptions, and takes no more memory than the file's
/// size justifies. [MutationTest] and [JazzerTest] make the bytes.
public enum FuzzTarget {
    MODEL {
        @Override
        List<byte[]> seeds() {
            return OnnxSeeds.all();
        }

        @Override
        Object read(MappedFile file) throws IOException {
            return Models.read(file);
        }
    },
    TENSOR {
        @Override
        List<byte[]> seeds() {
            return List.of(
                    tensor("w", 1, 2, 3).build().toByteArray(),
                    tensor("w", 1).clearRawData().addFloatData(5).build().toByteArray());
        }

        @Override
        Object read(MappedFile file) throws IOException {
            return OnnxReader.readTensor(file);
        }
    },
    NPY {
        @Override
        List<byte[]> seeds() {
            return entries("arrays.npz", "(?!labels).*npy");
        }

        @Override
        Object read(MappedFile file) {
            return Npy.read(file);
        }
    },
    NPZ {
        @Override
        List<byte[]> seeds() {
            return made(".npz");
        }
    },
    PYTORCH {
        @Override
        List<byte[]> seeds() {
            return made("[a-z0-9]+.pt");
        }
    },
    /// The pickle alone: within an archive its CRC-32 is in the way of mutations.
    PYTORCH_PICKLE {
        @Override
        List<byte[]> seeds() {
            return Stream.of("views.pt", "protocol4.pt")
                    .flatMap(name -> entries(name, "data.pkl").stream())
                    .toList();
        }

        @Override
        Object read(MappedFile file) throws IOException {
            byte[] pickle = file.bytes().toArray(ValueLayout.JAVA_BYTE);
            byte[] numbers = new byte[24 * Float.BYTES];
            byte[] zip =
                    Zips.zip(ZipOutputStream.STORED, "a/data.pkl", pickle, "a/data/0", numbers);
            return Checkpoint.read(MappedFile.of(file.name(), offHeap(zip)));
        }
    },
    PYTORCH_STREAM {
        @Override
        List<byte[]> seeds() {
            return made("[a-z0-9]+_stream.pt");
        }
    },
    SAFETENSORS {
        @Override
        List<byte[]> seeds() {
            return made(".safetensors");
        }
    },
    RNL {
        @Override
        List<byte[]> seeds() {
            return OnnxSeeds.all().stream()
                    .skip(1) // has external data
                    .map(FuzzTarget::rnl)
                    .toList();
        }

        @Override
        Object read(MappedFile file) throws IOException {
            return Models.read(file);
        }
    },
    KERAS_HDF5 {
        @Override
        List<byte[]> seeds() {
            return keras("keras2.*(?<!golden)\\.h5");
        }
    },
    KERAS {
        @Override
        List<byte[]> seeds() {
            return keras("stateful.keras");
        }

        @Override
        Object read(MappedFile file) throws IOException {
            return Models.read(file);
        }
    },
    /// A recipe, for the weights of an LSTM.
    RECIPE {
        @Override
        List<byte[]> seeds() {
            String layers =
                    """
                    inputs: {x: [4, 1, 3], s: {shape: [1, N, 3], type: float16}}
                    layers:
                    - concat: {from: [x, x], axis: 1}
                    - reshape: [0, -1]
                    - transpose: [1, 0]
                    - flip: {axis: -1}
                    - pick: {axis: 0, at: 2}
                    - activation: elu(1.5)
                    - add: [activation, pick]
                    outputs: {y: add, z: flip}
                    """;
            return Stream.of(Recipe.suggest(lstm()), layers)
                    .map(text -> text.getBytes(StandardCharsets.UTF_8))
                    .toList();
        }

        @Override
        Object read(MappedFile file) {
            byte[] text = file.bytes().toArray(ValueLayout.JAVA_BYTE);
            return Recipe.of(file.name(), new String(text, StandardCharsets.UTF_8)).graph(lstm());
        }
    };

    private static final String NAME = "m.onnx";
    private static final long HEAP_BYTES = 4 << 20; // for files of about 1 kB
    private static final long HEAP_TO_SIZE = 1000;
    private static final long OFF_HEAP_BYTES = 1 << 20;
    private static final long OFF_HEAP_TO_SIZE = 1100; // what deflate can make of a byte, and more
    private static final long NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final BufferPoolMXBean OFF_HEAP =
            ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                    .filter(pool -> pool.getName().equals("direct"))
                    .findFirst()
                    .orElseThrow();

    /// Small files of this kind that are in order.
    abstract List<byte[]> seeds();

    /// Reads such a file; a checkpoint unless overridden.
    Object read(MappedFile file) throws IOException {
        return Checkpoint.read(file);
    }

    /// Reads a file of these bytes; returns whether it was in order.
    ///
    /// @param folder where it is said to lie, as files of external data are looked for there
    /// @throws AssertionError if the reader does not do as demanded
    final boolean check(byte[] bytes, Path folder) {
        MappedFile file = new MappedFile(NAME, folder, offHeap(bytes).asReadOnly());
        long most = HEAP_BYTES + HEAP_TO_SIZE * bytes.length;
        long heap = THREADS.getCurrentThreadAllocatedBytes();
        long offHeap = OFF_HEAP.getTotalCapacity();
        long nanos = System.nanoTime();
        boolean inOrder = isInOrder(file);
        nanos = System.nanoTime() - nanos;
        offHeap = OFF_HEAP.getTotalCapacity() - offHeap; // less if the collector ran meanwhile
        heap = THREADS.getCurrentThreadAllocatedBytes() - heap;
        if (heap > most) { // classes that are loaded take some, the first time
            heap = THREADS.getCurrentThreadAllocatedBytes();
            isInOrder(file);
            heap = THREADS.getCurrentThreadAllocatedBytes() - heap;
        }
        demand(heap <= most, heap + " bytes of heap", file);
        demand(
                offHeap <= OFF_HEAP_BYTES + OFF_HEAP_TO_SIZE * bytes.length,
                offHeap + " bytes off the heap",
                file);
        demand(nanos < NANOS, nanos / 1_000_000 + " ms", file);
        return inOrder;
    }

    private boolean isInOrder(MappedFile file) {
        try {
            read(file);
            return true;
        } catch (MalformedModelException | UnsupportedModelException e) {
            demand(String.valueOf(e.getMessage()).startsWith(NAME + ":"), e.toString(), file);
        } catch (IOException e) { // a mutated name of an external file
            demand(e.getMessage() != null, e.toString(), file);
        } catch (Throwable e) {
            throw new AssertionError("this file: " + hex(file), e);
        }
        return false;
    }

    private static void demand(boolean met, String got, MappedFile file) {
        if (!met) {
            throw new AssertionError(got + " for this file: " + hex(file));
        }
    }

    private static String hex(MappedFile file) {
        return HexFormat.of().formatHex(file.bytes().toArray(ValueLayout.JAVA_BYTE));
    }

    private static MemorySegment offHeap(byte[] bytes) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes.length, 8);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    // ---- files that `make.py` made

    private static final String MADE = "/dev/runnel/formats/checkpoint";

    /// Those whose names end in, or match, `pattern`.
    private static List<byte[]> made(String pattern) {
        return files(folder(), pattern);
    }

    private static List<byte[]> keras(String pattern) {
        return files(folder().resolve("../../../../keras"), pattern);
    }

    private static List<byte[]> files(Path folder, String pattern) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted()
                    .filter(f -> matches(f.getFileName().toString(), pattern))
                    .map(FuzzTarget::bytes)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] rnl(byte[] onnx) {
        try {
            Path file = Files.createTempFile("seed", ".rnl");
            Models.write(Models.read("m.onnx", offHeap(onnx)), file);
            byte[] bytes = bytes(file);
            Files.delete(file);
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Checkpoint lstm() {
        try {
            return Checkpoint.read(folder().resolve("lstm.pt"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean matches(String name, String pattern) {
        return name.endsWith(pattern) || name.matches(pattern);
    }

    /// The entries of one of them, an archive, whose names do.
    private static List<byte[]> entries(String archive, String pattern) {
        MappedFile file = MappedFile.of(archive, offHeap(bytes(folder().resolve(archive))));
        ZipArchive zip = ZipArchive.open(file);
        return zip.names().stream()
                .filter(name -> matches(name, pattern))
                .map(name -> zip.get(name).bytes().toArray(ValueLayout.JAVA_BYTE))
                .toList();
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path folder() {
        return Path.of(System.getProperty("runnel.root", ".."), "formats", "src", "test")
                .resolve("resources" + MADE);
    }
}
