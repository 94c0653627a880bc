package dev.runnel.tools;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;

/// Where the commands print. A `PrintWriter` says nothing when what it prints is lost, so that a
/// command would go on for a reader who has left; this one ends the run.
final class StandardOutput extends OutputStream {
    /// What was printed could not be written.
    static final class Lost extends UncheckedIOException {
        private static final long serialVersionUID = 1;

        Lost(IOException cause) {
            super("cannot write to standard output: " + cause.getMessage(), cause);
        }

        /// Whether the reader has left, as `head` does when it has seen enough.
        boolean isOfReader() {
            return String.valueOf(getMessage()).contains("Broken pipe");
        }
    }

    private final OutputStream stream;

    private StandardOutput(OutputStream stream) {
        this.stream = stream;
    }

    /// A writer to the process's standard output.
    static PrintWriter open() {
        return on(new FileOutputStream(FileDescriptor.out), System.out.charset());
    }

    /// A writer that throws [Lost] where the stream throws an `IOException`.
    static PrintWriter on(OutputStream stream, Charset charset) {
        return new PrintWriter(new StandardOutput(stream), true, charset);
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) {
        try {
            stream.write(bytes, from, count);
        } catch (IOException e) {
            throw new Lost(e);
        }
    }

    @Override
    public void flush() {
        try {
            stream.flush();
        } catch (IOException e) {
            throw new Lost(e);
        }
    }
}
