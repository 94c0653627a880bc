package dev.runnel.tools;

import org.jspecify.annotations.Nullable;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;

/// Standard output that remembers how it failed, which [PrintStream] does not: who writes a report
/// to a full disk is to know that there is none.
final class StandardOutput extends FilterOutputStream {
    private @Nullable IOException failure;

    StandardOutput(OutputStream to) {
        super(to);
    }

    /// Puts such a one in the place of `System.out`.
    static StandardOutput install() {
        StandardOutput output = new StandardOutput(new FileOutputStream(FileDescriptor.out));
        System.setOut(
                new PrintStream(new BufferedOutputStream(output), true, System.out.charset()));
        return output;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
        try {
            out.write(bytes, from, count);
        } catch (IOException e) {
            failure = failure == null ? e : failure;
            throw e;
        }
    }

    /// The exit code of a command that ended with `exit`: 1 if what it said was lost. That whoever
    /// reads a pipe has read enough is no failure.
    int exitCode(int exit, PrintStream err) {
        System.out.flush();
        if (failure == null || "Broken pipe".equals(failure.getMessage())) {
            return exit;
        }
        err.println("runnel: cannot write to standard output: " + failure.getMessage());
        return exit == 0 ? 1 : exit;
    }
}
