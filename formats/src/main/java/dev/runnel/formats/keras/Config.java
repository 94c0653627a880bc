package dev.runnel.formats.keras;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A JSON object of a model's configuration, such as a layer's. It keeps account of what was read:
/// what nobody asks for must be known to change nothing.
final class Config {
    /// Settings of training, and what the weights or the wiring say as well.
    private static final Set<String> WITHOUT_EFFECT =
            Set.of(
                    "name",
                    "trainable",
                    "dtype",
                    "build_config",
                    "batch_input_shape",
                    "batch_shape",
                    "input_shape",
                    "input_dim",
                    "units",
                    "output_dim",
                    "filters",
                    "kernel_size",
                    "dropout",
                    "recurrent_dropout",
                    "unit_forget_bias",
                    "implementation",
                    "unroll",
                    "seed",
                    "noise_shape",
                    "momentum",
                    "renorm_momentum",
                    "use_cudnn",
                    "zero_output_for_mask",
                    "rate",
                    "stddev",
                    "l1",
                    "l2",
                    "fused");

    private final MappedFile file;
    private final String where;
    private final Map<?, ?> map;
    private final Set<String> read = new HashSet<>();

    /// @param where names the object in messages: `layer 'lstm_1' (LSTM)`
    Config(MappedFile file, String where, Map<?, ?> map) {
        this.file = file;
        this.where = where;
        this.map = map;
    }

    @Nullable Object get(String key) {
        read.add(key);
        return map.get(key);
    }

    boolean has(String key) {
        return map.get(key) != null;
    }

    String text(String key) {
        return get(key) instanceof String s ? s : fail(key, "a string");
    }

    String text(String key, String otherwise) {
        return get(key) == null ? otherwise : text(key);
    }

    boolean flag(String key, boolean otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case Boolean b -> b;
            default -> fail(key, "true or false");
        };
    }

    double number(String key, double otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case Number n -> n.doubleValue();
            default -> fail(key, "a number");
        };
    }

    long integer(String key, long otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case Integer n -> n;
            case Long n -> n;
            default -> fail(key, "an integer");
        };
    }

    /// A list of integers; one integer counts as a list of itself, `n` times.
    List<Long> integers(String key, int n, long otherwise) {
        Object value = get(key);
        List<Long> all = new ArrayList<>();
        if (value instanceof List<?> list) {
            for (Object o : list) {
                all.add(
                        o instanceof Integer || o instanceof Long
                                ? ((Number) o).longValue()
                                : fail(key, "integers"));
            }
        } else {
            long one = integer(key, otherwise);
            for (int i = 0; i < n; i++) {
                all.add(one);
            }
        }
        return all;
    }

    List<?> list(String key) {
        return switch (get(key)) {
            case List<?> l -> l;
            case null, default -> fail(key, "a list");
        };
    }

    Config object(String key, String inner) {
        return get(key) instanceof Map<?, ?> m
                ? new Config(file, inner, m)
                : fail(key, "an object");
    }

    /// Whether this key is an object.
    boolean isObject(String key) {
        return map.get(key) instanceof Map;
    }

    /// Refuses what nobody read, unless it is off or without effect on what is computed.
    void checkRead() {
        for (Map.Entry<?, ?> e : map.entrySet()) {
            String key = String.valueOf(e.getKey());
            Object v = e.getValue();
            boolean off =
                    v == null || Boolean.FALSE.equals(v) || v instanceof List<?> l && l.isEmpty();
            boolean training =
                    key.endsWith("_initializer")
                            || key.endsWith("_regularizer")
                            || key.endsWith("_constraint");
            if (!off && !training && !read.contains(key) && !WITHOUT_EFFECT.contains(key)) {
                throw unsupported(
                        "'" + key + "': " + v + " is not supported; docs/formats.md lists what is");
            }
        }
    }

    String where() {
        return where;
    }

    private <T> T fail(String key, String want) {
        throw malformed("'" + key + "' is " + map.get(key) + ", expected " + want);
    }

    MalformedModelException malformed(String what) {
        return file.malformed(where + ": " + what);
    }

    UnsupportedModelException unsupported(String what) {
        return file.unsupported(where + ": " + what);
    }
}
