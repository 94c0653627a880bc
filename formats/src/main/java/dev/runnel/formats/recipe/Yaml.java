package dev.runnel.formats.recipe;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// A node of a YAML file: a text, a list or a map, one of the three, and where it stands. Where
/// nothing stands, as behind `lstm:`, is an empty map.
///
/// @param file the file's name, with which messages begin
/// @param line counted from 1
/// @param path from the top, such as `layers[1].dense`
record Yaml(
        String file,
        int line,
        String path,
        @Nullable String scalar,
        @Nullable List<Yaml> items,
        @Nullable Map<String, Yaml> entries) {
    boolean isText() {
        return scalar != null;
    }

    boolean isList() {
        return items != null;
    }

    boolean isMap() {
        return entries != null;
    }

    String text() {
        if (scalar == null) {
            throw malformed("is " + kind() + ", expected a text or number");
        }
        return scalar;
    }

    List<Yaml> list() {
        if (items == null) {
            throw malformed("is " + kind() + ", expected a list");
        }
        return items;
    }

    Map<String, Yaml> map() {
        if (entries == null) {
            throw malformed("is " + kind() + ", expected a map");
        }
        return entries;
    }

    /// The text, or the texts of the list.
    List<Yaml> oneOrMore() {
        return isText() ? List.of(this) : list();
    }

    long number() {
        try {
            return Long.parseLong(text().strip());
        } catch (NumberFormatException e) {
            throw malformed("is '" + text() + "', expected a whole number");
        }
    }

    double real() {
        try {
            return Double.parseDouble(text().strip());
        } catch (NumberFormatException e) {
            throw malformed("is '" + text() + "', expected a number");
        }
    }

    boolean flag() {
        return switch (text()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw malformed("is '" + text() + "', expected true or false");
        };
    }

    /// Does something with this node, and blames it for what is wrong with its values: whoever
    /// builds layers complains of arguments, and does not know where they stand.
    ///
    /// @throws MalformedModelException if it cannot be done
    <T> T blamed(Supplier<T> action) {
        try {
            return action.get();
        } catch (IllegalArgumentException | IndexOutOfBoundsException | ArithmeticException e) {
            throw new MalformedModelException(where() + " " + e.getMessage(), e);
        }
    }

    private String kind() {
        String map = entries == null || entries.isEmpty() ? "empty" : "a map";
        return scalar != null ? "'" + scalar + "'" : items != null ? "a list" : map;
    }

    /// What messages begin with: `recipe.yaml:4: layers[1].dense`.
    String where() {
        return file + ":" + line + (path.isEmpty() ? "" : ": " + path);
    }

    /// An exception that blames this node, to be thrown by the caller.
    MalformedModelException malformed(String what) {
        return new MalformedModelException(where() + " " + what);
    }
}
