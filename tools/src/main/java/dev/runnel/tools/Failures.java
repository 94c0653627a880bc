package dev.runnel.tools;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/// Exceptions in words that a reader of the command line can use.
final class Failures {
    private Failures() {}

    /// The message of exceptions that were written to be read; others with their class before it.
    static String describe(Throwable e) {
        String message = e.getMessage();
        return switch (e) {
            case NoSuchFileException f -> f.getFile() + ": no such file";
            case AccessDeniedException f -> f.getFile() + ": permission denied";
            case FileAlreadyExistsException f -> f.getFile() + ": is in the way";
            case FileSystemException f ->
                    message == null ? f.getFile() + ": cannot be used" : message;
            case MalformedModelException _, UnsupportedModelException _ -> String.valueOf(message);
            case IOException _, IllegalArgumentException _, IllegalStateException _
                    when message != null && e.getClass().getPackageName().startsWith("java.") ->
                    message;
            default -> e.getClass().getSimpleName() + (message == null ? "" : ": " + message);
        };
    }
}
