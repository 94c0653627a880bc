package dev.runnel.formats.layers;

import dev.runnel.graph.Attribute;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// An activation function under the name that frameworks give it, as ONNX operator and as function
/// of a recurrent cell.
///
/// @param op the operator; empty for the identity
/// @param parameters α and β of those that take them
public record Activation(String op, List<Float> parameters) {
    /// Operator and parameters' defaults by name; a function of cells has a `true`.
    private record Known(String op, boolean ofCells, List<Float> defaults) {}

    private static final Map<String, Known> KNOWN = new LinkedHashMap<>();

    static {
        know(true, "Tanh", "tanh");
        know(true, "Sigmoid", "sigmoid");
        know(true, "Relu", "relu");
        know(true, "", "linear");
        know(false, "Softmax", "softmax");
        know(false, "LogSoftmax", "log_softmax");
        KNOWN.put("hard_sigmoid", new Known("HardSigmoid", true, List.of(0.2f, 0.5f)));
        KNOWN.put("leaky_relu", new Known("LeakyRelu", true, List.of(0.01f)));
        KNOWN.put("elu", new Known("Elu", true, List.of(1f)));
        know(true, "Softsign", "softsign");
        know(true, "Softplus", "softplus");
        know(false, "Selu", "selu");
        know(false, "Gelu", "gelu");
        know(false, "Swish", "swish");
        know(false, "Swish", "silu");
        know(false, "HardSwish", "hard_swish");
        know(false, "Mish", "mish");
        know(false, "Exp", "exponential");
    }

    public Activation {
        parameters = List.copyOf(parameters);
    }

    private static void know(boolean ofCells, String op, String name) {
        KNOWN.put(name, new Known(op, ofCells, List.of()));
    }

    /// The names.
    public static List<String> names() {
        return List.copyOf(KNOWN.keySet());
    }

    /// The function of that name, with its parameters behind it if they are not the usual ones:
    /// `hard_sigmoid`, which is `0.2·x + 0.5` within \[0, 1\], or `hard_sigmoid(0.16666667, 0.5)`,
    /// PyTorch's and Keras 3's; `leaky_relu(0.3)`, Keras 2's; `elu(1)`.
    ///
    /// @throws IllegalArgumentException if there is none of that name, or it takes other parameters
    public static Activation of(String text) {
        int open = text.indexOf('(');
        String name = (open < 0 ? text : text.substring(0, open)).strip().toLowerCase(Locale.ROOT);
        Known known = KNOWN.get(name);
        if (known == null) {
            throw new IllegalArgumentException(
                    "'" + name + "' is no activation; there are " + String.join(", ", names()));
        }
        List<Float> parameters = new ArrayList<>(known.defaults);
        if (open >= 0) {
            String inner = text.strip();
            if (!inner.endsWith(")")) {
                throw new IllegalArgumentException(
                        "'" + text + "' has no ')' at its end, expected as in leaky_relu(0.3)");
            }
            String[] given =
                    inner.substring(inner.indexOf('(') + 1, inner.length() - 1).split(",", -1);
            if (given.length != parameters.size()) {
                throw new IllegalArgumentException(
                        "'"
                                + text
                                + "' has other parameters than "
                                + name
                                + " takes: "
                                + known.defaults.size());
            }
            for (int i = 0; i < given.length; i++) {
                try {
                    parameters.set(i, Float.parseFloat(given[i].strip()));
                } catch (NumberFormatException e) {
                    throw new IllegalArgumentException(
                            "'" + text + "': '" + given[i].strip() + "' is no number", e);
                }
            }
        }
        return new Activation(known.op, parameters);
    }

    /// Whether this is x itself.
    public boolean isLinear() {
        return op.isEmpty();
    }

    /// Whether a recurrent cell may have it.
    public boolean fitsCells() {
        return KNOWN.values().stream().anyMatch(k -> k.op.equals(op) && k.ofCells);
    }

    /// The operator's attributes.
    Map<String, Attribute> attributes() {
        Map<String, Attribute> a = new LinkedHashMap<>();
        List<String> names = List.of("alpha", "beta");
        for (int i = 0; i < parameters.size(); i++) {
            a.put(names.get(i), new Attribute.OfFloat(parameters.get(i)));
        }
        return a;
    }

    /// The name of the function in a recurrent node.
    String inCell() {
        return isLinear() ? "Affine" : op;
    }

    /// Its α and β in a recurrent node.
    List<Float> inCellParameters() {
        return isLinear() ? List.of(1f, 0f) : parameters;
    }
}
