import dev.runnel.Model;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.formats.Models;

import java.nio.file.Files;
import java.nio.file.Path;

/// Continues a text: `Write FOLDER PROMPT`, the folder being that of the model that writes. What is
/// not in its vocabulary it reads as a space, and no prompt as the beginning of a text.
public class Write {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        String vocabulary = Files.readString(folder.resolve("vocabulary.txt"));
        String prompt = args[1].isEmpty() ? "\n" : args[1];
        int space = vocabulary.indexOf(' ');
        int[] tokens =
                prompt.chars().map(vocabulary::indexOf).map(t -> t < 0 ? space : t).toArray();
        Strategy strategy = Strategy.sample(7).temperature(0.7);
        try (Model model = Model.compile(Models.read(folder.resolve("write.onnx")));
                Decoder decoder = Decoder.of(model).strategy(strategy).limit(200).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, tokens);
            System.out.print(prompt);
            decoder.run(
                    text,
                    token -> {
                        System.out.print(vocabulary.charAt(token));
                        return true; // false would stop here
                    });
            System.out.println();
        }
    }
}
