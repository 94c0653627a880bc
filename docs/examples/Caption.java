import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.formats.Models;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.awt.Image;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

import javax.imageio.ImageIO;

/// Says what is on a picture, which is scaled to 64 x 64 pixels: `Caption FOLDER IMAGE.png`.
/// Convolutions make it a vector, which enters an LSTM with its first step.
public class Caption {
    private static final int SIDE = 64;

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        BufferedImage picture = ImageIO.read(Path.of(args[1]).toFile());
        if (picture == null) {
            System.err.println(args[1] + " is no picture, expected PNG, GIF, BMP or JPEG");
            return;
        }
        List<String> words = Files.readAllLines(folder.resolve("words.txt"));
        try (Model encoder = Model.compile(Models.read(folder.resolve("encoder.onnx")));
                Model model = Model.compile(Models.read(folder.resolve("decoder.onnx")));
                Session eye = encoder.open();
                Decoder decoder =
                        Decoder.of(model).input("token").end(0).strategy(Strategy.beam(4)).open();
                Decoding caption = decoder.begin()) {
            Tensor image = planes(picture.getScaledInstance(SIDE, SIDE, Image.SCALE_SMOOTH));
            decoder.feed(caption, 0);
            caption.setOnce("feature", eye.run(Map.of("image", image)).get("feature").data());
            StringJoiner said = new StringJoiner(" ");
            decoder.tokens(caption).forEachRemaining((int t) -> said.add(words.get(t - 1)));
            System.out.println(said);
        }
    }

    /// Planes of red, green and blue, 0 to 1.
    private static Tensor planes(Image scaled) {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        image.createGraphics().drawImage(scaled, 0, 0, null);
        float[] planes = new float[3 * SIDE * SIDE];
        for (int i = 0; i < planes.length; i++) {
            int rgb = image.getRGB(i % SIDE, i / SIDE % SIDE);
            planes[i] = (rgb >> 16 - 8 * (i / SIDE / SIDE) & 0xFF) / 255f;
        }
        return Tensor.ofFloats(Shape.of(1, 3, SIDE, SIDE), planes);
    }
}
