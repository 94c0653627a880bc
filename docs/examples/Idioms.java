import dev.runnel.Model;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.decode.Trie;
import dev.runnel.formats.Models;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;

/// Plays 成语接龙: `Idioms FOLDER IDIOM`. Each idiom begins with the last character of the one before
/// it, and none is said twice: a trie allows those that are left.
public class Idioms {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        String vocabulary = Files.readString(folder.resolve("vocabulary.txt")).strip();
        TreeSet<String> left = new TreeSet<>(Files.readAllLines(folder.resolve("idioms.txt")));
        String idiom = args[1];
        if (idiom.length() != 4) {
            System.err.println("expected an idiom of four characters, such as 四海为家");
            return;
        }
        try (Model model = Model.compile(Models.read(folder.resolve("idioms.onnx")))) {
            for (int round = 0; round < 10; round++) {
                System.out.println(idiom);
                left.remove(idiom);
                String first = idiom.substring(3);
                List<int[]> rest =
                        left.tailSet(first).stream()
                                .takeWhile(i -> i.startsWith(first))
                                .map(i -> tokens(vocabulary, i.substring(1)))
                                .toList();
                if (rest.isEmpty()) {
                    System.err.println("no idiom is left that begins with " + first);
                    break;
                }
                try (Decoder decoder =
                                Decoder.of(model)
                                        .end(0)
                                        .constraint(Trie.of(rest, 0))
                                        .strategy(Strategy.beam(5))
                                        .open();
                        Decoding next = decoder.begin()) {
                    decoder.feed(next, tokens(vocabulary, first));
                    StringBuilder said = new StringBuilder(first);
                    decoder.tokens(next)
                            .forEachRemaining((int t) -> said.append(vocabulary.charAt(t - 1)));
                    idiom = said.toString();
                }
            }
        }
    }

    private static int[] tokens(String vocabulary, String text) {
        return text.chars().map(c -> vocabulary.indexOf(c) + 1).toArray();
    }
}
