package dev.runnel.formats.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
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

    /// Looks at the whole file before it appears, and throws to keep it from appearing.
    @FunctionalInterface
    public interface Check {
        void accept(Path temporary) throws IOException;
    }

    /// Refuses, before any work is done, a place where no file can be written.
    ///
    /// @throws IOException if the folder is not there or may not be written to, or something lies
    ///   at the place that is no regular file
    public static void requireWritable(Path named) throws IOException {
        Path folder = named.toAbsolutePath().getParent();
        if (folder == null || Files.isDirectory(named)) {
            throw new FileSystemException(named + ": is a folder, expected the name of a file");
        }
        if (!Files.isDirectory(folder)) {
            throw Files.exists(folder)
                    ? new NotDirectoryException(folder.toString())
                    : new IOException(
                            folder + ": there is no such folder to write to; make it first");
        }
        if (Files.exists(named) && !Files.isRegularFile(named)) {
            throw new FileSystemException(named.toString(), null, "not a regular file");
        }
        if (!Files.isWritable(folder)) {
            throw new AccessDeniedException(folder.toString());
        }
    }

    /// Writes text, in UTF-8.
    ///
    /// @throws IOException as [#write(Path, Content, Check)]
    public static void write(Path file, String text) throws IOException {
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
        write(
                file,
                channel -> {
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                },
                _ -> {});
    }

    /// Writes a temporary file beside `file`, has it stored by the disk and checked, and renames
    /// it. Whenever the process ends, there is either the old file or the whole new one; one that
    /// is killed may leave `.NAME.….tmp` behind, one that is interrupted does not. The permissions
    /// are those of any new file.
    ///
    /// @throws IOException if it cannot be written, its folder is not there, or `file` is there and
    ///   is no regular file, or is a link to nowhere; the message names it
    public static void write(Path file, Content content, Check check) throws IOException {
        if (Files.isSymbolicLink(file) && !Files.exists(file)) {
            throw new FileSystemException(
                    file.toString(),
                    null,
                    "is a link to " + Files.readSymbolicLink(file) + ", which is not there");
        }
        Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            throw new FileSystemException(file.toString(), null, "not a regular file");
        }
        Path folder = target.getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            // Said by the system, it would name the temporary file.
            throw new FileSystemException(file.toString(), null, "there is no folder " + folder);
        }
        String random = Long.toHexString(ThreadLocalRandom.current().nextLong());
        Path temporary = target.resolveSibling("." + target.getFileName() + "." + random + ".tmp");
        Thread removal = new Thread(() -> delete(temporary));
        addHook(removal);
        try {
            writeAll(temporary, file, content);
            check.accept(temporary);
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
            removeHook(removal);
        }
        storeName(target.resolveSibling("."));
    }

    /// @param named which messages name, as the system's do not, such as of a full disk
    private static void writeAll(Path temporary, Path named, Content content) throws IOException {
        Set<StandardOpenOption> options =
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try (FileChannel channel = FileChannel.open(temporary, options)) {
            content.writeTo(channel);
            channel.force(true);
        } catch (FileSystemException e) {
            throw e;
        } catch (IOException e) {
            FileSystemException failure =
                    new FileSystemException(named.toString(), null, e.getMessage());
            failure.initCause(e);
            throw failure;
        }
    }

    private static void addHook(Thread hook) {
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending already.
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending, and the hook finds nothing to do.
        }
    }

    private static void delete(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // It stays, as if the process had been killed.
        }
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
