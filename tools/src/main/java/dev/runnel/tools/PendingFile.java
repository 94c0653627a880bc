package dev.runnel.tools;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.ThreadLocalRandom;

/// A file under a temporary name, beside the one that it is to replace when all is well with it.
/// Closing it removes what was not published.
public final class PendingFile implements AutoCloseable {
    private final Path target;
    private final Path path;

    /// @param named the file to replace, or a symbolic link to it
    /// @param ending of the temporary name
    /// @throws IOException if a link leads nowhere
    public PendingFile(Path named, String ending) throws IOException {
        target = Files.exists(named) ? named.toRealPath() : named.toAbsolutePath();
        String random = Long.toHexString(ThreadLocalRandom.current().nextLong());
        path = target.resolveSibling(".runnel-" + random + ending);
        path.toFile().deleteOnExit(); // for a process that is interrupted
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

    /// Where it is until it is published; nothing is there yet.
    public Path path() {
        return path;
    }

    /// Puts it in the target's place, in one step.
    public void publish() throws IOException {
        Files.move(
                path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(path);
    }
}
