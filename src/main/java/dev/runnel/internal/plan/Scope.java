package dev.runnel.internal.plan;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;

/// The names a graph, or a branch in it, can see.
final class Scope {
    private final @Nullable Scope outer;
    private final Map<String, Value> values = new HashMap<>();

    /// Tells apart equal names of different branches: empty for the whole graph.
    final String path;

    Scope(@Nullable Scope outer, String path) {
        this.outer = outer;
        this.path = path;
    }

    void put(String name, Value value) {
        values.put(name, value);
    }

    @Nullable Value find(String name) {
        Value v = values.get(name);
        return v != null || outer == null ? v : outer.find(name);
    }

    Value get(String name) {
        Value v = find(name);
        if (v == null) {
            throw new IllegalStateException("no value '" + name + "': the wiring was not checked");
        }
        return v;
    }

    Map<String, Value> own() {
        return values;
    }
}
