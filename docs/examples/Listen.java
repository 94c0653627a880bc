import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.decode.Ctc;
import dev.runnel.formats.Models;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/// Hears the digits in a raw stream on stdin, 8 kHz, 16 bits, one channel: `Listen FOLDER`. Each is
/// printed as soon as it was said.
public class Listen {
    private static final int WINDOW = 360; // samples that a step sees
    private static final int HOP = 240; // from one to the next
    private static final int SILENCE = 10; // hops that the last digit needs behind it

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0], "listen.onnx");
        try (Model model = Model.compile(Models.read(file));
                Session session = model.open()) {
            MemorySegment audio = session.input("audio");
            Ctc ctc = Ctc.greedy(11, 10);
            int silent = 0;
            while (silent < SILENCE) {
                MemorySegment.copy(audio, 4L * HOP, audio, 0, 4L * (WINDOW - HOP));
                silent += fill(audio.asSlice(4L * (WINDOW - HOP)), System.in) ? 0 : 1;
                session.step();
                ctc.accept(session.output("score"), Listen::say);
            }
            ctc.finish(Listen::say);
            System.out.println();
        }
    }

    /// The next samples; zeros and false at the end of the stream.
    private static boolean fill(MemorySegment samples, InputStream in) throws Exception {
        byte[] bytes = in.readNBytes(2 * HOP);
        ByteBuffer sound = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < HOP; i++) {
            float sample = sound.remaining() >= 2 ? sound.getShort() / 32768f : 0;
            samples.setAtIndex(JAVA_FLOAT, i, sample);
        }
        return bytes.length > 0;
    }

    private static void say(int digit) {
        System.out.print(digit);
        System.out.flush();
    }
}
