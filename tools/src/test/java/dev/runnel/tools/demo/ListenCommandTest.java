package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.tools.DemoCommand;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

class ListenCommandTest {
    private static final String TIME = "[0-9.]+ s of sound in [0-9.]+ s: [0-9.]+ of real time\\R";

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;

    private int listen(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        String[] all = new String[args.length + 1];
        all[0] = "listen";
        System.arraycopy(args, 0, all, 1, args.length);
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setExecutionExceptionHandler(
                        (e, _, _) -> {
                            err.append(String.valueOf(e.getMessage()));
                            return 1;
                        })
                .execute(all);
    }

    private int listenToStdin(byte[] bytes, String... args) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(bytes));
        try {
            return listen(args);
        } finally {
            System.setIn(before);
        }
    }

    private String file(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("x.wav"), bytes).toString();
    }

    private static byte[] recording() throws IOException {
        String name = "listen/held-out/00-2.wav";
        try (InputStream in = Embedded.class.getResourceAsStream(name)) {
            return java.util.Objects.requireNonNull(in).readAllBytes();
        }
    }

    @Test
    void listen_toAFile_saysItsDigitsAndHowFast() throws IOException {
        assertThat(listen(file(recording()))).isZero();
        assertThat(out.toString().strip()).isEqualTo("2");
        assertThat(err.toString()).matches(TIME);
        assertThat(listen(file(recording()), "--beam", "8")).isZero();
        assertThat(out.toString().strip()).isEqualTo("2");
    }

    @Test
    void listen_toARawStream_saysItsDigits() throws IOException {
        byte[] recording = recording();
        byte[] raw = Arrays.copyOfRange(recording, 44, recording.length);
        assertThat(listenToStdin(raw, "-")).isZero();
        assertThat(out.toString().strip()).isEqualTo("2");
        assertThat(listenToStdin(Arrays.copyOf(raw, 1), "-", "--rate", "16000")).isZero();
        assertThat(out.toString()).isEmpty();
        assertThat(err.toString().strip()).isEqualTo("no digit was heard");
    }

    @Test
    void listen_toAWavFileOnStdin_readsItsHeader() throws IOException {
        float[] slow = new float[8000];
        assertThat(listenToStdin(recording(), "-")).isZero();
        assertThat(out.toString().strip()).isEqualTo("2");
        assertThat(listenToStdin(Wav.file(slow, 44_100, 2, 24), "-")).isZero();
        assertThat(err.toString()).contains("0.09 s of sound"); // 4000 / 44100
        assertThat(listenToStdin(recording(), "-", "--rate", "8000")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--rate is for a raw stream");
    }

    @Test
    void listen_toAnInstant_doesNotTellItsSpeed() throws IOException {
        assertThat(listen(file(Wav.file(new float[1], 8000, 1, 16)))).isZero();
        assertThat(err.toString()).matches("no digit was heard\\R0.00 s of sound in [0-9.]+ s\\R");
    }

    @Test
    void listen_toSilence_saysThatThereIsNoDigit() throws IOException {
        assertThat(listen(file(Wav.file(new float[8000], 44_100, 2, 24)))).isZero();
        assertThat(out.toString()).isEmpty();
        assertThat(err.toString()).matches("no digit was heard\\R" + TIME);
    }

    @Test
    void listen_toAFileThatIsCutOff_hearsWhatIsThereAndSaysSo() throws IOException {
        byte[] recording = recording();
        assertThat(listen(file(Arrays.copyOf(recording, recording.length - 100)))).isZero();
        assertThat(out.toString().strip()).isEqualTo("2");
        assertThat(err.toString()).contains("is cut off: 100 bytes less than it says");
    }

    @Test
    void listen_toWhatIsNoSound_saysWhatItIs() throws IOException {
        assertThat(listen(file("hello".getBytes(java.nio.charset.StandardCharsets.US_ASCII))))
                .isEqualTo(1);
        assertThat(err.toString()).contains("x.wav: is no WAV file: it begins with 'hell'");
        assertThat(listen(folder.toString())).isEqualTo(1);
        assertThat(err.toString()).contains("is a folder, expected a WAV file");
        assertThat(listen(folder.resolve("none.wav").toString())).isEqualTo(1);
        assertThat(listen("")).isEqualTo(1);
        assertThat(err.toString()).contains("'' is no file, expected the name of a WAV file");
        assertThat(listen("\0")).isEqualTo(1);
    }

    @Test
    void listen_withWrongOptions_isAUsageError() {
        assertThat(listen()).isEqualTo(2);
        assertThat(listen("x.wav", "--rate", "8000")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--rate is for a raw stream");
        assertThat(listen("-", "--rate", "0")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--rate is 0, expected 1000 to 768000");
        assertThat(listen("x.wav", "--beam", "0")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--beam is 0, expected 1 to 100");
    }
}
