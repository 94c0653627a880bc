package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

class ListenerTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Path HELD_OUT =
            ROOT.resolve("tools/src/main/resources/dev/runnel/tools/demo/listen/held-out");
    private static final Path RECORDINGS =
            Path.of(System.getProperty("runnel.shared", "../../shared"))
                    .resolve("data/spoken-digits/recordings");
    private static final int RATE = Listener.RATE;
    private static final int WINDOW = 360;
    private static final int HOP = 240;

    private static String hear(Listener listener, Samples sound) throws IOException {
        StringBuilder digits = new StringBuilder();
        listener.hear(sound, digits::append);
        return digits.toString();
    }

    private static String hear(Listener listener, float[] sound) throws IOException {
        return hear(listener, Sound.of(sound, RATE));
    }

    private static float[] read(Path wav) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(wav))) {
            return Sound.all(WavFile.open(wav.toString(), in));
        }
    }

    private static List<Path> wavs(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(".wav")).sorted().toList();
        }
    }

    private static String said(Path heldOut) {
        return heldOut.getFileName().toString().replaceAll("^\\d+-|\\.wav$", "");
    }

    private static float[] join(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(p -> p.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    /// By PyTorch and NumPy; see listen/README.md.
    @Test
    void chirp_hasTheFeaturesAndScoresOfTheTraining() throws IOException {
        Tensor audio = TensorFile.read(HELD_OUT.resolve("chirp-audio.npy"));
        MemorySegment sound = audio.data();
        MemorySegment features = TensorFile.read(HELD_OUT.resolve("chirp-features.npy")).data();
        MemorySegment score = TensorFile.read(HELD_OUT.resolve("chirp-score.npy")).data();
        try (Model model = Model.compile(Embedded.model("listen/listen.onnx"));
                Session session = model.open()) {
            int steps = (int) ((audio.shape().elements() - WINDOW) / HOP + 1);
            for (int step = 0; step < steps; step++) {
                session.input("audio").copyFrom(sound.asSlice(4L * HOP * step, 4L * WINDOW));
                session.step();
                assertClose(session.output("features"), features, step, 1e-3);
                assertClose(session.output("score"), score, step, 1e-3);
            }
            assertThat(steps * session.output("score").byteSize()).isEqualTo(score.byteSize());
        }
    }

    private static void assertClose(MemorySegment got, MemorySegment all, int step, double error) {
        long size = got.byteSize();
        for (long at = 0; at < size; at += 4) {
            float want = all.get(ValueLayout.JAVA_FLOAT_UNALIGNED, step * size + at);
            assertThat(got.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at))
                    .as("step " + step + ", value " + at / 4)
                    .isCloseTo(want, offset((float) error));
        }
    }

    /// Voices that were not trained on; noise has no digits.
    @Test
    void heldOutSounds_areHeard() throws IOException {
        int right = 0;
        List<Path> wavs = wavs(HELD_OUT);
        try (Listener listener = new Listener(1)) {
            for (Path wav : wavs) {
                boolean heard = hear(listener, read(wav)).equals(said(wav));
                right += heard ? 1 : 0;
                assertThat(heard || !said(wav).isEmpty()).as(wav + " has no digits").isTrue();
            }
        }
        assertThat(wavs).hasSize(15);
        assertThat(right).isGreaterThanOrEqualTo(14);
    }

    @Test
    void sounds_inPiecesOfAnySizeAndAtAnyRate_haveTheSameDigits() throws IOException {
        float[] sound = read(HELD_OUT.resolve(longest()));
        try (Listener listener = new Listener(1)) {
            String digits = hear(listener, sound);
            assertThat(digits).hasSizeGreaterThanOrEqualTo(4);
            for (int seed = 0; seed < 5; seed++) {
                Samples pieces = Sound.of(sound, RATE, new Random(seed));
                assertThat(hear(listener, pieces)).isEqualTo(digits);
            }
            for (int rate : new int[] {11_025, 16_000, 44_100, 48_000, 96_000}) {
                float[] other = Sound.all(Resampler.of(Sound.of(sound, RATE), rate));
                assertThat(hear(listener, Sound.of(other, rate)))
                        .as(rate + " Hz")
                        .isEqualTo(digits);
            }
        }
    }

    /// The silence that the last digit needs behind it is the listener's.
    @Test
    void sound_thatEndsWithItsLastDigit_isHeardToTheEnd() throws IOException {
        float[] sound = read(HELD_OUT.resolve("04-625.wav"));
        int end = sound.length;
        while (Math.abs(sound[end - 1]) < 0.01) {
            end--;
        }
        try (Listener listener = new Listener(1)) {
            assertThat(hear(listener, Arrays.copyOf(sound, end))).isEqualTo("625");
        }
    }

    private static String longest() throws IOException {
        return wavs(HELD_OUT).stream()
                .max((a, b) -> said(a).length() - said(b).length())
                .orElseThrow()
                .getFileName()
                .toString();
    }

    @Test
    void silenceAndNoise_haveNoDigits() throws IOException {
        try (Listener listener = new Listener(1)) {
            assertThat(hear(listener, new float[0])).isEmpty();
            assertThat(hear(listener, new float[1])).isEmpty();
            assertThat(hear(listener, new float[30 * RATE])).isEmpty();
            for (double deviation : new double[] {0.001, 0.01, 0.1, 0.3}) {
                assertThat(hear(listener, Sound.noise(deviation, 20 * RATE, 3)))
                        .as("noise of " + deviation)
                        .isEmpty();
            }
            assertThat(hear(listener, Sound.sine(50, RATE, 10, 0.1))).as("hum").isEmpty();
        }
    }

    /// The same sound again and again.
    @Test
    void tenMinutes_areHeardToTheEnd() throws IOException {
        float[] sound = read(HELD_OUT.resolve(longest()));
        int rounds = 600 * RATE / sound.length + 1;
        try (Listener listener = new Listener(1)) {
            String once = hear(listener, sound);
            List<float[]> parts = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                parts.add(sound);
            }
            String all = hear(listener, join(parts));
            assertThat(listener.seconds()).isGreaterThan(600);
            assertThat((double) all.length()).isGreaterThan(0.9 * rounds * once.length());
        }
    }

    /// Takes 0–4 of each digit and speaker, on which the model was not trained.
    @Test
    void recordings_thatWereNotTrainedOn_areHeard() throws IOException {
        assumeTrue(
                Files.isDirectory(RECORDINGS),
                () -> "not run: there are no recordings at " + RECORDINGS);
        List<Path> unseen =
                wavs(RECORDINGS).stream()
                        .filter(f -> f.getFileName().toString().matches("\\d_.+_[0-4]\\.wav"))
                        .toList();
        assertThat(unseen).hasSize(250);
        for (int beam : new int[] {1, 8}) {
            int right = 0;
            try (Listener listener = new Listener(beam)) {
                for (Path wav : unseen) {
                    String digit = wav.getFileName().toString().substring(0, 1);
                    right += hear(listener, read(wav)).equals(digit) ? 1 : 0;
                }
                double share = right / 250.0;
                int exact = sequences(listener, unseen);
                System.out.printf(
                        "listen, beam %d: %.1f %% of 250 unseen recordings, %d of 60 sequences of"
                                + " 3 to 5%n",
                        beam, 100 * share, exact);
                assertThat(share).as("beam " + beam).isGreaterThanOrEqualTo(0.95);
                assertThat(exact).as("beam " + beam).isGreaterThanOrEqualTo(45);
            }
        }
    }

    /// How many recordings of several digits are right, all digits of each.
    private static int sequences(Listener listener, List<Path> unseen) throws IOException {
        Random random = new Random(7);
        int exact = 0;
        for (int n = 0; n < 60; n++) {
            StringBuilder said = new StringBuilder();
            List<float[]> parts = new ArrayList<>();
            for (int d = 3 + random.nextInt(3); d > 0; d--) {
                Path wav = unseen.get(random.nextInt(unseen.size()));
                said.append(wav.getFileName().toString(), 0, 1);
                parts.add(read(wav));
                parts.add(new float[RATE / 10 + random.nextInt(RATE / 4)]);
            }
            exact += hear(listener, join(parts)).contentEquals(said) ? 1 : 0;
        }
        return exact;
    }
}
