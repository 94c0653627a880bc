package dev.runnel.internal.op;

import dev.runnel.internal.op.recurrent.Recurrent;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/// The registry: which [Operator] serves which name. Each family adds its own, in one of three
/// groups, which are looked through in this order and loaded when they are reached: a process that
/// starts does not wait for what its model does not use.
public final class Operators {
    // One line for each family; see CONTRIBUTING.md, "Adding an operator".

    /// All there is in many a recurrent network.
    private static final class Usual {
        static final Map<String, Operator> STANDARD = new HashMap<>();

        static {
            STANDARD.putAll(Recurrent.all());
            STANDARD.put("MatMul", new MatMul());
            STANDARD.put("Gemm", new Gemm());
            STANDARD.putAll(Reshaping.all());
            STANDARD.put("Transpose", new Transpose());
        }
    }

    private static final class Others {
        static final Map<String, Operator> STANDARD = new HashMap<>();

        static {
            STANDARD.put("Einsum", new Einsum());
            STANDARD.put("Pow", new Pow());
            STANDARD.put("Clip", new Clip());
            STANDARD.putAll(Generating.all());
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
    }

    /// The families of many functions, each an object.
    private static final class Functions {
        static final Map<String, Operator> STANDARD = new HashMap<>();

        static {
            STANDARD.putAll(Arithmetic.all());
            STANDARD.putAll(Unary.all());
        }
    }

    private Operators() {}

    /// The operator of that domain and name, or null if there is none.
    public static @Nullable Operator find(String domain, String op) {
        if (!domain.isEmpty()) {
            return null;
        }
        Operator found = Usual.STANDARD.get(op);
        found = found == null ? Others.STANDARD.get(op) : found;
        return found == null ? Functions.STANDARD.get(op) : found;
    }

    /// The names of all, sorted.
    public static SortedSet<String> names() {
        SortedSet<String> names = new TreeSet<>(Usual.STANDARD.keySet());
        names.addAll(Others.STANDARD.keySet());
        names.addAll(Functions.STANDARD.keySet());
        return names;
    }
}
