package dev.runnel.formats.keras;

import dev.runnel.formats.layers.GraphBuilder;
import dev.runnel.formats.layers.Value;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.ValueInfo.Dim;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How the layers of a model are wired: one after the other (`Sequential`), or by the tensors that
/// each call of a layer names (`Functional`).
///
/// Sources: Keras' `Sequential.get_config` and `Functional.get_config`, of versions 2 and 3.
final class Topology {
    /// An output of a layer's call: Keras' `[layer, node_index, tensor_index]`.
    private record Ref(String layer, int call, int tensor) {}

    /// A call of a layer.
    ///
    /// @param inputs as they were passed, one after the other
    /// @param others what else was passed and is no tensor
    private record Call(List<Ref> inputs, Map<String, Object> others) {}

    private final KerasFile file;
    private final Config model;
    private final GraphBuilder g;
    private final LayerRules rules;
    private final Map<String, Value> outputs = new LinkedHashMap<>();
    private final Map<String, Value> states = new LinkedHashMap<>();
    private final Map<String, Integer> classCounts = new HashMap<>();

    Topology(KerasFile file, Config model) {
        this.file = file;
        this.model = model;
        this.g = new GraphBuilder(file.file().name());
        this.rules = new LayerRules(g, states, file.isKeras3());
    }

    Graph graph(Map<String, String> metadata) {
        metadata.forEach(g::note);
        String className = model.text("class_name");
        switch (className) {
            case "Sequential" -> sequential();
            case "Functional", "Model" -> functional();
            default ->
                    throw model.unsupported(
                            "is of class '"
                                    + className
                                    + "', whose wiring is Python code, expected Sequential or"
                                    + " Functional; say how its layers are wired in a recipe"
                                    + " (docs/formats.md)");
        }
        outputs.putAll(states);
        return g.build(outputs);
    }

    // ---- Sequential

    private void sequential() {
        List<?> layers =
                model.isObject("config")
                        ? model.object("config", "the model").list("layers")
                        : model.list("config");
        Value x = null;
        String last = "output";
        for (Object o : layers) {
            Layer layer = layer(o);
            last = layer.name();
            if (layer.className().equals("InputLayer")) {
                x = input(layer.name(), layer);
                continue;
            }
            if (x == null) {
                x = input(layer.name() + "_input", layer);
            }
            List<Value> y = rules.apply(layer, List.of(x), Map.of());
            x = y.getFirst();
            if (y.size() != 1) {
                throw layer.config().malformed("has several outputs within a Sequential");
            }
        }
        if (x == null) {
            throw model.malformed("has no layers");
        }
        outputs.put(last, x);
    }

    // ---- Functional

    private void functional() {
        Config config = model.object("config", "the model");
        Map<String, Layer> layers = new LinkedHashMap<>();
        Map<String, List<Call>> calls = new HashMap<>();
        for (Object o : config.list("layers")) {
            Layer layer = layer(o);
            if (layers.put(layer.name(), layer) != null) {
                throw model.malformed("has two layers called '" + layer.name() + "'");
            }
            calls.put(layer.name(), calls(layer));
        }
        Map<Ref, Value> values = new HashMap<>();
        for (Ref ref : refs(config.get("input_layers"))) {
            Layer layer = layers.get(ref.layer);
            if (layer == null || !layer.className().equals("InputLayer")) {
                throw model.malformed("has an input '" + ref.layer + "' that is no InputLayer");
            }
            values.put(ref, input(ref.layer, layer));
        }
        List<Layer> todo = new ArrayList<>(layers.values());
        Map<String, Integer> done = new HashMap<>();
        boolean progress = true;
        while (progress && !todo.isEmpty()) {
            progress = false;
            List<Layer> left = new ArrayList<>();
            for (Layer layer : todo) {
                int before = done.getOrDefault(layer.name(), 0);
                int after =
                        apply(layer, calls.getOrDefault(layer.name(), List.of()), before, values);
                done.put(layer.name(), after);
                progress |= after > before;
                if (after < calls.getOrDefault(layer.name(), List.of()).size()) {
                    left.add(layer);
                }
            }
            progress |= left.size() < todo.size();
            todo = left;
        }
        for (Ref ref : refs(config.get("output_layers"))) {
            Value v = values.get(ref);
            if (v == null) {
                throw model.malformed(
                        "has an output '" + ref.layer + "' that nothing computes from its inputs");
            }
            outputs.put(freshOutput(ref), v);
        }
    }

    /// Applies the calls of `layer` from `next` on, as far as their inputs are there; gives the
    /// first that is left.
    private int apply(Layer layer, List<Call> calls, int next, Map<Ref, Value> values) {
        for (int i = next; i < calls.size(); i++) {
            Call call = calls.get(i);
            List<Value> in = new ArrayList<>();
            for (Ref ref : call.inputs) {
                Value v = values.get(ref);
                if (v == null) {
                    return i;
                }
                in.add(v);
            }
            if (layer.className().equals("InputLayer")) {
                return calls.size();
            }
            List<Value> out = rules.apply(layer, in, call.others);
            for (int t = 0; t < out.size(); t++) {
                values.put(new Ref(layer.name(), i, t), out.get(t));
            }
        }
        return calls.size();
    }

    private List<Call> calls(Layer layer) {
        List<Call> calls = new ArrayList<>();
        for (Object node : layer.wiring().list("inbound_nodes")) {
            List<Ref> inputs = new ArrayList<>();
            Map<String, Object> others = new LinkedHashMap<>();
            switch (node) {
                case Map<?, ?> m -> {
                    collect(m.get("args"), "", inputs, others);
                    if (m.get("kwargs") instanceof Map<?, ?> named) {
                        named.forEach((k, v) -> collect(v, String.valueOf(k), inputs, others));
                    }
                }
                case List<?> list -> {
                    // One tensor may stand for itself, without a list around it.
                    List<?> tensors = isRef(list) ? List.of(list) : list;
                    for (Object t : tensors) {
                        Ref ref = ref(t);
                        inputs.add(ref);
                        if (t instanceof List<?> l
                                && l.size() > 3
                                && l.get(3) instanceof Map<?, ?> named) {
                            named.forEach((k, v) -> collect(v, String.valueOf(k), inputs, others));
                        }
                    }
                }
                case null, default ->
                        throw layer.config().malformed("'inbound_nodes' cannot be read");
            }
            calls.add(new Call(inputs, others));
        }
        if (calls.isEmpty() && layer.className().equals("InputLayer")) {
            calls.add(new Call(List.of(), Map.of()));
        }
        return calls;
    }

    /// The tensors in an argument, and under its name what is none.
    private void collect(
            @Nullable Object arg, String name, List<Ref> tensors, Map<String, Object> others) {
        if (arg instanceof Map<?, ?> m && m.get("config") instanceof Map<?, ?> c) {
            if (c.get("keras_history") instanceof List<?> history) {
                if (name.equals("mask")) {
                    others.put(name, "a tensor");
                } else {
                    tensors.add(ref(history));
                }
                return;
            }
        }
        if (arg instanceof List<?> list) {
            if (!name.isEmpty() && isRef(list)) {
                tensors.add(ref(list));
            } else {
                list.forEach(a -> collect(a, name, tensors, others));
            }
        } else if (arg != null && !Boolean.FALSE.equals(arg)) {
            others.put(name, arg);
        }
    }

    private static boolean isRef(List<?> list) {
        return list.size() >= 3
                && list.get(0) instanceof String
                && list.get(1) instanceof Integer
                && list.get(2) instanceof Integer;
    }

    private Ref ref(@Nullable Object o) {
        if (o instanceof List<?> l
                && l.size() >= 3
                && l.get(0) instanceof String layer
                && l.get(1) instanceof Integer call
                && l.get(2) instanceof Integer tensor) {
            return new Ref(layer, call, tensor);
        }
        throw model.malformed("names a tensor by " + o + ", expected [layer, node, tensor]");
    }

    private List<Ref> refs(@Nullable Object o) {
        List<Ref> all = new ArrayList<>();
        if (o instanceof List<?> list && isRef(list)) {
            all.add(ref(list));
        } else if (o instanceof List<?> list) {
            list.forEach(e -> all.addAll(refs(e)));
        } else if (o instanceof Map<?, ?> map) {
            map.values().forEach(e -> all.addAll(refs(e)));
        } else {
            throw model.malformed("has inputs or outputs " + o + ", expected a list");
        }
        return all;
    }

    // ---- layers and ports

    private Layer layer(@Nullable Object o) {
        if (!(o instanceof Map<?, ?> map)) {
            throw model.malformed("has a layer " + o + ", expected an object");
        }
        Config wiring = new Config(file.file(), "a layer", map);
        String className = wiring.text("class_name");
        Config unnamed = wiring.object("config", "a layer of class " + className);
        String name = unnamed.text("name", wiring.text("name", ""));
        String where = "layer '" + name + "' (" + className + ")";
        String snake = KerasFile.snakeCase(className);
        int count = classCounts.merge(snake, 1, Integer::sum) - 1;
        String path = count == 0 ? snake : snake + "_" + count;
        return new Layer(
                name, className, wiring.object("config", where), wiring, file.weights(name, path));
    }

    private Value input(String name, Layer layer) {
        Config config = layer.config();
        Object shape = config.get("batch_shape");
        if (shape == null) {
            shape = config.get("batch_input_shape");
        }
        List<Dim> dims = new ArrayList<>();
        if (shape instanceof List<?> list) {
            for (Object d : list) {
                if (d instanceof Integer n && n >= 0) {
                    dims.add(Dim.of(n));
                } else if (d == null) {
                    dims.add(dims.isEmpty() ? Dim.of("N") : Value.unknown());
                } else {
                    throw config.malformed("has shape " + list);
                }
            }
        }
        if (dims.isEmpty()) {
            throw config.unsupported(
                    "has no shape of its input, so the model was never built; build it before"
                            + " saving");
        }
        String dtype = config.get("dtype") instanceof String s ? s : "float32";
        if (layer.className().equals("InputLayer")) {
            config.checkRead();
        } else {
            dtype = layer.className().equals("Embedding") ? "int32" : "float32";
        }
        try {
            return g.input(name, DType.valueOf(dtype.toUpperCase(Locale.ROOT)), dims);
        } catch (IllegalArgumentException e) {
            throw config.unsupported("'dtype': " + dtype + ": " + e.getMessage());
        }
    }

    /// The layer's name, which its first output has; `/1` behind it for its second, and so on.
    private String freshOutput(Ref ref) {
        String name = ref.tensor == 0 ? ref.layer : ref.layer + "/" + ref.tensor;
        for (int i = ref.tensor + 1; outputs.containsKey(name); i++) {
            name = ref.layer + "/" + i;
        }
        return name;
    }
}
