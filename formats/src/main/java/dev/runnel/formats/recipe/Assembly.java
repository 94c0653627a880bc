package dev.runnel.formats.recipe;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.layers.GraphBuilder;
import dev.runnel.formats.layers.Value;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// Makes a graph of a recipe and a checkpoint, layer by layer.
public final class Assembly {
    private static final List<String> KEYS =
            List.of("name", "framework", "layout", "inputs", "layers", "outputs", "ignore");

    final GraphBuilder graph;
    final Tensors tensors;

    /// `pytorch`, `keras`, or empty where the names of the tensors say it.
    final String framework;

    /// Whether sequences are \[N, T, I\].
    final boolean batchFirst;

    private final Yaml recipe;
    private final Map<String, Value> values = new LinkedHashMap<>();
    private final Map<String, List<List<Value>>> states = new LinkedHashMap<>();
    private @Nullable Value last;

    private Assembly(Yaml recipe, Checkpoint checkpoint) {
        this.recipe = recipe;
        recipe.map()
                .forEach(
                        (key, value) -> {
                            if (!KEYS.contains(key)) {
                                throw value.malformed("is unknown; a recipe has " + KEYS);
                            }
                        });
        graph = new GraphBuilder(text("name", checkpoint.name()));
        tensors = new Tensors(checkpoint);
        framework = choice("framework", "", "pytorch", "keras");
        batchFirst = choice("layout", "TNI", "TNI", "NTI").equals("NTI");
    }

    /// Whether `text` is a recipe at all.
    ///
    /// @throws MalformedModelException if it is no YAML, or has no layers
    public static void check(String file, String text) {
        Yaml recipe = YamlText.parse(file, text);
        if (recipe.map().get("layers") == null) {
            throw recipe.malformed("has no 'layers', which a recipe needs");
        }
        recipe.map().get("layers").list().forEach(Item::of);
    }

    /// The graph that the recipe in `text` makes of the checkpoint. Its metadata name the tensors
    /// that are in no layer, if there are any, as `unused_tensors`.
    ///
    /// @throws MalformedModelException if they do not fit together; the message names the recipe's
    ///   line and, where it is about one, the tensor
    public static Graph graph(String file, String text, Checkpoint checkpoint) {
        check(file, text);
        return new Assembly(YamlText.parse(file, text), checkpoint).graph();
    }

    private String text(String key, String otherwise) {
        Yaml v = recipe.map().get(key);
        return v == null ? otherwise : v.text();
    }

    private String choice(String key, String otherwise, String a, String b) {
        String text = text(key, otherwise);
        if (!text.equals(otherwise) && !text.equals(a) && !text.equals(b)) {
            throw entry(key).malformed("is '" + text + "', expected " + a + " or " + b);
        }
        return text;
    }

    private Yaml entry(String key) {
        return Objects.requireNonNull(recipe.map().get(key));
    }

    private Graph graph() {
        List<Item> items = entry("layers").list().stream().map(Item::of).toList();
        if (items.isEmpty()) {
            throw entry("layers").malformed("is empty");
        }
        inputs(items);
        for (Item item : items) {
            layer(item);
        }
        Map<String, Value> outputs = outputs();
        List<String> unused = new ArrayList<>(tensors.unused());
        Yaml ignore = recipe.map().get("ignore");
        if (ignore != null) {
            for (Yaml prefix : ignore.oneOrMore()) {
                if (!unused.removeIf(n -> n.startsWith(prefix.text()))) {
                    throw prefix.malformed(
                            "is '" + prefix.text() + "', with which no unused tensor begins");
                }
            }
        }
        if (!unused.isEmpty()) {
            graph.note("unused_tensors", String.join(", ", unused));
        }
        Yaml given = recipe.map().get("outputs");
        return (given == null ? recipe : given).blamed(() -> graph.build(outputs));
    }

    private void inputs(List<Item> items) {
        Yaml inputs = recipe.map().get("inputs");
        if (inputs == null) {
            last = FirstLayer.input(this, items);
            values.put(last.name(), last);
            return;
        }
        inputs.map()
                .forEach(
                        (name, spec) -> {
                            Value v = spec.blamed(() -> graph.input(name, type(spec), dims(spec)));
                            values.put(name, v);
                            last = last == null ? v : last;
                        });
    }

    private static DType type(Yaml spec) {
        Yaml type = spec.isMap() ? spec.map().get("type") : null;
        if (type == null) {
            return DType.FLOAT32;
        }
        for (DType t : DType.values()) {
            if (t.toString().equals(type.text().toLowerCase(Locale.ROOT))) {
                return t;
            }
        }
        throw type.malformed("is '" + type.text() + "', expected float32, int64, …");
    }

    private static List<Dim> dims(Yaml spec) {
        Yaml shape = spec;
        if (spec.isMap()) {
            for (String key : spec.map().keySet()) {
                if (!Set.of("shape", "type").contains(key)) {
                    throw spec.malformed("has '" + key + "', expected shape and type");
                }
            }
            Yaml given = spec.map().get("shape");
            if (given == null) {
                throw spec.malformed("has no 'shape'");
            }
            shape = given;
        }
        List<Dim> dims = new ArrayList<>();
        for (Yaml d : shape.list()) {
            if (!d.text().matches("-?[0-9]+")) {
                dims.add(Dim.of(d.text()));
            } else if (d.number() < 1 || d.number() > Integer.MAX_VALUE) {
                throw d.malformed("is " + d.text() + ", expected a name, or 1 or more");
            } else {
                dims.add(Dim.of(d.number()));
            }
        }
        return dims;
    }

    private void layer(Item item) {
        String kind = item.kind();
        String name = item.text("name", kind);
        boolean named = item.find("name") != null;
        for (int i = 2; !named && values.containsKey(name); i++) {
            name = kind + "_" + i;
        }
        if (values.containsKey(name)) {
            throw item.get("name").malformed("is '" + name + "', which there already is");
        }
        if (name.isEmpty() || name.contains(".")) {
            throw item.get("name").malformed("is '" + name + "', expected letters and digits");
        }
        String own = name;
        Value out = item.at().blamed(() -> Kinds.add(this, item, own));
        item.requireAllRead();
        values.put(name, out);
        last = out;
    }

    /// What the layer reads: the one value that `from` names, or what the layer before yields.
    Value from(Item item) {
        Yaml from = item.find("from");
        if (from != null) {
            return value(from);
        }
        if (last == null) {
            throw item.malformed("has no 'from', and nothing comes before it");
        }
        return last;
    }

    /// The several values that `from` names.
    List<Value> fromAll(Item item) {
        List<Value> all = item.get("from").list().stream().map(this::value).toList();
        if (all.size() < 2) {
            throw item.get("from").malformed("names fewer than two values");
        }
        return all;
    }

    /// The value of that name: an input, a layer, or what a recurrent layer yields besides.
    Value value(Yaml name) {
        Value v = values.get(name.text());
        if (v == null) {
            throw name.malformed(
                    "is '" + name.text() + "', expected one of " + values.keySet() + " before it");
        }
        return v;
    }

    /// Notes what a recurrent layer yields besides its output: for each of its layers h and c.
    void remember(String name, Value sequence, Value lastStep, List<List<Value>> each) {
        values.put(name + ".sequence", sequence);
        values.put(name + ".last", lastStep);
        states.put(name, each);
        List<String> letters = List.of("h", "c");
        for (int s = 0; s < each.getFirst().size(); s++) {
            int index = s;
            List<Value> parts = each.stream().map(l -> l.get(index)).toList();
            String full = name + "." + letters.get(s);
            values.put(
                    full,
                    parts.size() == 1
                            ? parts.getFirst()
                            : dev.runnel.formats.layers.Layers.concat(graph, full, parts, 0));
        }
    }

    /// The final states of each layer of that recurrent layer, or null if there is none.
    @Nullable List<List<Value>> states(String name) {
        return states.get(name);
    }

    private Map<String, Value> outputs() {
        Map<String, Value> outputs = new LinkedHashMap<>();
        Yaml given = recipe.map().get("outputs");
        if (given == null) {
            String name = values.containsKey("y") ? "output" : "y";
            outputs.put(name, Objects.requireNonNull(last));
        } else if (given.isMap()) {
            given.map().forEach((name, value) -> outputs.put(name, value(value)));
        } else {
            given.oneOrMore().forEach(name -> outputs.put(name.text(), value(name)));
        }
        if (outputs.isEmpty()) {
            throw entry("outputs").malformed("is empty");
        }
        return outputs;
    }
}
