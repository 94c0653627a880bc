package dev.runnel.tools;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/// Exceptions in words that a reader of the command line can use.
final class Failures {
    private Failures() {}

    /// A message of the runtime, which speaks to Java programmers, in words of the command line.
    static String inOptionWords(String message) {
        return message.replace("compile with Options.", "use Options.")
                .replaceAll("\\bOptions\\.(bind|shape|dimension|stateful)\\b(\\(\\))?", "--$1")
                .replaceAll("; call run\\(x, y\\)|, or call run$", "; runnel run takes it whole");
    }

    /// The message of exceptions that were written to be read; others with their class before it.
    static String describe(Throwable e) {
        return Printable.lines(inOptionWords(message(e)));
    }

    private static String message(Throwable e) {
        String message = e.getMessage();
        return switch (e) {
            case NoSuchFileException f -> f.getFile() + ": no such file";
            case NotDirectoryException f -> f.getFile() + ": not a folder";
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
