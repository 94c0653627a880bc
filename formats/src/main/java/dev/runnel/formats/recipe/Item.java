package dev.runnel.formats.recipe;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.layers.Activation;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// A layer of a recipe: its kind and settings. A setting that nobody asks for is refused.
final class Item {
    private final String kind;
    private final Yaml at;
    private final Map<String, Yaml> settings;
    private final Set<String> known = new TreeSet<>();

    private Item(String kind, Yaml at, Map<String, Yaml> settings) {
        this.kind = kind;
        this.at = at;
        this.settings = settings;
    }

    /// @param node a map with one entry, `kind: settings`; a text in the settings' place is that of
    ///   the one named `usual`
    static Item of(Yaml node) {
        if (node.isText()) {
            return new Item(known(node.text(), node), node, Map.of());
        }
        if (node.map().size() != 1) {
            throw node.malformed(
                    "has the entries "
                            + node.map().keySet()
                            + ", expected one, the kind of layer, with its settings below it");
        }
        Map.Entry<String, Yaml> only = node.map().entrySet().iterator().next();
        Yaml value = only.getValue();
        String kind = known(only.getKey(), value);
        if (value.isMap()) {
            return new Item(kind, value, value.map());
        }
        String usual =
                switch (kind) {
                    case "activation" -> "function";
                    case "concat", "add", "subtract", "multiply" -> "from";
                    case "reshape" -> "shape";
                    case "transpose" -> "order";
                    default -> "weights";
                };
        return new Item(kind, value, Map.of(usual, value));
    }

    private static String known(String kind, Yaml at) {
        if (!Kinds.ALL.contains(kind)) {
            throw at.malformed(
                    (at.isText() && at.text().equals(kind) ? "is '" + kind + "', which " : "")
                            + "is no kind of layer; there are "
                            + Kinds.ALL);
        }
        return kind;
    }

    String kind() {
        return kind;
    }

    Yaml at() {
        return at;
    }

    @Nullable Yaml find(String key) {
        known.add(key);
        return settings.get(key);
    }

    Yaml get(String key) {
        Yaml v = find(key);
        if (v == null) {
            throw malformed("has no '" + key + "', which it needs");
        }
        return v;
    }

    String text(String key, String otherwise) {
        Yaml v = find(key);
        return v == null ? otherwise : v.text();
    }

    boolean flag(String key, boolean otherwise) {
        Yaml v = find(key);
        return v == null ? otherwise : v.flag();
    }

    @Nullable Boolean flag(String key) {
        Yaml v = find(key);
        return v == null ? null : v.flag();
    }

    int number(String key, int otherwise) {
        Yaml v = find(key);
        if (v == null) {
            return otherwise;
        }
        if (v.number() < -1 << 20 || v.number() > 1 << 20) {
            throw v.malformed("is " + v.number() + ", out of range");
        }
        return (int) v.number();
    }

    double real(String key, double otherwise) {
        Yaml v = find(key);
        return v == null ? otherwise : v.real();
    }

    long[] numbers(String key) {
        List<Yaml> list = get(key).list();
        return list.stream().mapToLong(Yaml::number).toArray();
    }

    /// One of these texts.
    String choice(String key, String otherwise, String... choices) {
        String text = text(key, otherwise);
        if (!text.equals(otherwise) && !List.of(choices).contains(text)) {
            throw get(key).malformed("is '" + text + "', expected " + String.join(" or ", choices));
        }
        return text;
    }

    /// The function that `key` names, or null.
    @Nullable Activation activation(String key) {
        Yaml v = find(key);
        if (v == null) {
            return null;
        }
        try {
            return Activation.of(v.text());
        } catch (IllegalArgumentException e) {
            throw v.malformed(String.valueOf(e.getMessage()));
        }
    }

    /// @throws MalformedModelException if a setting was not asked for
    void requireAllRead() {
        settings.forEach(
                (key, value) -> {
                    if (!known.contains(key)) {
                        throw value.malformed("is no setting of " + kind + ", which has " + known);
                    }
                });
    }

    MalformedModelException malformed(String what) {
        return at.malformed(what);
    }
}
