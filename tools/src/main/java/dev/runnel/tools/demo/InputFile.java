package dev.runnel.tools.demo;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A file that an application is given.
final class InputFile {
    private InputFile() {}

    /// The file of this name.
    ///
    /// @param what is expected: `a WAV file`
    /// @throws IOException if it is not there, or a folder
    static Path named(String name, String what) throws IOException {
        if (name.isEmpty()) {
            throw new FileNotFoundException("'' is no file, expected the name of " + what);
        }
        Path path = Path.of(name);
        if (!Files.exists(path)) {
            throw new NoSuchFileException(name);
        }
        if (Files.isDirectory(path)) {
            throw new FileSystemException(name + ": is a folder, expected " + what);
        }
        return path;
    }
}
