package dev.runnel.formats.keras;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;

import dev.runnel.formats.file.MappedFile;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// JSON as maps, lists, strings, numbers, booleans and null.
final class Json {
    private Json() {}

    /// The value that `text` is.
    ///
    /// @param what stands for it in messages: `model_config`
    /// @throws dev.runnel.MalformedModelException if it is no JSON, or nests too deep
    /// @throws dev.runnel.UnsupportedModelException if Jackson is missing
    static @Nullable Object parse(MappedFile file, String what, String text) {
        try (JsonParser parser = new JsonFactory().createParser(text)) {
            Object value = value(parser, parser.nextToken());
            if (parser.nextToken() != null) {
                throw file.malformed(what + " goes on behind its JSON");
            }
            return value;
        } catch (NoClassDefFoundError e) {
            throw file.unsupported(
                    "reading "
                            + what
                            + " needs the library com.fasterxml.jackson.core:jackson-core, which"
                            + " is not there; add it to the application's dependencies");
        } catch (IOException e) {
            throw file.malformed(what + " is no JSON: " + e.getMessage());
        }
    }

    private static @Nullable Object value(JsonParser parser, @Nullable JsonToken token)
            throws IOException {
        return switch (token) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String key = parser.currentName();
                    map.put(key, value(parser, parser.nextToken()));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                for (JsonToken t = parser.nextToken();
                        t != JsonToken.END_ARRAY;
                        t = parser.nextToken()) {
                    list.add(value(parser, t));
                }
                yield list;
            }
            case VALUE_STRING -> parser.getText();
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getNumberValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case null, default -> throw new IOException("it ends in the middle");
        };
    }
}
