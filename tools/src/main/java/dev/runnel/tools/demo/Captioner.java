package dev.runnel.tools.demo;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.tools.trace.Trace;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;

/// Says in words what is on a picture of coloured shapes, by the models in `caption/`: convolutions
/// make it a vector, which enters an LSTM with its first step.
final class Captioner implements AutoCloseable {
    /// Pixels a side.
    static final int SIDE = 64;

    private static final int END = 0;
    private static final int MOST_WORDS = 10; // a small red circle left of a large blue ring

    private final List<String> words;
    private final Model encoder;
    private final Model model;
    private final Session eye;
    private final Decoder decoder;

    Captioner(Strategy strategy) throws IOException {
        words = Embedded.text("caption/words.txt").lines().toList();
        encoder = Model.compile(Embedded.model("caption/encoder.onnx"));
        model = Model.compile(Embedded.model("caption/decoder.onnx"));
        eye = encoder.open();
        decoder =
                Decoder.of(model)
                        .input("token")
                        .end(END)
                        .limit(MOST_WORDS)
                        .strategy(strategy)
                        .open();
    }

    /// The caption of a picture of any size, which is scaled to fit 64 × 64, on black.
    String caption(BufferedImage image) {
        StringJoiner caption = new StringJoiner(" ");
        try (Decoding stream = decoder.begin()) {
            decoder.feed(stream, END);
            stream.setOnce("feature", feature(image));
            decoder.run(
                    stream,
                    token -> {
                        caption.add(words.get(token - 1));
                        return true;
                    });
        }
        return caption.toString();
    }

    private MemorySegment feature(BufferedImage image) {
        Map<String, Tensor> outputs = eye.run(Map.of("image", tensor(Picture.fitted(image, SIDE))));
        return Objects.requireNonNull(outputs.get("feature")).data();
    }

    /// Looks at the picture and says its caption once more, under observation.
    void trace(Trace trace, BufferedImage image, String caption) throws IOException {
        trace.picture(Picture.png(Picture.fitted(image, SIDE)));
        try (Trace.Part part =
                trace.part("model", Embedded.model("caption/decoder.onnx"), "logits", this::text)) {
            String[] said = caption.isEmpty() ? new String[0] : caption.split(" ");
            MemorySegment feature = part.input("feature");
            feature.copyFrom(feature(image));
            int last = END;
            for (int t = 0; t <= Math.min(said.length, MOST_WORDS - 1); t++) {
                int next = t < said.length ? words.indexOf(said[t]) + 1 : END;
                part.step("token", last, t == 0, next);
                feature.fill((byte) 0);
                last = next;
            }
        }
    }

    private String text(int token) {
        return token == END ? "<end>" : words.get(token - 1);
    }

    /// Planes of red, green and blue, 0 to 1: float32[1, 3, 64, 64].
    private static Tensor tensor(BufferedImage image) {
        float[] planes = new float[3 * SIDE * SIDE];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                int rgb = image.getRGB(x, y);
                for (int c = 0; c < 3; c++) {
                    planes[(c * SIDE + y) * SIDE + x] = (rgb >> 16 - 8 * c & 0xFF) / 255f;
                }
            }
        }
        return Tensor.ofFloats(Shape.of(1, 3, SIDE, SIDE), planes);
    }

    @Override
    public void close() {
        decoder.close();
        eye.close();
        model.close();
        encoder.close();
    }
}
