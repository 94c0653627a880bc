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
        static final Map<String, Operator> BY_NAME = new HashMap<>();

        static {
            BY_NAME.putAll(Recurrent.all());
            BY_NAME.put("MatMul", new MatMul());
            BY_NAME.put("Gemm", new Gemm());
            BY_NAME.putAll(Reshaping.all());
            BY_NAME.put("Transpose", new Transpose());
        }
    }

    private static final class Others {
        static final Map<String, Operator> BY_NAME = new HashMap<>();

        static {
            BY_NAME.put("Einsum", new Einsum());
            BY_NAME.put("Pow", new Pow());
            BY_NAME.put("Clip", new Clip());
            BY_NAME.putAll(Generating.all());
            BY_NAME.put("Slice", new Slice());
            BY_NAME.putAll(Repeating.all());
            BY_NAME.putAll(Joining.all());
            BY_NAME.put("Pad", new Pad());
            BY_NAME.put("Gather", new Gather());
            BY_NAME.putAll(Picking.all());
            BY_NAME.putAll(Tuples.all());
            BY_NAME.put("OneHot", new OneHot());
            BY_NAME.put("Trilu", new Trilu());
            BY_NAME.put("ReverseSequence", new ReverseSequence());
            BY_NAME.putAll(Finding.all());
            BY_NAME.putAll(Cast.all());
            BY_NAME.putAll(Quantization.all());
            BY_NAME.put("DynamicQuantizeLinear", new DynamicQuantizeLinear());
            BY_NAME.put("MatMulInteger", new MatMulInteger());
            BY_NAME.put("ConvInteger", new ConvInteger());
            BY_NAME.putAll(Comparing.all());
            BY_NAME.putAll(Choosing.all());
            BY_NAME.putAll(Abnormal.all());
            BY_NAME.putAll(Reduce.all());
            BY_NAME.put("ArgMax", new ArgReduce(true));
            BY_NAME.put("ArgMin", new ArgReduce(false));
            BY_NAME.put("Hardmax", new Hardmax());
            BY_NAME.put("TopK", new TopK());
            BY_NAME.put("CumSum", new CumSum());
            BY_NAME.put("Softmax", new Softmax(false));
            BY_NAME.put("LogSoftmax", new Softmax(true));
            BY_NAME.put("Conv", new Conv());
            BY_NAME.put("ConvTranspose", new ConvTranspose());
            BY_NAME.put("MaxPool", new Pool(true));
            BY_NAME.put("AveragePool", new Pool(false));
            BY_NAME.put("GlobalMaxPool", new Pool.Global(true));
            BY_NAME.put("GlobalAveragePool", new Pool.Global(false));
            BY_NAME.put("BatchNormalization", new BatchNormalization());
            BY_NAME.put("LayerNormalization", new Normalization(Normalization.Kind.LAYER));
            BY_NAME.put("InstanceNormalization", new Normalization(Normalization.Kind.INSTANCE));
            BY_NAME.put("GroupNormalization", new Normalization(Normalization.Kind.GROUP));
        }
    }

    /// The families of many functions, each an object.
    private static final class Functions {
        static final Map<String, Operator> BY_NAME = new HashMap<>();

        static {
            BY_NAME.putAll(Arithmetic.all());
            BY_NAME.putAll(Unary.all());
        }
    }

    private Operators() {}

    /// The operator of that domain and name, or null if there is none.
    public static @Nullable Operator find(String domain, String op) {
        String name = domain.isEmpty() ? op : domain.concat(".").concat(op);
        Operator found = Usual.BY_NAME.get(name);
        found = found == null ? Others.BY_NAME.get(name) : found;
        return found == null ? Functions.BY_NAME.get(name) : found;
    }

    /// The names of all, sorted; those of another than the standard domain with it before them:
    /// `com.microsoft.DynamicQuantizeLSTM`.
    public static SortedSet<String> names() {
        SortedSet<String> names = new TreeSet<>(Usual.BY_NAME.keySet());
        names.addAll(Others.BY_NAME.keySet());
        names.addAll(Functions.BY_NAME.keySet());
        return names;
    }
}
