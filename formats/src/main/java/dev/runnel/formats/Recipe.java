package dev.runnel.formats;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.recipe.Assembly;
import dev.runnel.formats.recipe.Suggestion;
import dev.runnel.graph.Graph;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// How the layers of a file of weights are wired: a few lines of YAML, which `docs/formats.md`
/// describes, and a [Checkpoint] make a graph.
///
/// ```java
/// Checkpoint weights = Checkpoint.read(Path.of("tagger.pt"));
/// Graph graph = Recipe.read(Path.of("tagger.yaml")).graph(weights);
/// ```
///
/// Needs `org.snakeyaml:snakeyaml-engine`, an optional dependency of this module.
public final class Recipe {
    private static final long LONGEST = 1 << 20;
    private final String name;
    private final String text;

    private Recipe(String name, String text) {
        this.name = name;
        this.text = text;
    }

    /// The recipe in `file`.
    ///
    /// @throws MalformedModelException if it is none; the message names the line
    /// @throws UnsupportedModelException if snakeyaml-engine is absent
    /// @throws IOException if it cannot be read
    public static Recipe read(Path file) throws IOException {
        MappedFile recipe = MappedFile.open(file);
        if (recipe.size() > LONGEST) {
            throw recipe.malformed(
                    "has " + recipe.size() + " bytes, a recipe has at most " + LONGEST);
        }
        ByteBuffer bytes = recipe.bytes().asByteBuffer();
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            return of(recipe.name(), text);
        } catch (CharacterCodingException e) {
            throw new MalformedModelException(recipe.name() + ": is no text in UTF-8", e);
        }
    }

    /// The recipe in `text`.
    ///
    /// @param name stands for the file's name in messages
    /// @throws MalformedModelException as [#read]
    /// @throws UnsupportedModelException as [#read]
    public static Recipe of(String name, String text) {
        try {
            Assembly.check(name, text);
        } catch (NoClassDefFoundError e) {
            throw new UnsupportedModelException(
                    name
                            + ": recipes need the library org.snakeyaml:snakeyaml-engine, which is"
                            + " not on the class or module path: add it to your dependencies");
        }
        return new Recipe(name, text);
    }

    /// A first draft for these weights, by the names and shapes that PyTorch and Keras give them.
    /// It runs as it is if they are a stack of recurrent and dense layers of the usual activations;
    /// comments name all tensors that are in no layer.
    public static String suggest(Checkpoint weights) {
        return Suggestion.of(weights);
    }

    /// The graph that these weights, so wired, are. Tensors that no layer has are named by its
    /// metadata, as `unused_tensors`.
    ///
    /// @throws MalformedModelException if the two do not fit together; the message names the
    ///   recipe's line and, where it is about one, the tensor and its shape
    public Graph graph(Checkpoint weights) {
        return Assembly.graph(name, text, weights);
    }
}
