package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Operators that yield truth, element by element with broadcasting: Equal-19, Greater-13,
/// GreaterOrEqual-16, Less-13 and LessOrEqual-16 of two tensors of any one type; And-7, Or-7 and
/// Xor-7 of two of bool.
///
/// Each is a table of what it yields where the first element is less than, equal to or greater than
/// the second; where one is NaN, none holds. Logic is the same table, for false < true: And holds
/// for two equal elements that are true, which the fourth entry is for.
///
/// @param less what it yields where a < b, as 0 or 1
/// @param equal where a = b
/// @param greater where a > b
/// @param equalTrue where a = b = true
record Comparing(int less, int equal, int greater, int equalTrue, boolean logic)
        implements Operator {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Equal" -> comparison(0, 1, 0);
            case "Greater" -> comparison(0, 0, 1);
            case "GreaterOrEqual" -> comparison(0, 1, 1);
            case "Less" -> comparison(1, 0, 0);
            case "LessOrEqual" -> comparison(1, 1, 0);
            case "And" -> new Comparing(0, 0, 0, 1, true);
            case "Or" -> new Comparing(1, 0, 1, 1, true);
            case "Xor" -> new Comparing(1, 0, 1, 0, true);
            default -> null;
        };
    }

    private static Comparing comparison(int less, int equal, int greater) {
        return new Comparing(less, equal, greater, equal, false);
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        call.requireSameType(0, 1);
        if (logic && call.dtype(0) != DType.BOOL) {
            throw call.malformed("inputs have element type " + call.dtype(0) + ", expected bool");
        }
        Shape shape = Broadcast.shape(call, call.shape(0), call.shape(1));
        return List.of(new TensorType(DType.BOOL, shape));
    }

    @Override
    public Program compile(Call call) {
        Shape out = call.outputTypes().getFirst().shape();
        Broadcast walk = Broadcast.of(out, call.shape(0), call.shape(1));
        DType type = call.dtype(0);
        return bench -> bind(bench, walk, type);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Broadcast.timeObstacle(call, in, out);
    }

    private Step bind(Bench bench, Broadcast walk, DType type) {
        Operand a = bench.in(0);
        Operand b = bench.in(1);
        Operand y = bench.out(0);
        Broadcast.Cursor cursor = walk.cursor();
        int n = walk.length();
        int as = walk.step(0);
        int bs = walk.step(1);
        int size = type.byteSize();
        return (from, to) -> {
            for (int row = from; row < to; row++) {
                long out = y.offset(row);
                do {
                    run(
                            type,
                            n,
                            a.segment(row),
                            a.offset(row) + size * cursor.at(0),
                            as * size,
                            b.segment(row),
                            b.offset(row) + size * cursor.at(1),
                            bs * size,
                            y.segment(row),
                            out);
                    out += n;
                } while (cursor.next());
            }
        };
    }

    /// One run of `n` elements; offsets and steps in bytes.
    private void run(
            DType type,
            int n,
            MemorySegment a,
            long ao,
            int as,
            MemorySegment b,
            long bo,
            int bs,
            MemorySegment y,
            long yo) {
        switch (type) {
            case FLOAT32 -> {
                for (int i = 0; i < n; i++) {
                    float p = a.get(JAVA_FLOAT_UNALIGNED, ao + (long) i * as);
                    float q = b.get(JAVA_FLOAT_UNALIGNED, bo + (long) i * bs);
                    int truth = p < q ? less : p == q ? equal : p > q ? greater : 0;
                    y.set(JAVA_BYTE, yo + i, (byte) truth);
                }
            }
            case INT64 -> {
                for (int i = 0; i < n; i++) {
                    long p = a.get(JAVA_LONG_UNALIGNED, ao + (long) i * as);
                    long q = b.get(JAVA_LONG_UNALIGNED, bo + (long) i * bs);
                    y.set(JAVA_BYTE, yo + i, (byte) (p < q ? less : p == q ? equal : greater));
                }
            }
            case BOOL -> {
                for (int i = 0; i < n; i++) {
                    int p = a.get(JAVA_BYTE, ao + (long) i * as);
                    int q = b.get(JAVA_BYTE, bo + (long) i * bs);
                    int same = p == 0 ? equal : equalTrue;
                    y.set(JAVA_BYTE, yo + i, (byte) (p < q ? less : p == q ? same : greater));
                }
            }
            case FLOAT64, FLOAT16, BFLOAT16 -> {
                for (int i = 0; i < n; i++) {
                    double p = Elements.getDouble(type, a, ao + (long) i * as);
                    double q = Elements.getDouble(type, b, bo + (long) i * bs);
                    int truth = p < q ? less : p == q ? equal : p > q ? greater : 0;
                    y.set(JAVA_BYTE, yo + i, (byte) truth);
                }
            }
            default -> {
                long flip = type == DType.UINT64 ? Long.MIN_VALUE : 0;
                for (int i = 0; i < n; i++) {
                    long p = Elements.getLong(type, a, ao + (long) i * as) ^ flip;
                    long q = Elements.getLong(type, b, bo + (long) i * bs) ^ flip;
                    y.set(JAVA_BYTE, yo + i, (byte) (p < q ? less : p == q ? equal : greater));
                }
            }
        }
    }
}
