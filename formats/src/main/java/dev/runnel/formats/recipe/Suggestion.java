package dev.runnel.formats.recipe;

import dev.runnel.formats.Checkpoint;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The first draft of a recipe: the layers whose weights have the names and shapes that PyTorch or
/// Keras give them, in the file's order, one after the other as long as their sizes fit; all else
/// as comments.
public final class Suggestion {
    private static final Pattern PYTORCH =
            Pattern.compile("(?:(.*)[./])?(weight|bias)_(ih|hh|hr)(?:_l(\\d{1,3}))?(_reverse)?");
    private static final Pattern KERAS =
            Pattern.compile("(?:(.*)[./])?(recurrent_kernel|kernel|bias)(?::0)?");
    private static final Pattern OTHER =
            Pattern.compile(
                    "(?:(.*)[./])?(weight|bias|kernel|embeddings|gamma|beta|running_mean"
                        + "|running_var|moving_mean|moving_variance|num_batches_tracked)(?::0)?");
    private static final Pattern EMBEDDING = Pattern.compile("(?i).*(emb|wte|vocab|lookup).*");

    /// A layer found.
    ///
    /// @param in its features; −1 for an embedding, 0 for whatever comes
    /// @param out those that it yields; 0 for as many as came
    private record Layer(String kind, String settings, String remark, long in, long out) {}

    private final Checkpoint checkpoint;
    private final Set<String> left;
    private final List<Layer> layers = new ArrayList<>();

    private Suggestion(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        left = new LinkedHashSet<>(checkpoint.tensors().keySet());
    }

    /// The recipe's text.
    public static String of(Checkpoint checkpoint) {
        Suggestion s = new Suggestion(checkpoint);
        s.find();
        return s.text();
    }

    private void find() {
        for (String name : checkpoint.tensors().keySet()) {
            if (!left.contains(name)) {
                continue;
            }
            Layer layer = recurrent(name);
            layer = layer == null ? kerasRecurrent(name) : layer;
            layer = layer == null ? other(name) : layer;
            if (layer != null) {
                layers.add(layer);
            }
        }
    }

    private @Nullable Shape shape(@Nullable String name, int rank) {
        Tensor t = name == null ? null : checkpoint.tensors().get(name);
        return t == null || t.shape().rank() != rank || !t.dtype().isFloat() ? null : t.shape();
    }

    private static String kind(long gates) {
        return gates == 1 ? "rnn" : gates == 3 ? "gru" : gates == 4 ? "lstm" : "";
    }

    private static String join(String prefix, String last, String like) {
        char separator = like.contains("/") ? '/' : '.';
        return prefix.isEmpty() ? last : prefix + separator + last;
    }

    private @Nullable Layer recurrent(String name) {
        Matcher m = PYTORCH.matcher(name);
        if (!m.matches()) {
            return null;
        }
        String prefix = m.group(1) == null ? "" : m.group(1);
        String first = m.group(4) == null ? "" : "_l0";
        Shape ih = shape(join(prefix, "weight_ih" + first, name), 2);
        Shape hh = shape(join(prefix, "weight_hh" + first, name), 2);
        Shape hr = shape(join(prefix, "weight_hr" + first, name), 2);
        if (ih == null || hh == null) {
            return null;
        }
        long hidden = hr == null ? hh.dim(1) : hr.dim(1);
        String kind = hidden > 0 && hh.dim(0) % hidden == 0 ? kind(hh.dim(0) / hidden) : "";
        if (kind.isEmpty()) {
            return null;
        }
        Set<String> depth = new TreeSet<>();
        boolean both = false;
        for (String other : List.copyOf(left)) {
            Matcher o = PYTORCH.matcher(other);
            boolean same = o.matches() && (o.group(1) == null ? "" : o.group(1)).equals(prefix);
            if (same && (o.group(4) == null) == first.isEmpty()) {
                left.remove(other);
                depth.add(String.valueOf(o.group(4)));
                both |= o.group(5) != null;
            }
        }
        String remark =
                hidden
                        + " units"
                        + (hr == null ? "" : " projected to " + hh.dim(1))
                        + (depth.size() > 1 ? ", " + depth.size() + " layers" : "")
                        + (both ? ", bidirectional" : "")
                        + (kind.equals("rnn") ? "; activation: relu if it is not tanh" : "");
        return new Layer(
                kind, "weights: " + quoted(prefix), remark, ih.dim(1), hh.dim(1) * (both ? 2 : 1));
    }

    private @Nullable Layer kerasRecurrent(String name) {
        Matcher m = KERAS.matcher(name);
        if (!m.matches()) {
            return null;
        }
        String prefix = m.group(1) == null ? "" : m.group(1);
        Map<String, String> names = keras(prefix);
        Shape kernel = shape(names.get("kernel"), 2);
        Shape recurrent = shape(names.get("recurrent_kernel"), 2);
        if (kernel == null || recurrent == null || recurrent.dim(0) == 0) {
            return null;
        }
        long hidden = recurrent.dim(0);
        String kind = recurrent.dim(1) % hidden == 0 ? kind(recurrent.dim(1) / hidden) : "";
        if (kind.isEmpty()) {
            return null;
        }
        left.removeAll(names.values());
        String backward = prefix.replaceFirst("(^|[./])forward(_|[./]|$)", "$1backward$2");
        Map<String, String> other = backward.equals(prefix) ? Map.of() : keras(backward);
        Shape twin = shape(other.get("recurrent_kernel"), 2);
        boolean both = twin != null && twin.equals(recurrent);
        String weights = quoted(prefix);
        if (both) {
            left.removeAll(other.values());
            weights = "[" + quoted(prefix) + ", " + quoted(backward) + "]";
        }
        String remark =
                hidden
                        + " units"
                        + (both ? ", bidirectional" : "")
                        + "; activation, recurrent_activation: if they are not Keras' usual ones";
        return new Layer(
                kind, "weights: " + weights, remark, kernel.dim(0), hidden * (both ? 2 : 1));
    }

    /// The names of a Keras layer's weights by their last parts.
    private Map<String, String> keras(String prefix) {
        Map<String, String> names = new LinkedHashMap<>();
        for (String n : checkpoint.tensors().keySet()) {
            Matcher m = KERAS.matcher(n);
            if (m.matches() && (m.group(1) == null ? "" : m.group(1)).equals(prefix)) {
                names.put(m.group(2), n);
            }
        }
        return names;
    }

    private @Nullable Layer other(String name) {
        Matcher m = OTHER.matcher(name);
        if (!m.matches()) {
            return null;
        }
        String prefix = m.group(1) == null ? "" : m.group(1);
        Map<String, String> names = new LinkedHashMap<>();
        for (String n : left) {
            Matcher o = OTHER.matcher(n);
            if (o.matches() && (o.group(1) == null ? "" : o.group(1)).equals(prefix)) {
                names.put(o.group(2), n);
            }
        }
        Layer layer = other(prefix, names);
        if (layer != null) {
            left.removeAll(names.values());
            left.addAll(
                    names.entrySet().stream()
                            .filter(e -> e.getKey().equals("num_batches_tracked"))
                            .map(Map.Entry::getValue)
                            .toList());
        }
        return layer;
    }

    private @Nullable Layer other(String prefix, Map<String, String> names) {
        String weights = "weights: " + quoted(prefix);
        if (names.containsKey("running_mean") || names.containsKey("moving_mean")) {
            Shape mean = shape(names.getOrDefault("running_mean", names.get("moving_mean")), 1);
            return mean == null ? null : new Layer("batch_norm", weights, "", mean.dim(0), 0);
        }
        Shape table = shape(names.get("embeddings"), 2);
        Shape weight = shape(names.get("weight"), 2);
        boolean looksUp = EMBEDDING.matcher(prefix).matches() && !names.containsKey("bias");
        if (table != null || weight != null && looksUp) {
            Shape t = table != null ? table : java.util.Objects.requireNonNull(weight);
            return new Layer("embedding", weights, t.dim(0) + " rows", -1, t.dim(1));
        }
        String remark = "activation: softmax, …, if it has one";
        if (names.containsKey("bias") && shape(names.get("bias"), 1) == null) {
            return null;
        }
        if (weight != null) {
            return new Layer("dense", weights, remark, weight.dim(1), weight.dim(0));
        }
        Shape kernel = shape(names.get("kernel"), 2);
        if (kernel != null) {
            return new Layer("dense", weights, remark, kernel.dim(0), kernel.dim(1));
        }
        Shape conv = shape(names.get("weight"), 3);
        conv = conv == null ? shape(names.get("kernel"), 3) : conv;
        if (conv != null) {
            boolean keras = names.containsKey("kernel");
            String more = "stride, dilation, padding: if they are not 1, 1, valid";
            return new Layer("conv1d", weights, more, conv.dim(1), conv.dim(keras ? 2 : 0));
        }
        Shape scale = shape(names.getOrDefault("weight", names.get("gamma")), 1);
        return scale == null ? null : new Layer("layer_norm", weights, "", scale.dim(0), 0);
    }

    private static String quoted(String text) {
        boolean plain = text.matches("[A-Za-z_][A-Za-z0-9_./-]*");
        return plain && !text.matches("(?i)true|false|null|yes|no|on|off")
                ? text
                : "'" + text.replace("'", "''") + "'";
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        line(
                text,
                "# A draft, from the names and shapes of %s; docs/formats.md, Recipes, says more.",
                comment(checkpoint.name()));
        line(text, "# layout: NTI  # where sequences are [batch, time, features]");
        boolean any = false;
        long now = 0;
        StringBuilder body = new StringBuilder();
        for (Layer l : layers) {
            String entry = "- " + l.kind + ": {" + l.settings + "}";
            String sizes = (l.in > 0 ? l.in + " features" : "") + (l.out > 0 ? " → " + l.out : "");
            String remark = "  # " + (sizes + (l.remark.isEmpty() ? "" : "; " + l.remark)).strip();
            boolean follows = any ? l.in == 0 || l.in > 0 && (now == 0 || l.in == now) : true;
            if (follows) {
                line(body, "  %s%s", entry, remark);
                now = l.out == 0 ? l.in : l.out;
                any = true;
            } else {
                line(
                        body,
                        "  # does not follow: takes %s, what is before it yields %d",
                        l.in < 0 ? "integers" : Long.toString(l.in),
                        now);
                line(body, "  # %s%s", entry, remark);
            }
        }
        line(text, any ? "layers:" : "layers: []");
        text.append(body);
        if (!any) {
            line(
                    text,
                    "# No names of PyTorch's or Keras' were found. Name the tensors one by one, as"
                            + " in");
            line(text, "#   - gru: {weights: {w_ih: …, w_hh: …, b_ih: …, b_hh: …}}");
        }
        if (!left.isEmpty()) {
            line(text, "# In no layer:");
            checkpoint
                    .tensors()
                    .forEach(
                            (n, t) -> {
                                if (left.contains(n)) {
                                    line(text, "#   %s %s", comment(n), t);
                                }
                            });
        }
        return text.toString();
    }

    /// Names may hold anything; a comment ends with its line.
    private static String comment(String name) {
        return name.replaceAll("[^\\x20-\\x7e\\xa0-\\ud7ff]", "?");
    }

    private static void line(StringBuilder to, String format, Object... arguments) {
        to.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
