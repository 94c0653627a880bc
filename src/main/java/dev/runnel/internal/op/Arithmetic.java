package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.stream.IntStream;

/// Arithmetic on broadcast inputs: `Add Sub Mul Div Mod PRelu` of two, `Min Max Sum Mean` of any
/// number, joined from left to right. float32 goes through kernels, other floating-point types are
/// computed in double and rounded once an operation, integers wrap around. A quotient of integers
/// is truncated, and 0 where the divisor is.
final class Arithmetic implements Operator {
    /// A function of two numbers for every element type.
    ///
    /// @param kernel its float32 kernel, if there is one
    /// @param unsigned for 64-bit unsigned integers; shorter ones fit the signed function
    private record Function(
            @Nullable BinaryFunction kernel,
            DoubleBinaryOperator floats,
            LongBinaryOperator signed,
            LongBinaryOperator unsigned) {}

    private final String name;
    private final Function function;
    private final DType[] types;
    private final boolean variadic;

    private Arithmetic(String name, Function function, DType[] types, boolean variadic) {
        this.name = name;
        this.function = function;
        this.types = types;
        this.variadic = variadic;
    }

    /// The operator of that name, if it is one of this family. It has the functions it needs and no
    /// others: each is a class that the JVM makes.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Add" -> two(name, add());
            case "Sub" ->
                    two(
                            name,
                            new Function(
                                    BinaryFunction.SUB,
                                    (a, b) -> a - b,
                                    (a, b) -> a - b,
                                    (a, b) -> a - b));
            case "Mul" ->
                    two(
                            name,
                            new Function(
                                    BinaryFunction.MUL,
                                    (a, b) -> a * b,
                                    (a, b) -> a * b,
                                    (a, b) -> a * b));
            case "Div" ->
                    two(
                            name,
                            new Function(
                                    BinaryFunction.DIV,
                                    (a, b) -> a / b,
                                    (a, b) -> b == 0 ? 0 : a / b,
                                    (a, b) -> b == 0 ? 0 : Long.divideUnsigned(a, b)));
            case "Mod" -> two(name, remainder());
            case "PRelu" ->
                    two(
                            name,
                            new Function(
                                    BinaryFunction.LEAK,
                                    (a, b) -> a < 0 ? a * b : a,
                                    (a, b) -> a < 0 ? a * b : a,
                                    (a, b) -> a));
            case "Min" ->
                    new Arithmetic(
                            name,
                            new Function(
                                    BinaryFunction.MIN,
                                    Math::min,
                                    Math::min,
                                    (a, b) -> Long.compareUnsigned(a, b) < 0 ? a : b),
                            DTypes.NUMBERS,
                            true);
            case "Max" ->
                    new Arithmetic(
                            name,
                            new Function(
                                    BinaryFunction.MAX,
                                    Math::max,
                                    Math::max,
                                    (a, b) -> Long.compareUnsigned(a, b) > 0 ? a : b),
                            DTypes.NUMBERS,
                            true);
            case "Sum", "Mean" -> new Arithmetic(name, add(), DTypes.FLOATS, true);
            default -> null;
        };
    }

    private static Arithmetic two(String name, Function function) {
        return new Arithmetic(name, function, DTypes.NUMBERS, false);
    }

    private static Function add() {
        return new Function(BinaryFunction.ADD, (a, b) -> a + b, (a, b) -> a + b, (a, b) -> a + b);
    }

    private static Function remainder() {
        return new Function(
                null,
                (a, b) -> a % b,
                (a, b) -> b == 0 ? 0 : a % b,
                (a, b) -> b == 0 ? 0 : Long.remainderUnsigned(a, b));
    }

    /// Of a remainder, but that its sign is the divisor's.
    private static Function modulo(Function remainder) {
        return new Function(
                null,
                remainder.floats,
                (a, b) -> b == 0 ? 0 : Math.floorMod(a, b),
                remainder.unsigned);
    }

    /// The function, which for `Mod` depends on an attribute.
    private Function function(Call call) {
        if (!name.equals("Mod")) {
            return function;
        }
        boolean fmod = call.flag("fmod", false);
        if (!fmod && call.dtype(0).isFloat()) {
            throw call.malformed(
                    "attribute 'fmod' is 0, expected 1 for " + call.dtype(0) + " inputs");
        }
        return fmod ? function : modulo(function);
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(variadic ? 1 : 2, variadic ? Integer.MAX_VALUE : 2);
        call.requireType(0, types);
        for (int i = 1; i < call.inputCount(); i++) {
            MatMul.requireSameType(call, 0, i);
        }
        function(call);
        Shape[] shapes =
                IntStream.range(0, call.inputCount()).mapToObj(call::shape).toArray(Shape[]::new);
        Shape out = Broadcast.shape(call, shapes);
        if (name.equals("PRelu") && !out.equals(shapes[0])) {
            throw call.malformed(
                    "slope has shape "
                            + shapes[1]
                            + ", expected one that broadcasts to "
                            + shapes[0]
                            + " = that of input 0");
        }
        return List.of(new TensorType(call.dtype(0), out));
    }

    @Override
    public Program compile(Call call) {
        TensorType type = call.outputTypes().getFirst();
        int count = call.inputCount();
        if (count == 1) {
            return Program.VIEW;
        }
        Shape out = type.shape();
        Broadcast[] walks = new Broadcast[count - 1];
        walks[0] = Broadcast.of(out, call.shape(0), call.shape(1), out);
        for (int i = 1; i < walks.length; i++) {
            walks[i] = Broadcast.of(out, out, call.shape(i + 1), out);
        }
        return new Chain(function(call), type, walks, name.equals("Mean") ? count : 1);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Broadcast.timeObstacle(call, in, out);
    }

    /// Joins the inputs one after the other.
    private record Chain(Function f, TensorType type, Broadcast[] walks, int divisor)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand out = bench.out(0);
            Pass[] passes = new Pass[walks.length];
            for (int i = 0; i < passes.length; i++) {
                passes[i] =
                        new Pass(
                                f,
                                walks[i],
                                i == 0 ? bench.in(0) : out,
                                bench.in(i + 1),
                                out,
                                bench);
            }
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (Pass pass : passes) {
                        pass.run(r);
                    }
                    if (divisor != 1) {
                        divide(out.segment(r), out.offset(r));
                    }
                }
            };
        }

        private void divide(MemorySegment s, long offset) {
            DType dtype = type.dtype();
            for (long at = offset; at < offset + type.byteSize(); at += dtype.byteSize()) {
                Elements.setDouble(dtype, s, at, Elements.getDouble(dtype, s, at) / divisor);
            }
        }
    }

    /// One function applied to two operands.
    private static final class Pass {
        private final Function f;
        private final Broadcast walk;
        private final Broadcast.Cursor cursor;
        private final Operand a;
        private final Operand b;
        private final Operand out;
        private final DType dtype;
        private final ArithmeticKernels kernels;

        Pass(Function f, Broadcast walk, Operand a, Operand b, Operand out, Bench bench) {
            this.f = f;
            this.walk = walk;
            this.cursor = walk.cursor();
            this.a = a;
            this.b = b;
            this.out = out;
            this.dtype = out.type().dtype();
            this.kernels = bench.kernels().arithmetic();
        }

        void run(int r) {
            int size = dtype.byteSize();
            cursor.start();
            do {
                long aAt = a.offset(r) + cursor.at(0) * size;
                long bAt = b.offset(r) + cursor.at(1) * size;
                long at = out.offset(r) + cursor.at(2) * size;
                if (dtype == FLOAT32 && f.kernel != null) {
                    kernels.apply(
                            f.kernel,
                            a.segment(r),
                            aAt,
                            walk.step(0),
                            b.segment(r),
                            bAt,
                            walk.step(1),
                            out.segment(r),
                            at,
                            walk.length());
                } else {
                    elements(r, aAt, bAt, at);
                }
            } while (cursor.next());
        }

        private void elements(int r, long aAt, long bAt, long at) {
            int size = dtype.byteSize();
            long aStep = (long) walk.step(0) * size;
            long bStep = (long) walk.step(1) * size;
            LongBinaryOperator integers = dtype.isUnsigned() ? f.unsigned : f.signed;
            for (int i = 0; i < walk.length(); i++) {
                long left = aAt + i * aStep;
                long right = bAt + i * bStep;
                if (dtype.isFloat()) {
                    double x = Elements.getDouble(dtype, a.segment(r), left);
                    double y = Elements.getDouble(dtype, b.segment(r), right);
                    Elements.setDouble(dtype, out.segment(r), at, f.floats.applyAsDouble(x, y));
                } else {
                    long x = Elements.getLong(dtype, a.segment(r), left);
                    long y = Elements.getLong(dtype, b.segment(r), right);
                    Elements.setLong(dtype, out.segment(r), at, integers.applyAsLong(x, y));
                }
                at += size;
            }
        }
    }
}
