package dev.runnel.tools.demo;

import dev.runnel.tools.demo.PcmStream.Encoding;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;

/// `runnel demo listen`: the command line of [Listener].
@Command(
        name = "listen",
        description = {
            "Hears the English digits in speech; each appears as soon as it was said.",
            "The sound becomes a spectrum 33 times a second, two LSTMs read it and score each"
                    + " digit, and connectionist temporal classification says which were spoken."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo listen digits.wav",
            "  arecord -q -t raw -f S16_LE -r 8000 | runnel demo listen -"
        },
        mixinStandardHelpOptions = true)
public final class ListenCommand implements Callable<Integer> {
    private static final int WIDEST = 100;
    private static final int LEAST_RATE = 1000;
    private static final int MOST_RATE = 768_000;

    @Parameters(
            paramLabel = "FILE",
            description =
                    "A WAV file of any rate; - for a raw stream on stdin: 16 bits, little-endian,"
                            + " one channel.")
    String file = "";

    @Option(
            names = "--rate",
            paramLabel = "HZ",
            description = "Samples a second of the raw stream (default: 8000).")
    @Nullable Integer rate;

    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "1",
            description =
                    "Keep the N most probable sequences; 1 takes the best of each step (default:"
                            + " ${DEFAULT-VALUE}).")
    int beam;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    TraceOption trace;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        require(beam >= 1 && beam <= WIDEST, "--beam is " + beam + ", expected 1 to " + WIDEST);
        if (file.equals("-")) {
            int hertz = rate == null ? Listener.RATE : rate;
            require(
                    hertz >= LEAST_RATE && hertz <= MOST_RATE,
                    "--rate is " + hertz + ", expected " + LEAST_RATE + " to " + MOST_RATE);
            listen(
                    new PcmStream(
                            "stdin",
                            System.in,
                            hertz,
                            1,
                            Encoding.SIGNED_16,
                            PcmStream.UNTIL_THE_END));
            return 0;
        }
        require(rate == null, "--rate is for a raw stream; a WAV file says its own");
        Path path = Path.of(file);
        if (Files.isDirectory(path)) {
            throw new FileSystemException(file + ": is a folder, expected a WAV file");
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
            PcmStream sound = WavFile.open(file, in);
            listen(sound);
            if (sound.missing() > 0) {
                err().println(
                                file
                                        + " is cut off: "
                                        + sound.missing()
                                        + " bytes less than it says that it has");
            }
        }
        return 0;
    }

    private void listen(Samples sound) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        int[] digits = {0};
        try (Listener listener = new Listener(beam)) {
            try {
                listener.hear(
                        sound,
                        digit -> {
                            digits[0]++;
                            out.print(digit);
                            out.flush();
                        });
            } finally {
                if (digits[0] > 0) {
                    out.println();
                }
            }
            if (digits[0] == 0) {
                err().println("no digit was heard");
            }
            if (listener.seconds() > 0) {
                double seconds = listener.seconds();
                double taken = listener.secondsTaken();
                err().printf(
                                Locale.ROOT,
                                "%.2f s of sound in %.3f s: %.4f of real time%n",
                                seconds,
                                taken,
                                taken / seconds);
            }
            trace.write(file.equals("-") ? "" : file, listener::trace);
        }
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
