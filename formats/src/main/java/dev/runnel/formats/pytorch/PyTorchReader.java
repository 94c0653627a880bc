package dev.runnel.formats.pytorch;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/// Reads what `torch.save` writes: a state_dict, or dicts and lists that hold such. Tensors are
/// slices of the mapped file, but for those whose elements do not lie in row-major order.
///
/// Source: `torch/serialization.py` of PyTorch 2.7.
public final class PyTorchReader {
    private static final String PICKLE = "/data.pkl";
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final long STREAM_PROTOCOL = 1001;

    private PyTorchReader() {}

    /// Whether `zip` is an archive of PyTorch's.
    public static boolean isPyTorch(ZipArchive zip) {
        return zip.names().stream().anyMatch(name -> name.endsWith(PICKLE));
    }

    /// The tensors in an archive as PyTorch writes it since version 1.6: a pickle, and an entry for
    /// each storage.
    ///
    /// @throws dev.runnel.MalformedModelException if it is not well-formed
    /// @throws dev.runnel.UnsupportedModelException if the pickle names anything but tensors and
    ///   plain containers
    public static Checkpoint read(MappedFile file, ZipArchive zip) {
        List<String> pickles = zip.names().stream().filter(n -> n.endsWith(PICKLE)).toList();
        if (pickles.size() != 1) {
            throw file.malformed(
                    "the archive has " + pickles.size() + " entries data.pkl, expected 1");
        }
        String pickle = pickles.getFirst();
        String folder = pickle.substring(0, pickle.length() - PICKLE.length() + 1);
        if (zip.names().contains(folder + "constants.pkl")) {
            throw file.unsupported(
                    "the file is a TorchScript program, not only its weights; save"
                            + " model.state_dict() instead");
        }
        MappedFile order = zip.find(folder + "byteorder");
        if (order != null && !order.has(0, "little")) {
            throw file.unsupported("the tensors' bytes are not in little-endian order");
        }
        Storages storages = new Storages(file, key -> zip.get(folder + "data/" + key).bytes());
        MappedFile entry = zip.get(pickle);
        MappedFile bytes = new MappedFile(file.name(), null, entry.bytes());
        Object root = new Pickle(bytes, 0, new Globals(bytes), storages).load();
        return checkpoint(file, root, "PyTorch");
    }

    /// The tensors in a stream as PyTorch writes it before version 1.6: pickles of a magic number,
    /// a version, the machine's sizes, the value, and the storages' keys; then the storages, each
    /// as its number of elements and their bytes.
    ///
    /// @throws dev.runnel.MalformedModelException as [#read]
    /// @throws dev.runnel.UnsupportedModelException as [#read], and if the pickle is not PyTorch's
    public static Checkpoint readStream(MappedFile file) {
        Storages storages = new Storages(file, null);
        Pickle pickle = new Pickle(file, 0, new Globals(file), storages);
        if (!MAGIC.equals(pickle.load())) {
            throw file.unsupported("the file is a Python pickle, but not one of PyTorch's");
        }
        if (!Long.valueOf(STREAM_PROTOCOL).equals(pickle.load())) {
            throw file.unsupported("the file is of another version than " + STREAM_PROTOCOL);
        }
        if (!(pickle.load() instanceof Map<?, ?> machine)
                || !Boolean.TRUE.equals(machine.get("little_endian"))) {
            throw file.unsupported("the tensors' bytes are not in little-endian order");
        }
        Object root = pickle.load();
        if (!(pickle.load() instanceof List<?> keys)) {
            throw file.malformed("the file has no list of its storages' keys");
        }
        long at = pickle.position();
        for (Object key : keys) {
            at = storage(file, storages, key, at);
        }
        if (at != file.size()) {
            throw file.malformed(
                    "the file has " + (file.size() - at) + " bytes after its last storage");
        }
        return checkpoint(file, root, "PyTorch before 1.6");
    }

    /// Reads the storage at byte `at`; returns where the next one begins.
    private static long storage(MappedFile file, Storages storages, Object key, long at) {
        Storage storage = storages.get(key);
        long left = file.size() - at - Long.BYTES;
        long elements = left < 0 ? -1 : file.littleEndianLong(at);
        int size = storage.dtype().byteSize();
        if (elements < 0 || elements > left / size) {
            throw file.malformed("storage '" + storage.key() + "' is cut off at byte " + at);
        }
        MemorySegment data = file.bytes().asSlice(at + Long.BYTES, elements * size);
        storages.set(storage.key(), elements, data);
        return at + Long.BYTES + data.byteSize();
    }

    private static Checkpoint checkpoint(MappedFile file, @Nullable Object root, String format) {
        Contents contents = new Contents(file, root, format);
        return new Checkpoint(file.name(), contents.tensors(), contents.metadata());
    }
}
