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
import java.io.PushbackInputStream;
import java.nio.file.Files;
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
    private static final String FOR_RAW = "--rate is for a raw stream; a WAV file says its own";
    private static final int HEAD_BYTES = 4;
    private static final double LEAST_TIMED_SECONDS = 0.05; // of less no step sees all

    @Parameters(
            paramLabel = "FILE",
            description =
                    "A WAV file of any rate; - for stdin: a WAV file too, or a raw stream of 16"
                            + " bits, little-endian, one channel.")
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
        require(
                rate == null || rate >= Samples.LEAST_RATE && rate <= Samples.MOST_RATE,
                "--rate is %d, expected %d to %d"
                        .formatted(rate, Samples.LEAST_RATE, Samples.MOST_RATE));
        require(rate == null || file.equals("-"), FOR_RAW);
        trace.check();
        if (file.equals("-")) {
            hear(System.in);
        } else {
            try (InputStream in =
                    new BufferedInputStream(
                            Files.newInputStream(InputFile.named(file, "a WAV file")))) {
                listen(file, wav(file, in));
            }
        }
        return 0;
    }

    /// Whoever pipes a file of sound in need not know that it has a header.
    private void hear(InputStream stdin) throws IOException {
        PushbackInputStream in = new PushbackInputStream(stdin, HEAD_BYTES);
        byte[] head = in.readNBytes(HEAD_BYTES);
        in.unread(head);
        int hertz = rate == null ? Listener.RATE : rate;
        listen(
                "stdin",
                WavFile.begins(head)
                        ? wav("stdin", in)
                        : new PcmStream(
                                "stdin",
                                in,
                                hertz,
                                1,
                                Encoding.SIGNED_16,
                                PcmStream.UNTIL_THE_END));
    }

    private PcmStream wav(String name, InputStream in) throws IOException {
        require(rate == null, FOR_RAW);
        return WavFile.open(name, in);
    }

    private void listen(String name, PcmStream sound) throws IOException {
        listen(sound);
        if (sound.missing() > 0) {
            err().println(
                            name
                                    + " is cut off: "
                                    + sound.missing()
                                    + " bytes less than it says that it has");
        }
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
            double seconds = listener.seconds();
            double taken = listener.secondsTaken();
            if (seconds > 0) {
                err().printf(Locale.ROOT, "%.2f s of sound in %.3f s", seconds, taken);
                err().println(
                                seconds < LEAST_TIMED_SECONDS
                                        ? ""
                                        : String.format(
                                                Locale.ROOT,
                                                ": %.4f of real time",
                                                taken / seconds));
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
