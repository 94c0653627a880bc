package dev.runnel.internal.op;

import dev.runnel.internal.op.recurrent.Recurrent;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/// The registry: which [Operator] serves which name. Each family adds its own.
public final class Operators {
    private static final Map<String, Operator> STANDARD = new HashMap<>();

    static {
        // One line for each family; see CONTRIBUTING.md, "Adding an operator".
        STANDARD.putAll(Recurrent.all());
        STANDARD.put("MatMul", new MatMul());
        STANDARD.put("Gemm", new Gemm());
        STANDARD.put("Einsum", new Einsum());
        STANDARD.putAll(Arithmetic.all());
        STANDARD.putAll(Unary.all());
        STANDARD.put("Pow", new Pow());
        STANDARD.put("Clip", new Clip());
        STANDARD.putAll(Generating.all());
        STANDARD.putAll(Reshaping.all());
        STANDARD.put("Transpose", new Transpose());
        STANDARD.put("Slice", new Slice());
        STANDARD.putAll(Repeating.all());
        STANDARD.putAll(Joining.all());
        STANDARD.put("Pad", new Pad());
        STANDARD.put("Gather", new Gather());
        STANDARD.putAll(Picking.all());
        STANDARD.putAll(Tuples.all());
        STANDARD.put("OneHot", new OneHot());
        STANDARD.put("Trilu", new Trilu());
        STANDARD.put("ReverseSequence", new ReverseSequence());
        STANDARD.putAll(Finding.all());
        STANDARD.putAll(Cast.all());
        STANDARD.putAll(Comparing.all());
        STANDARD.putAll(Choosing.all());
        STANDARD.putAll(Abnormal.all());
        STANDARD.putAll(Reduce.all());
        STANDARD.put("ArgMax", new ArgReduce(true));
        STANDARD.put("ArgMin", new ArgReduce(false));
        STANDARD.put("Hardmax", new Hardmax());
        STANDARD.put("TopK", new TopK());
        STANDARD.put("CumSum", new CumSum());
        STANDARD.put("Softmax", new Softmax(false));
        STANDARD.put("LogSoftmax", new Softmax(true));
        STANDARD.put("Conv", new Conv());
        STANDARD.put("ConvTranspose", new ConvTranspose());
        STANDARD.put("MaxPool", new Pool(true));
        STANDARD.put("AveragePool", new Pool(false));
        STANDARD.put("GlobalMaxPool", new Pool.Global(true));
        STANDARD.put("GlobalAveragePool", new Pool.Global(false));
        STANDARD.put("BatchNormalization", new BatchNormalization());
        STANDARD.put("LayerNormalization", new Normalization(Normalization.Kind.LAYER));
        STANDARD.put("InstanceNormalization", new Normalization(Normalization.Kind.INSTANCE));
        STANDARD.put("GroupNormalization", new Normalization(Normalization.Kind.GROUP));
    }

    private Operators() {}

    /// The operator of that domain and name, or null if there is none.
    public static @Nullable Operator find(String domain, String op) {
        return domain.isEmpty() ? STANDARD.get(op) : null;
    }

    /// The names of all, sorted.
    public static SortedSet<String> names() {
        return new TreeSet<>(STANDARD.keySet());
    }
}
