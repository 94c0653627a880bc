package dev.runnel.internal.op;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;

/// The registry: which [Operator] serves which name. Each family adds its own.
public final class Operators {
    private static final Map<String, Operator> STANDARD = new HashMap<>();

    static {
        // One line for each family; see CONTRIBUTING.md, "Adding an operator".
        STANDARD.put("MatMul", new MatMul());
        STANDARD.put("Gemm", new Gemm());
        STANDARD.put("Einsum", new Einsum());
        STANDARD.putAll(Arithmetic.all());
        STANDARD.putAll(Unary.all());
        STANDARD.put("Pow", new Pow());
        STANDARD.put("Clip", new Clip());
    }

    private Operators() {}

    /// The operator of that domain and name, or null if there is none.
    public static @Nullable Operator find(String domain, String op) {
        return domain.isEmpty() ? STANDARD.get(op) : null;
    }
}
