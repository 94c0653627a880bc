package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

class WavFileTest {
    private static final float[] SOUND = Sound.sine(440, 8000, 0.1, 0.9);
    private static final byte[] FORMAT = Wav.format(1, 1, 8000, 16);
    private static final byte[] BYTES = Wav.encode(SOUND, 16);
    private static final byte[] DATA = Wav.chunk("data", BYTES);

    private static PcmStream open(byte[] file) throws IOException {
        return WavFile.open("x.wav", new ByteArrayInputStream(file));
    }

    private static void assertSound(byte[] file, double error) throws IOException {
        float[] got = Sound.all(open(file));
        assertThat(got).hasSameSizeAs(SOUND);
        for (int i = 0; i < got.length; i++) {
            assertThat((double) Math.abs(got[i] - SOUND[i])).isLessThanOrEqualTo(error);
        }
    }

    private static byte[] ascii(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    private static void assertRefused(byte[] file, String message) {
        assertThatThrownBy(() -> Sound.all(open(file)))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("x.wav: " + message);
    }

    @ParameterizedTest
    @CsvSource({"8, 0.012", "16, 1e-4", "24, 1e-6", "32, 1e-6", "-32, 0", "-64, 0"})
    void sound_ofEachEncoding_isRead(int bits, double error) throws IOException {
        assertSound(Wav.file(SOUND, 8000, 1, bits), error);
        byte[] extensible = Wav.extensible(bits < 0 ? 3 : 1, 1, 8000, Math.abs(bits));
        assertSound(Wav.riff(extensible, Wav.chunk("data", Wav.encode(SOUND, bits))), error);
        float[] stereo = new float[2 * SOUND.length];
        for (int i = 0; i < SOUND.length; i++) {
            stereo[2 * i] = SOUND[i] * 1.1f;
            stereo[2 * i + 1] = SOUND[i] * 0.9f;
        }
        assertSound(Wav.file(stereo, 8000, 2, bits), error + 1e-6);
    }

    /// As from a pipe.
    @Test
    void bytes_thatComeOneByOne_areTheSameSound() throws IOException {
        byte[] file = Wav.file(SOUND, 8000, 2, 24);
        InputStream slow =
                new FilterInputStream(new ByteArrayInputStream(file)) {
                    @Override
                    public int read(byte[] to, int from, int length) throws IOException {
                        return super.read(to, from, Math.min(length, 1 + from % 4));
                    }
                };
        assertThat(Sound.all(WavFile.open("x.wav", slow))).isEqualTo(Sound.all(open(file)));
    }

    @Test
    void extremes_areFullScale() throws IOException {
        byte[] low = {0, 0, (byte) 0x80};
        byte[] high = {(byte) 0xFF, (byte) 0xFF, 0x7F};
        byte[] data = Wav.chunk("data", Wav.join(low, high));
        assertThat(Sound.all(open(Wav.riff(Wav.format(1, 1, 8000, 24), data))))
                .containsExactly(-1, 0x7FFFFF / 0x1p23f);
        byte[] bytes = Wav.chunk("data", (byte) 0, (byte) 128, (byte) 255);
        assertThat(Sound.all(open(Wav.riff(Wav.format(1, 1, 8000, 8), bytes))))
                .containsExactly(-1, 0, 127 / 128f);
    }

    @Test
    void rate_isTheFiles() throws IOException {
        assertThat(open(Wav.file(SOUND, 44_100, 1, 16)).rate()).isEqualTo(44_100);
    }

    @Test
    void chunks_inAnyOrder_andUnknownOnes_areRead() throws IOException {
        byte[] odd = Wav.chunk("LIST", (byte) 1, (byte) 2, (byte) 3);
        assertSound(Wav.riff(odd, FORMAT, odd, DATA, odd), 1e-4);
        assertSound(Wav.riff(DATA, odd, FORMAT), 1e-4);
    }

    @Test
    void data_ofUnknownLength_isReadToTheEnd() throws IOException {
        for (long length : new long[] {0, 0xFFFF_FFFFL, 0x7FFF_F000L, 0x8000_0000L}) {
            byte[] file = Wav.join(Wav.riff(FORMAT, Wav.head("data", length)), BYTES);
            assertSound(file, 1e-4);
            assertThat(open(file).missing()).isZero();
        }
    }

    @Test
    void data_ofLengthZeroBeforeOtherChunks_isNone() throws IOException {
        byte[] file = Wav.riff(FORMAT, Wav.head("data", 0), Wav.chunk("LIST", new byte[20]));
        assertThat(Sound.all(open(file))).isEmpty();
        assertThat(Sound.all(open(Wav.riff(FORMAT, Wav.head("data", 0))))).isEmpty();
    }

    @Test
    void rf64_hasItsLengthInAChunkOfItsOwn() throws IOException {
        byte[] sizes = new byte[28];
        sizes[8] = (byte) BYTES.length;
        sizes[9] = (byte) (BYTES.length >> 8);
        byte[] file =
                Wav.riff(
                        Wav.chunk("ds64", sizes),
                        FORMAT,
                        Wav.head("data", 0xFFFF_FFFFL),
                        BYTES,
                        Wav.chunk("LIST", new byte[20]));
        System.arraycopy(ascii("RF64"), 0, file, 0, 4);
        assertSound(file, 1e-4);
    }

    @Test
    void data_cutOff_isReadAsFarAsItGoes() throws IOException {
        byte[] file = Wav.riff(FORMAT, DATA);
        PcmStream stream = open(Arrays.copyOf(file, file.length - 101));
        assertThat(Sound.all(stream)).hasSize(SOUND.length - 51);
        assertThat(stream.missing()).isEqualTo(101);
    }

    @Test
    void files_thatAreNoWav_areRefused() {
        assertRefused(new byte[0], "is empty");
        assertRefused(new byte[50], "is no WAV file: it begins with '????', expected 'RIFF'");
        assertRefused(ascii("fLaC and more than that"), "is no WAV file: it begins with 'fLaC'");
        assertRefused(ascii("ID"), "is no WAV file: it begins with 'ID'");
        assertRefused(ascii("RIFX----WAVE"), "is a big-endian WAV file (RIFX)");
        assertRefused(ascii("RIFF----AVI "), "is a RIFF file, but of 'AVI ', expected 'WAVE'");
        assertRefused(ascii("RIFF--"), "ends within its first 12 bytes");
        assertRefused(Wav.riff(), "ends before its fmt chunk");
        assertRefused(Wav.riff(DATA), "ends before its fmt chunk");
        assertRefused(Wav.riff(FORMAT), "ends before its data chunk");
        assertRefused(
                Wav.riff(Wav.chunk("fmt ", new byte[4]), DATA),
                "its fmt or ds64 chunk has 4 bytes, expected 16 or some more");
        assertRefused(
                Wav.riff(Wav.head("data", 0xFFFF_FFFFL), BYTES),
                "its samples come before its fmt chunk, and have no length");
    }

    @ParameterizedTest
    @CsvSource({
        "2, 4, Microsoft's ADPCM",
        "6, 8, A-law",
        "7, 8, µ-law",
        "17, 4, IMA ADPCM",
        "49, 0, GSM 06.10",
        "85, 0, MP3",
        "255, 16, format 0x00FF",
        "3, 16, floats",
        "1, 64, PCM",
        "1, 0, PCM"
    })
    void encodings_thatAreNotRead_areNamed(int kind, int bits, String name) {
        assertRefused(
                Wav.riff(Wav.format(kind, 1, 8000, bits), DATA),
                "has samples of " + bits + " bits in " + name + "; what is read is PCM");
    }

    @Test
    void formats_thatContradictThemselves_areRefused() {
        assertRefused(
                Wav.riff(Wav.format(1, 0, 8000, 16), DATA),
                "its fmt chunk contradicts itself: 0 channels of 16 bits in 0 bytes");
        byte[] wrong = FORMAT.clone();
        wrong[8 + 12] = 3;
        assertRefused(Wav.riff(wrong, DATA), "its fmt chunk contradicts itself");
        for (int rate : new int[] {0, 999, 768_001, -1}) {
            assertRefused(
                    Wav.riff(Wav.format(1, 1, rate, 16), DATA),
                    "has " + Integer.toUnsignedString(rate) + " samples a second, expected 1000");
        }
    }

    @Test
    void samples_thatAreNoNumbers_areRefused_thoseAboveFullScaleClipped() throws IOException {
        float[] loud = {2, -3, 0.5f};
        assertThat(Sound.all(open(Wav.file(loud, 8000, 1, -32)))).containsExactly(1, -1, 0.5f);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            assertRefused(
                    Wav.file(new float[] {0, bad}, 8000, 1, -32),
                    "there is a sample that is no finite number");
        }
    }

    /// Whatever the bytes: sound, or an IOException.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void bytes_damagedAtRandom_areReadOrRefused(int seed) {
        Random random = new Random(seed);
        byte[] file = Wav.riff(Wav.chunk("LIST", new byte[5]), FORMAT, DATA);
        for (int round = 0; round < 2000; round++) {
            byte[] damaged = Arrays.copyOf(file, random.nextInt(file.length + 1));
            for (int i = 0; i < 3 && damaged.length > 0; i++) {
                damaged[random.nextInt(Math.min(80, damaged.length))] = (byte) random.nextInt();
            }
            try {
                Sound.all(open(damaged));
            } catch (IOException e) {
                assertThat(e).hasMessageStartingWith("x.wav: ");
            }
        }
    }
}
