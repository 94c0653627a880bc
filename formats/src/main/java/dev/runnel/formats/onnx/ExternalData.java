package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Tensors whose elements are in files beside the model. Such a file must lie in the model's folder
/// or below it, after all symbolic links are followed: a model must not make a server read what its
/// author may not. Each file is mapped once.
final class ExternalData {
    private final MappedFile model;
    private final Map<String, MappedFile> files = new HashMap<>();

    ExternalData(MappedFile model) {
        this.model = model;
    }

    /// The bytes of the tensor that messages call `what`.
    ///
    /// @throws dev.runnel.MalformedModelException if the location leaves the model's folder or the
    ///   range the file
    /// @throws IOException if the file cannot be opened
    MemorySegment slice(List<Message> entries, TensorType type, String what) throws IOException {
        String location = "";
        long offset = 0;
        long length = type.byteSize();
        for (Message e : entries) {
            String key = e.text(StringStringEntryProto.KEY_FIELD_NUMBER);
            String value = e.text(StringStringEntryProto.VALUE_FIELD_NUMBER);
            switch (key) {
                case "location" -> location = value;
                case "offset" -> offset = number(key, value, what);
                case "length" -> length = number(key, value, what);
                case "checksum" -> {} // optional by the standard, and slower than the reading
                // itself
                default ->
                        throw model.unsupported(what + " has '" + key + "' in its external_data");
            }
        }
        if (location.isEmpty()) {
            throw model.malformed(what + " has external data without a location");
        }
        if (length != type.byteSize()) {
            throw model.malformed(
                    what
                            + " has "
                            + length
                            + " bytes in '"
                            + location
                            + "', expected "
                            + type.byteSize()
                            + " for "
                            + type);
        }
        MappedFile file = files.get(location);
        if (file == null) {
            file = open(location, what);
            files.put(location, file);
        }
        if (offset > file.size() || length > file.size() - offset) {
            throw model.malformed(
                    what
                            + " has bytes "
                            + offset
                            + " to "
                            + offset
                            + " + "
                            + length
                            + " of '"
                            + location
                            + "', which has only "
                            + file.size());
        }
        return file.bytes().asSlice(offset, length);
    }

    private long number(String key, String value, String what) {
        try {
            long n = Long.parseLong(value);
            if (n >= 0) {
                return n;
            }
        } catch (NumberFormatException notANumber) {
            // refused below, like a negative one
        }
        throw model.malformed(
                what
                        + " has "
                        + key
                        + " '"
                        + value
                        + "' in its external_data, expected"
                        + " a number of bytes");
    }

    private MappedFile open(String location, String what) throws IOException {
        Path relative = relative(location);
        if (relative == null) {
            throw model.malformed(
                    what
                            + " has its data in '"
                            + location
                            + "', expected a relative path inside the"
                            + " model's folder");
        }
        Path folder = model.folder();
        if (folder == null) {
            throw model.unsupported(
                    what
                            + " has its data in '"
                            + location
                            + "', and the model, read from memory, has"
                            + " no folder; read it from its file");
        }
        Path real;
        try {
            real = folder.resolve(relative).toRealPath();
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(
                    folder.resolve(relative).toString(),
                    null,
                    "holds the data of " + what + " of " + model.name());
        }
        if (!real.startsWith(folder.toRealPath())) {
            throw model.malformed(
                    what
                            + " has its data in '"
                            + location
                            + "', a link that leads out of the model's"
                            + " folder");
        }
        if (!Files.isRegularFile(real)) {
            throw model.malformed(
                    what + " has its data in '" + location + "', which is not a regular file");
        }
        return MappedFile.openNoFollow(real);
    }

    /// The location as a path below a folder; null if it is none.
    private static @Nullable Path relative(String location) {
        try {
            Path path = Path.of(location);
            // Both separators count everywhere: a file refused on one system is refused on all.
            boolean climbs = List.of(location.split("[/\\\\]", -1)).contains("..");
            boolean absolute =
                    path.isAbsolute()
                            || location.startsWith("/")
                            || location.startsWith("\\")
                            || location.matches("[A-Za-z]:.*");
            return climbs || absolute ? null : path;
        } catch (InvalidPathException e) {
            return null;
        }
    }
}
