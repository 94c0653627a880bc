import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.formats.Models;

import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Translates a date to ISO 8601: `Translate FOLDER DATE`. One LSTM reads the text; from its state
/// another one says the date.
public class Translate {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        List<String> vocabulary = Files.readAllLines(folder.resolve("vocabulary.txt"));
        try (Model encoder = Model.compile(Models.read(folder.resolve("encoder.onnx")));
                Model model = Model.compile(Models.read(folder.resolve("decoder.onnx")));
                Session reader = encoder.open();
                State read = encoder.newState();
                State from = model.newState();
                Decoder decoder =
                        Decoder.of(model).end(0).limit(10).strategy(Strategy.beam(4)).open()) {
            for (char c : args[1].toLowerCase(Locale.ROOT).toCharArray()) {
                step(reader, read, vocabulary.get(0).indexOf(c) + 2); // 1 is what it does not know
            }
            step(reader, read, 0);
            for (String tensor : List.of("h", "c")) {
                from.tensor(tensor).copyFrom(read.tensor(tensor));
            }
            try (Decoding date = decoder.begin(from)) {
                decoder.feed(date, 0);
                decoder.tokens(date)
                        .forEachRemaining(
                                (int t) -> System.out.print(vocabulary.get(1).charAt(t - 1)));
            }
            System.out.println();
        }
    }

    private static void step(Session reader, State state, long token) {
        reader.input("token").set(ValueLayout.JAVA_LONG_UNALIGNED, 0, token);
        reader.step(state);
    }
}
