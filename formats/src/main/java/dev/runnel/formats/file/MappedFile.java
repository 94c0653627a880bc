package dev.runnel.formats.file;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/// A file's bytes, mapped into memory and unmapped when nothing refers to them any more, and its
/// name, with which every message about it begins. It may also lie in memory from the start.
///
/// @param name the file's own name, without its folder
/// @param folder where the file lies; null if it lies in memory only
/// @param bytes the whole file, read-only
public record MappedFile(String name, @Nullable Path folder, MemorySegment bytes) {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// A file that lies in memory. Memory that is no buffer of bytes, such as that of an `int[]`,
    /// is copied.
    public static MappedFile of(String name, MemorySegment bytes) {
        MemorySegment own = bytes;
        if (!bytes.isNative() && !(bytes.heapBase().orElse(null) instanceof byte[])) {
            own = Arena.ofAuto().allocate(bytes.byteSize(), Long.BYTES).copyFrom(bytes);
        }
        return new MappedFile(name, null, own.asReadOnly());
    }

    /// Maps `path`; the channel is closed at once, the mapping lives on.
    ///
    /// @throws IOException if it cannot be opened or mapped
    public static MappedFile open(Path path) throws IOException {
        return map(path, Set.of(StandardOpenOption.READ));
    }

    /// As [#open], but fails if the last part of `path` is a symbolic link.
    ///
    /// @throws IOException if it cannot be opened or mapped, or is a link
    public static MappedFile openNoFollow(Path path) throws IOException {
        return map(path, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
    }

    private static MappedFile map(Path path, Set<? extends java.nio.file.OpenOption> options)
            throws IOException {
        // Mapping a folder fails without its name; opening a pipe waits for somebody to write.
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            String named = path.toString().isEmpty() ? "''" : path.toString();
            throw new FileSystemException(named, null, "not a regular file");
        }
        try (FileChannel channel = FileChannel.open(path, options)) {
            MemorySegment bytes =
                    channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
            Path name = path.getFileName();
            return new MappedFile(
                    name == null ? path.toString() : name.toString(),
                    path.toAbsolutePath().getParent(),
                    bytes);
        }
    }

    public long size() {
        return bytes.byteSize();
    }

    /// Whether the bytes at `offset` are these characters of Latin-1.
    public boolean has(long offset, String latin1) {
        if (size() - offset < latin1.length()) {
            return false;
        }
        for (int i = 0; i < latin1.length(); i++) {
            if (bytes.get(ValueLayout.JAVA_BYTE, offset + i) != (byte) latin1.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /// The byte at `offset`, 0 to 255.
    public int unsignedByte(long offset) {
        return Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, offset));
    }

    /// The two bytes at `offset`, least significant first, 0 to 65535.
    public int littleEndianShort(long offset) {
        return Short.toUnsignedInt(bytes.get(SHORT, offset));
    }

    /// The eight bytes at `offset`, least significant first.
    public long littleEndianLong(long offset) {
        return bytes.get(LONG, offset);
    }

    /// A part of this file, such as an entry of an archive, which messages call `part`.
    public MappedFile part(String part, MemorySegment bytes) {
        return new MappedFile(name + ": " + part, null, bytes.asReadOnly());
    }

    /// The four bytes at `offset`, least significant first.
    public int littleEndianInt(long offset) {
        return bytes.get(INT, offset);
    }

    /// An exception that blames the file, to be thrown by the caller.
    public MalformedModelException malformed(String what) {
        return new MalformedModelException(name() + ": " + what);
    }

    /// An exception that says what Runnel cannot do, to be thrown by the caller.
    public UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException(name() + ": " + what);
    }
}
