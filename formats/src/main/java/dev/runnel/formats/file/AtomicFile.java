package dev.runnel.formats.file;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/// A file that appears as a whole or not at all.
public final class AtomicFile {
    private AtomicFile() {}

    /// What writes the bytes.
    @FunctionalInterface
    public interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /// Writes a temporary file beside `file`, has it stored by the disk, and renames it. Whenever
    /// the process ends, there is either the old file or the whole new one; one that is killed may
    /// leave `.NAME.….tmp` behind. The permissions are those of any new file.
    ///
    /// @throws IOException if it cannot be written, or `file` is there and is no regular file
    public static void write(Path file, Content content) throws IOException {
        Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            throw new FileSystemException(file.toString(), null, "not a regular file");
        }
        String random = Long.toHexString(ThreadLocalRandom.current().nextLong());
        Path temporary = target.resolveSibling("." + target.getFileName() + "." + random + ".tmp");
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            temporary,
                            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE))) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
        storeName(target.resolveSibling("."));
    }

    /// That the name survives a power failure, too; not every system lets a folder be opened.
    private static void storeName(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // The file is complete under either name.
        }
    }
}
