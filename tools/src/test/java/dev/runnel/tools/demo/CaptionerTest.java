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
import java.nio.file.Files;
import java.nio.file.Path;
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
                        "has 200 x 100 pixels; it is scaled to the 64 x 64 that the model knows\n");
    }

    @Test
    void caption_ofNoPicture_saysWhatIsExpected() throws IOException {
        Path file = Files.writeString(temp.resolve("a.png"), "not a picture");
        assertThat(caption(file)).isEqualTo(1);
        assertThat(err.toString())
                .contains("is no picture that can be read, expected PNG, GIF, BMP or JPEG");
        assertThat(caption(temp.resolve("absent.png"))).isEqualTo(1);
    }
}
