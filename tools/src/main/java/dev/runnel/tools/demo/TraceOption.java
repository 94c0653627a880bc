package dev.runnel.tools.demo;

import dev.runnel.formats.file.AtomicFile;
import dev.runnel.tools.trace.Trace;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The option that makes a page of what the LSTM does.
final class TraceOption {
    /// What an application did, done once more under observation.
    interface Replay {
        void run(Trace trace) throws IOException;
    }

    @Option(
            names = "--trace",
            paramLabel = "OUT.html",
            description = {
                "Write a page that shows, step by step, what the LSTM's gates do; open it in a"
                        + " browser. It holds "
                        + Trace.MOST_STEPS
                        + " steps at most. A page that is there is replaced, another file is not."
            })
    @Nullable Path file;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    /// Refuses, before the application runs, a file that cannot be written, and one that may be
    /// dear to somebody, such as what the application is given.
    ///
    /// @throws IOException if it is there and no such page, or cannot be written
    void check() throws IOException {
        if (file == null) {
            return;
        }
        if (file.toString().isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "--trace is '', expected the name of a file");
        }
        AtomicFile.requireWritable(file);
        if (Files.exists(file) && !Trace.isPage(file)) {
            throw new FileSystemException(
                    file + ": is there already, and no page of this command; name another file");
        }
    }

    /// Writes the page, if there is to be one.
    ///
    /// @param subject what the application was given
    void write(String subject, Replay replay) throws IOException {
        if (file == null) {
            return;
        }
        Trace trace = new Trace(spec.name(), subject);
        replay.run(trace);
        PrintWriter err = spec.commandLine().getErr();
        if (trace.isEmpty()) {
            err.println("no trace is written: the model made no step");
            return;
        }
        trace.write(file);
        err.println(trace.summary() + " written to " + file);
    }
}
