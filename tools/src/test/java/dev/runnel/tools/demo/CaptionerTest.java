package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.decode.Strategy;
import dev.runnel.tools.DemoCommand;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

import javax.imageio.ImageIO;

class CaptionerTest {
    @TempDir private Path temp;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private static BufferedImage heldOut(String file) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(
                        CaptionerTest.class.getResourceAsStream("caption/held-out/" + file))) {
            return ImageIO.read(in);
        }
    }

    private int caption(Path file) {
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setExecutionExceptionHandler(
                        (e, command, _) -> {
                            command.getErr().println(e.getMessage());
                            return 1;
                        })
                .execute("caption", file.toString());
    }

    /// Combinations that were never trained on: 95 of 100 must be right; see caption/README.md.
    @Test
    void heldOutPictures_areDescribedWordForWord() throws IOException {
        List<String> lines = Embedded.text("caption/held-out/captions.txt").lines().toList();
        int right = 0;
        try (Captioner captioner = new Captioner(Strategy.greedy())) {
            for (String line : lines) {
                String[] parts = line.split("\t", -1);
                right += captioner.caption(heldOut(parts[0])).equals(parts[1]) ? 1 : 0;
            }
        }
        assertThat(lines).hasSize(40);
        assertThat(right).isGreaterThanOrEqualTo(38);
    }

    @Test
    void caption_ofAPictureOfAnotherSize_scalesItAndSaysSo() throws IOException {
        Path file = temp.resolve("black.png");
        ImageIO.write(
                new BufferedImage(200, 100, BufferedImage.TYPE_INT_ARGB), "png", file.toFile());
        assertThat(caption(file)).isZero();
        assertThat(out.toString().strip()).isEqualTo("nothing");
        assertThat(err.toString())
                .endsWith(
                        "has 200 x 100 pixels; it is scaled to fit the 64 x 64 that the model"
                                + " knows\n");
    }

    @Test
    void caption_ofAPictureThatIsNotSquare_keepsItsProportions() throws IOException {
        BufferedImage square = heldOut("00.png");
        BufferedImage wide = new BufferedImage(192, 64, BufferedImage.TYPE_INT_RGB);
        wide.createGraphics().drawImage(square, 64, 0, null);
        BufferedImage fitted = Picture.fitted(wide, 64);
        BufferedImage third = Picture.fitted(square, 22); // what 64 becomes where 192 become 64
        int same = 0;
        for (int i = 0; i < 20 * 20; i++) {
            int x = i % 20;
            int y = i / 20;
            int difference = 0;
            for (int shift = 0; shift < 24; shift += 8) {
                int a = fitted.getRGB(21 + x, 21 + y) >> shift & 0xFF;
                int b = third.getRGB(x, y) >> shift & 0xFF;
                difference = Math.max(difference, Math.abs(a - b));
            }
            same += difference < 64 ? 1 : 0;
        }
        assertThat(same).isGreaterThan(370);
        assertThat(fitted.getRGB(32, 5) & 0xFFFFFF).as("above it").isZero();
        assertThat(Picture.fitted(new BufferedImage(8, 4000, BufferedImage.TYPE_INT_RGB), 64))
                .isNotNull();
    }

    @Test
    void caption_ofADamagedPicture_namesTheFile() throws IOException {
        byte[] png = Picture.png(heldOut("00.png"));
        byte[] corrupt = png.clone();
        Arrays.fill(corrupt, 60, 90, (byte) 0x55);
        byte[] wide = png.clone();
        ByteBuffer.wrap(wide).putInt(16, 60_000).putInt(20, 60_000);
        Path file = temp.resolve("a.png");
        for (byte[] bytes : List.of(Arrays.copyOf(png, 20), corrupt)) {
            err.getBuffer().setLength(0);
            Files.write(file, bytes);
            assertThat(caption(file)).isEqualTo(1);
            assertThat(err.toString()).startsWith(file + ": is PNG that is damaged: ");
        }
        err.getBuffer().setLength(0);
        Files.write(file, wide);
        assertThat(caption(file)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        file
                                + ": has 60000 x 60000 pixels, expected at most 25,000,000 in all;"
                                + " make it smaller first\n");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void caption_ofNoPicture_saysWhatIsExpected() throws IOException {
        Path file = Files.writeString(temp.resolve("a.png"), "not a picture");
        assertThat(caption(file)).isEqualTo(1);
        assertThat(err.toString())
                .contains("is no picture that can be read, expected PNG, GIF, BMP or JPEG");
        assertThat(caption(temp.resolve("absent.png"))).isEqualTo(1);
        assertThat(caption(temp)).isEqualTo(1);
        assertThat(err.toString()).endsWith(temp + ": is a folder, expected a picture\n");
        assertThat(caption(Path.of(""))).isEqualTo(1);
        assertThat(err.toString()).endsWith("'' is no file, expected the name of a picture\n");
    }
}
