package dev.runnel.internal.op;

import dev.runnel.internal.op.recurrent.Recurrent;

import org.jspecify.annotations.Nullable;

import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/// The registry: which [Operator] serves which name. Made when it is asked for, not before: a
/// process that starts does not wait for the classes of operators that its model does not have.
public final class Operators {
    /// What there is, to be listed.
    private static final Set<String> NAMES =
            Set.of(
                    """
                    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool \
                    BatchNormalization Cast CastLike Ceil Celu Clip Compress Concat Constant \
                    ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DequantizeLinear Div \
                    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather \
                    GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater \
                    GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity \
                    InstanceNormalization IsInf IsNaN LSTM LayerNormalization LeakyRelu Less LessOrEqual \
                    Log LogSoftmax MatMul MatMulInteger Max MaxPool Mean Min Mish Mod Mul Neg NonZero \
                    Not OneHot Or PRelu Pad Pow QuantizeLinear RNN Range Reciprocal ReduceL1 ReduceL2 \
                    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum \
                    ReduceSumSquare Relu Reshape ReverseSequence Round ScatterElements ScatterND Selu \
                    Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt \
                    Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze \
                    Where Xor dev.runnel.LSTM\
                    """
                            .split(" "));

    private Operators() {}

    /// The operator of that name, or null if there is none. One line for each family; see
    /// CONTRIBUTING.md, "Adding an operator".
    private static @Nullable Operator make(String name) {
        return switch (name) {
            case "RNN", "GRU", "LSTM", "dev.runnel.LSTM" -> Recurrent.of(name);
            case "MatMul" -> new MatMul();
            case "Gemm" -> new Gemm();
            case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity" -> Reshaping.of(name);
            case "Transpose" -> new Transpose();
            case "Einsum" -> new Einsum();
            case "Pow" -> new Pow();
            case "Clip" -> new Clip();
            case "Constant", "ConstantOfShape", "Shape", "Size", "Range" -> Generating.of(name);
            case "Slice" -> new Slice();
            case "Expand", "Tile" -> Repeating.of(name);
            case "Concat", "Split" -> Joining.of(name);
            case "Pad" -> new Pad();
            case "Gather" -> new Gather();
            case "GatherElements", "ScatterElements" -> Picking.of(name);
            case "GatherND", "ScatterND" -> Tuples.of(name);
            case "OneHot" -> new OneHot();
            case "Trilu" -> new Trilu();
            case "ReverseSequence" -> new ReverseSequence();
            case "NonZero", "Compress" -> Finding.of(name);
            case "Cast", "CastLike" -> Cast.of(name);
            case "QuantizeLinear", "DequantizeLinear" -> Quantization.of(name);
            case "DynamicQuantizeLinear" -> new DynamicQuantizeLinear();
            case "MatMulInteger" -> new MatMulInteger();
            case "ConvInteger" -> new ConvInteger();
            case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor" ->
                    Comparing.of(name);
            case "Where", "Not" -> Choosing.of(name);
            case "IsNaN", "IsInf" -> Abnormal.of(name);
            case "ReduceSum",
                    "ReduceMean",
                    "ReduceMax",
                    "ReduceMin",
                    "ReduceProd",
                    "ReduceL1",
                    "ReduceL2",
                    "ReduceSumSquare",
                    "ReduceLogSum",
                    "ReduceLogSumExp" ->
                    Reduce.of(name);
            case "ArgMax" -> new ArgReduce(true);
            case "ArgMin" -> new ArgReduce(false);
            case "Hardmax" -> new Hardmax();
            case "TopK" -> new TopK();
            case "CumSum" -> new CumSum();
            case "Softmax" -> new Softmax(false);
            case "LogSoftmax" -> new Softmax(true);
            case "Conv" -> new Conv();
            case "ConvTranspose" -> new ConvTranspose();
            case "MaxPool" -> new Pool(true);
            case "AveragePool" -> new Pool(false);
            case "GlobalMaxPool" -> new Pool.Global(true);
            case "GlobalAveragePool" -> new Pool.Global(false);
            case "BatchNormalization" -> new BatchNormalization();
            case "LayerNormalization" -> new Normalization(Normalization.Kind.LAYER);
            case "InstanceNormalization" -> new Normalization(Normalization.Kind.INSTANCE);
            case "GroupNormalization" -> new Normalization(Normalization.Kind.GROUP);
            case "Add", "Sub", "Mul", "Div", "Mod", "PRelu", "Min", "Max", "Sum", "Mean" ->
                    Arithmetic.of(name);
            default -> Unary.of(name);
        };
    }

    /// The operator of that domain and name, or null if there is none.
    public static @Nullable Operator find(String domain, String op) {
        return make(domain.isEmpty() ? op : domain.concat(".").concat(op));
    }

    /// The names of all, sorted; those of another than the standard domain with it before them:
    /// `com.microsoft.DynamicQuantizeLSTM`.
    public static SortedSet<String> names() {
        return new TreeSet<>(NAMES);
    }
}
