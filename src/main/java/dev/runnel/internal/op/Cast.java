package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Cast-21 and CastLike-21: the same values in another element type. A floating-point value loses
/// its fraction on the way to an integer; an integer too wide loses its upper bits; what is not 0
/// is true; to a floating-point type rounds to nearest even.
///
/// A float beyond the range of int64 becomes its end and then loses upper bits, a NaN becomes 0;
/// ONNX leaves both undefined. `saturate` concerns 8-bit floating-point types, which Runnel does
/// not have.
final class Cast implements Operator {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Cast" -> new Cast(false);
            case "CastLike" -> new Cast(true);
            default -> null;
        };
    }

    /// Converts `n` elements from byte `f` of `from` on to byte `t` of `to` on.
    @FunctionalInterface
    private interface Loop {
        void run(MemorySegment from, long f, MemorySegment to, long t, long n);
    }

    private final boolean like;

    private Cast(boolean like) {
        this.like = like;
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(like ? 2 : 1, like ? 2 : 1);
        call.flag("saturate", true);
        String mode = call.stringAttribute("round_mode", "up");
        if (!List.of("up", "down", "nearest").contains(mode)) {
            throw call.malformed("round_mode is '" + mode + "', expected up, down or nearest");
        }
        return List.of(new TensorType(like ? call.dtype(1) : target(call), call.shape(0)));
    }

    private static DType target(Call call) {
        if (!call.hasAttribute("to")) {
            throw call.malformed(
                    "attribute 'to' is missing, expected the number of an element type");
        }
        long code = call.longAttribute("to", 0);
        DType type = DType.ofOnnxCode(code);
        if (type == null) {
            throw call.unsupported("attribute 'to' is element type number " + code);
        }
        return type;
    }

    @Override
    public Program compile(Call call) {
        DType from = call.dtype(0);
        DType to = call.outputTypes().getFirst().dtype();
        return from == to ? Program.VIEW : new Conversion(loop(from, to));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] < 0 || in[0] == out[0] ? null : "loses the time axis";
    }

    private record Conversion(Loop loop) implements Program {
        @Override
        public boolean reads(int i) {
            return i == 0;
        }

        @Override
        public Step bind(Bench bench) {
            Operand in = bench.in(0);
            Operand out = bench.out(0);
            long n = out.type().shape().elements();
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    loop.run(in.segment(row), in.offset(row), out.segment(row), out.offset(row), n);
                }
            };
        }
    }

    /// The pairs that occur in models have a loop of their own.
    private static Loop loop(DType from, DType to) {
        if (from == DType.FLOAT32) {
            switch (to) {
                case FLOAT64 -> {
                    return Cast::floatToDouble;
                }
                case INT64 -> {
                    return Cast::floatToLong;
                }
                case BOOL -> {
                    return Cast::floatToBool;
                }
                default -> {}
            }
        }
        if (to == DType.FLOAT32) {
            switch (from) {
                case FLOAT64 -> {
                    return Cast::doubleToFloat;
                }
                case INT64 -> {
                    return Cast::longToFloat;
                }
                case INT32 -> {
                    return Cast::intToFloat;
                }
                case UINT8, BOOL -> {
                    return Cast::byteToFloat;
                }
                default -> {}
            }
        }
        return from.isFloat()
                ? (f, fo, t, to0, n) -> fromFloating(from, to, f, fo, t, to0, n)
                : (f, fo, t, to0, n) -> fromIntegral(from, to, f, fo, t, to0, n);
    }

    private static void floatToDouble(
            MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(JAVA_DOUBLE_UNALIGNED, t + 8 * i, from.get(JAVA_FLOAT_UNALIGNED, f + 4 * i));
        }
    }

    private static void floatToLong(MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(
                    JAVA_LONG_UNALIGNED,
                    t + 8 * i,
                    (long) from.get(JAVA_FLOAT_UNALIGNED, f + 4 * i));
        }
    }

    private static void floatToBool(MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            float v = from.get(JAVA_FLOAT_UNALIGNED, f + 4 * i);
            to.set(JAVA_BYTE, t + i, (byte) (v != 0 ? 1 : 0));
        }
    }

    private static void doubleToFloat(
            MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(
                    JAVA_FLOAT_UNALIGNED,
                    t + 4 * i,
                    (float) from.get(JAVA_DOUBLE_UNALIGNED, f + 8 * i));
        }
    }

    private static void longToFloat(MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(JAVA_FLOAT_UNALIGNED, t + 4 * i, from.get(JAVA_LONG_UNALIGNED, f + 8 * i));
        }
    }

    private static void intToFloat(MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(JAVA_FLOAT_UNALIGNED, t + 4 * i, from.get(JAVA_INT_UNALIGNED, f + 4 * i));
        }
    }

    private static void byteToFloat(MemorySegment from, long f, MemorySegment to, long t, long n) {
        for (long i = 0; i < n; i++) {
            to.set(JAVA_FLOAT_UNALIGNED, t + 4 * i, Byte.toUnsignedInt(from.get(JAVA_BYTE, f + i)));
        }
    }

    private static void fromFloating(
            DType from, DType to, MemorySegment f, long fo, MemorySegment t, long too, long n) {
        for (long i = 0; i < n; i++) {
            double v = Elements.getDouble(from, f, fo + i * from.byteSize());
            Elements.setDouble(to, t, too + i * to.byteSize(), v);
        }
    }

    private static void fromIntegral(
            DType from, DType to, MemorySegment f, long fo, MemorySegment t, long too, long n) {
        for (long i = 0; i < n; i++) {
            long offset = too + i * to.byteSize();
            if (from == DType.UINT64 && to.isFloat()) {
                Elements.setDouble(to, t, offset, Elements.getDouble(from, f, fo + i * 8));
            } else {
                Elements.setLong(
                        to, t, offset, Elements.getLong(from, f, fo + i * from.byteSize()));
            }
        }
    }
}
