package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.ElementKernels;
import dev.runnel.internal.kernel.UnaryFunction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongUnaryOperator;

/// Functions of single elements, one for each name in [#of]. Those of float32 with a kernel go
/// through it; everything else is computed in double, by operations that are the same on every
/// platform, and rounded once.
final class Unary implements Operator {
    /// The function that a node asks for by name and attributes.
    @FunctionalInterface
    private interface Choice {
        DoubleUnaryOperator of(Call call);
    }

    /// A parameter of the function, which may be an attribute.
    @FunctionalInterface
    private interface Parameter {
        float of(Call call);
    }

    /// All but uint64, whose upper half is no long.
    private static final DType[] NUMBERS = DTypes.without(DTypes.NUMBERS, DType.UINT64);

    private final DType[] types;
    private final Choice choice;
    private final @Nullable LongUnaryOperator integers;
    private final @Nullable UnaryFunction kernel;
    private final @Nullable BinaryFunction binary;
    private final Parameter parameter;

    /// @param integers what it does to integers
    /// @param kernel the float32 kernel that is this function
    /// @param binary the float32 kernel that is this function of x and `parameter`
    private Unary(
            DType[] types,
            Choice choice,
            @Nullable LongUnaryOperator integers,
            @Nullable UnaryFunction kernel,
            @Nullable BinaryFunction binary,
            Parameter parameter) {
        this.types = types;
        this.choice = choice;
        this.integers = integers;
        this.kernel = kernel;
        this.binary = binary;
        this.parameter = parameter;
    }

    private static Unary plain(DoubleUnaryOperator f) {
        return new Unary(DTypes.FLOATS, call -> f, null, null, null, c -> 0);
    }

    private static Unary chosen(Choice f) {
        return new Unary(DTypes.FLOATS, f, null, null, null, c -> 0);
    }

    private static Unary kernel(UnaryFunction kernel, DoubleUnaryOperator f) {
        return new Unary(DTypes.FLOATS, call -> f, null, kernel, null, c -> 0);
    }

    private static Unary number(DoubleUnaryOperator f, LongUnaryOperator integers) {
        return new Unary(NUMBERS, call -> f, integers, null, null, c -> 0);
    }

    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Tanh" -> kernel(UnaryFunction.TANH, StrictMath::tanh);
            case "Sigmoid" -> kernel(UnaryFunction.SIGMOID, x -> 1 / (1 + StrictMath.exp(-x)));
            case "Exp" -> kernel(UnaryFunction.EXP, StrictMath::exp);
            case "Log" -> kernel(UnaryFunction.LOG, StrictMath::log);
            case "Abs" -> number(Math::abs, Math::abs);
            case "Neg" -> number(x -> -x, x -> -x);
            case "Sign" -> number(Math::signum, Long::signum);
            case "Relu" ->
                    new Unary(
                            NUMBERS,
                            c -> x -> Math.max(x, 0),
                            x -> Math.max(x, 0),
                            null,
                            BinaryFunction.MAX,
                            c -> 0);
            case "Sqrt" -> plain(Math::sqrt);
            case "Reciprocal" -> plain(x -> 1 / x);
            case "Floor" -> plain(Math::floor);
            case "Ceil" -> plain(Math::ceil);
            case "Round" -> plain(Math::rint);
            case "Sin" -> plain(StrictMath::sin);
            case "Cos" -> plain(StrictMath::cos);
            case "Tan" -> plain(StrictMath::tan);
            case "Asin" -> plain(StrictMath::asin);
            case "Acos" -> plain(StrictMath::acos);
            case "Atan" -> plain(StrictMath::atan);
            case "Sinh" -> plain(StrictMath::sinh);
            case "Cosh" -> plain(StrictMath::cosh);
            case "Asinh" -> plain(Unary::asinh);
            case "Acosh" -> plain(x -> StrictMath.log(x + Math.sqrt(x - 1) * Math.sqrt(x + 1)));
            case "Atanh" -> plain(x -> 0.5 * StrictMath.log1p(2 * x / (1 - x)));
            case "Erf" -> plain(Unary::erf);
            case "Softplus" -> plain(Unary::softplus);
            case "Softsign" -> plain(x -> x / (1 + Math.abs(x)));
            case "HardSwish" -> plain(x -> x * clamp(x / 6 + 0.5));
            case "Mish" -> plain(x -> x * StrictMath.tanh(softplus(x)));
            case "LeakyRelu" ->
                    new Unary(
                            DTypes.FLOATS,
                            c -> leak(slope(c)),
                            null,
                            null,
                            BinaryFunction.LEAK,
                            Unary::slope);
            case "Elu" -> chosen(Unary::elu);
            case "Selu" -> chosen(Unary::selu);
            case "Celu" -> chosen(Unary::celu);
            case "ThresholdedRelu" -> chosen(Unary::thresholdedRelu);
            case "HardSigmoid" -> chosen(Unary::hardSigmoid);
            case "Gelu" -> chosen(Unary::gelu);
            case "Shrink" -> chosen(Unary::shrink);
            case "Swish" -> chosen(Unary::swish);
            default -> null;
        };
    }

    private static float slope(Call call) {
        return call.floatAttribute("alpha", 0.01f);
    }

    private static DoubleUnaryOperator leak(float slope) {
        return x -> x < 0 ? slope * x : x;
    }

    private static DoubleUnaryOperator elu(Call call) {
        float alpha = call.floatAttribute("alpha", 1);
        return x -> x < 0 ? alpha * StrictMath.expm1(x) : x;
    }

    private static DoubleUnaryOperator selu(Call call) {
        float alpha = call.floatAttribute("alpha", 1.67326319217681884765625f);
        float gamma = call.floatAttribute("gamma", 1.05070102214813232421875f);
        return x -> gamma * (x <= 0 ? alpha * StrictMath.expm1(x) : x);
    }

    private static DoubleUnaryOperator celu(Call call) {
        float alpha = call.floatAttribute("alpha", 1);
        return x -> Math.max(x, 0) + Math.min(alpha * StrictMath.expm1(x / alpha), 0);
    }

    private static DoubleUnaryOperator thresholdedRelu(Call call) {
        float alpha = call.floatAttribute("alpha", 1);
        return x -> x > alpha ? x : 0;
    }

    private static DoubleUnaryOperator hardSigmoid(Call call) {
        float alpha = call.floatAttribute("alpha", 0.2f);
        float beta = call.floatAttribute("beta", 0.5f);
        return x -> clamp(alpha * x + beta);
    }

    private static DoubleUnaryOperator shrink(Call call) {
        float bias = call.floatAttribute("bias", 0);
        float lambda = call.floatAttribute("lambd", 0.5f);
        return x -> x < -lambda ? x + bias : x > lambda ? x - bias : 0;
    }

    private static DoubleUnaryOperator swish(Call call) {
        float alpha = call.floatAttribute("alpha", 1);
        return x -> x / (1 + StrictMath.exp(-alpha * x));
    }

    private static DoubleUnaryOperator gelu(Call call) {
        String approximate = call.stringAttribute("approximate", "none");
        return switch (approximate) {
            case "none" -> x -> 0.5 * x * (1 + erf(x / Math.sqrt(2)));
            case "tanh" ->
                    x ->
                            0.5
                                    * x
                                    * (1
                                            + StrictMath.tanh(
                                                    Math.sqrt(2 / Math.PI)
                                                            * (x + 0.044715 * x * x * x)));
            default ->
                    throw call.malformed(
                            "attribute 'approximate' is '"
                                    + approximate
                                    + "', expected 'none' or 'tanh'");
        };
    }

    /// An odd function, computed where it does not cancel.
    private static double asinh(double x) {
        double a = Math.abs(x);
        double y = StrictMath.log1p(a + a * a / (1 + Math.sqrt(a * a + 1)));
        return Math.copySign(a > 1e150 ? StrictMath.log(a) + StrictMath.log(2) : y, x);
    }

    private static double clamp(double x) {
        return Math.max(0, Math.min(1, x));
    }

    private static double softplus(double x) {
        return Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
    }

    /// The error function to about 1e-15: its power series below 3, a continued fraction of its
    /// complement from there on.
    private static double erf(double x) {
        double a = Math.abs(x);
        if (a >= 6) {
            return Math.signum(x);
        }
        double gauss = StrictMath.exp(-a * a) / Math.sqrt(Math.PI);
        if (a < 3) {
            double term = a;
            double sum = a;
            for (int n = 1; term > 1e-17 * sum; n++) {
                term *= 2 * a * a / (2 * n + 1);
                sum += term;
            }
            return Math.signum(x) * 2 * gauss * sum;
        }
        if (Double.isNaN(x)) {
            return x;
        }
        double fraction = a;
        for (int n = 60; n > 0; n--) {
            fraction = a + n / 2.0 / fraction;
        }
        return Math.signum(x) * (1 - gauss / fraction);
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, types);
        choice.of(call);
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        DType dtype = call.dtype(0);
        int n = Math.toIntExact(call.shape(0).elements());
        if (dtype != FLOAT32) {
            return new General(dtype, n, choice.of(call), integers);
        }
        if (binary != null) {
            return new ByBinary(binary, number(call, parameter.of(call)), n);
        }
        return kernel != null
                ? new ByKernel(kernel, n)
                : new General(dtype, n, choice.of(call), integers);
    }

    /// A constant operand of one float32.
    static MemorySegment number(Call call, float value) {
        return call.weights()
                .pack(
                        "number " + value,
                        List.of(),
                        4,
                        s -> s.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, value));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Broadcast.timeObstacle(call, in, out);
    }

    private record ByKernel(UnaryFunction f, int n) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand in = bench.in(0);
            Operand out = bench.out(0);
            ElementKernels kernels = bench.kernels().elements();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    kernels.apply(f, in.segment(r), in.offset(r), out.segment(r), out.offset(r), n);
                }
            };
        }
    }

    /// A function of x and a parameter.
    private record ByBinary(BinaryFunction f, MemorySegment parameter, int n) implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand in = bench.in(0);
            Operand out = bench.out(0);
            ArithmeticKernels kernels = bench.kernels().arithmetic();
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    kernels.apply(
                            f,
                            in.segment(r),
                            in.offset(r),
                            1,
                            parameter,
                            0,
                            0,
                            out.segment(r),
                            out.offset(r),
                            n);
                }
            };
        }
    }

    private record General(
            DType dtype, int n, DoubleUnaryOperator f, @Nullable LongUnaryOperator integers)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand in = bench.in(0);
            Operand out = bench.out(0);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    if (integers != null && dtype.isInteger()) {
                        integers(
                                integers,
                                in.segment(r),
                                in.offset(r),
                                out.segment(r),
                                out.offset(r));
                    } else {
                        floats(in.segment(r), in.offset(r), out.segment(r), out.offset(r));
                    }
                }
            };
        }

        private void floats(MemorySegment x, long xAt, MemorySegment y, long yAt) {
            int size = dtype.byteSize();
            for (long at = 0; at < (long) n * size; at += size) {
                Elements.setDouble(
                        dtype,
                        y,
                        yAt + at,
                        f.applyAsDouble(Elements.getDouble(dtype, x, xAt + at)));
            }
        }

        private void integers(
                LongUnaryOperator g, MemorySegment x, long xAt, MemorySegment y, long yAt) {
            int size = dtype.byteSize();
            for (long at = 0; at < (long) n * size; at += size) {
                Elements.setLong(
                        dtype, y, yAt + at, g.applyAsLong(Elements.getLong(dtype, x, xAt + at)));
            }
        }
    }
}
