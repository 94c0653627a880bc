package dev.runnel.internal.op;

import static dev.runnel.graph.DType.BFLOAT16;
import static dev.runnel.graph.DType.FLOAT16;
import static dev.runnel.graph.DType.FLOAT32;
import static dev.runnel.graph.DType.INT16;
import static dev.runnel.graph.DType.INT32;
import static dev.runnel.graph.DType.INT8;
import static dev.runnel.graph.DType.UINT16;
import static dev.runnel.graph.DType.UINT8;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// QuantizeLinear-25 and DequantizeLinear-25, with a scale for the tensor, for each index of an
/// axis, or for each block of it:
///
/// - QuantizeLinear: `y = saturate(round(x / scale) + zero_point)`, half to even. The quotient is
///   rounded to the type that `precision` names, by default that of the scale.
/// - DequantizeLinear: `y = (x − zero_point) · scale`, computed in float32.
///
/// `saturate` concerns 8-bit floating-point types, which Runnel does not have; a NaN is quantised
/// to the zero point, which the standard leaves open.
final class Quantization implements Operator {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "QuantizeLinear" -> new Quantization(true);
            case "DequantizeLinear" -> new Quantization(false);
            default -> null;
        };
    }

    private static final DType[] FLOATS = {FLOAT32, FLOAT16, BFLOAT16};

    private final boolean quantizes;

    private Quantization(boolean quantizes) {
        this.quantizes = quantizes;
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 3);
        call.requireType(1, FLOATS);
        Scales.of(call);
        DType said = typeAttribute(call, "output_dtype");
        DType type;
        if (quantizes) {
            call.flag("saturate", true);
            precision(call);
            call.requireType(0, FLOAT32, FLOAT16, BFLOAT16, INT32);
            type = call.has(2) ? call.dtype(2) : said == null ? UINT8 : said;
            if (said != null && said != type) {
                throw call.malformed(
                        "output_dtype is " + said + ", expected " + type + " as the zero point");
            }
            requireAmong(call, type, UINT8, INT8, UINT16, INT16);
        } else {
            call.requireType(0, UINT8, INT8, UINT16, INT16, INT32);
            if (call.has(2)) {
                call.requireSameType(0, 2);
            }
            type = said == null ? call.dtype(1) : said;
            requireAmong(call, type, FLOATS);
        }
        return List.of(new TensorType(type, call.shape(0)));
    }

    /// The element type whose number an attribute holds; null if it is absent or 0.
    private static @Nullable DType typeAttribute(Call call, String name) {
        long code = call.longAttribute(name, 0);
        DType type = DType.ofOnnxCode(code);
        if (code != 0 && type == null) {
            throw call.unsupported("attribute '" + name + "' is element type number " + code);
        }
        return type;
    }

    private static DType precision(Call call) {
        DType said = typeAttribute(call, "precision");
        DType type = said == null ? call.dtype(1) : said;
        requireAmong(call, type, FLOATS);
        return type;
    }

    private static void requireAmong(Call call, DType type, DType... supported) {
        if (!List.of(supported).contains(type)) {
            throw call.unsupported(
                    "element type "
                            + type
                            + " is asked for, supported are "
                            + List.of(supported).toString().replaceAll("[\\[\\]]", ""));
        }
    }

    @Override
    public Program compile(Call call) {
        return new Scaling(
                Scales.of(call),
                call.dtype(0),
                call.dtype(1),
                call.outputTypes().getFirst().dtype(),
                quantizes ? precision(call) : null);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Scales.timeObstacle(call, in, out);
    }

    /// @param scale the scales' element type
    /// @param precision what a quotient is rounded to; null to dequantise
    private record Scaling(
            Scales scales, DType from, DType scale, DType to, @Nullable DType precision)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand s = bench.in(1);
            Operand zero = bench.inputs().size() > 2 ? bench.inputs().get(2) : null;
            Operand y = bench.out(0);
            return (first, last) -> {
                for (int r = first; r < last; r++) {
                    for (long o = 0; o < scales.outer(); o++) {
                        for (long a = 0; a < scales.n(); a += scales.span()) {
                            run(x, s, zero, y, r, o, a);
                        }
                    }
                }
            };
        }

        /// The run that starts at index `a` of the axis.
        private void run(
                Operand x, Operand s, @Nullable Operand zero, Operand y, int r, long o, long a) {
            long at = (o * scales.n() + a) * scales.inner();
            long count = Math.min(scales.span(), scales.n() - a) * scales.inner();
            long k = o * scales.outerStep() + a / scales.block() * scales.blockStep();
            long n = scales.step() == 0 ? count : 1;
            for (long i = at; i < at + count; i += n, k++) {
                long sAt = s.offset(r) + k * scale.byteSize();
                float factor = (float) Elements.getDouble(scale, s.segment(r), sAt);
                long z = zero == null ? 0 : zeroPoint(zero, r, k);
                long xAt = x.offset(r) + i * from.byteSize();
                long yAt = y.offset(r) + i * to.byteSize();
                if (precision != null) {
                    quantize(x.segment(r), xAt, factor, z, y.segment(r), yAt, n);
                } else {
                    dequantize(x.segment(r), xAt, factor, z, y.segment(r), yAt, n);
                }
            }
        }

        private static long zeroPoint(Operand zero, int r, long k) {
            DType type = zero.type().dtype();
            return Elements.getLong(type, zero.segment(r), zero.offset(r) + k * type.byteSize());
        }

        private void quantize(
                MemorySegment x, long xAt, float s, long z, MemorySegment y, long yAt, long n) {
            int size = to.byteSize();
            long low = to.isUnsigned() ? 0 : -(1L << (8 * size - 1));
            long high = low + (1L << (8 * size)) - 1;
            if (from == FLOAT32 && precision == FLOAT32 && size == 1) {
                for (long i = 0; i < n; i++) {
                    float q = x.get(JAVA_FLOAT_UNALIGNED, xAt + 4 * i) / s;
                    y.set(JAVA_BYTE, yAt + i, (byte) round(q, z, low, high));
                }
                return;
            }
            for (long i = 0; i < n; i++) {
                double q = Elements.getDouble(from, x, xAt + i * from.byteSize()) / s;
                Elements.setLong(to, y, yAt + i * size, round(inPrecision(q), z, low, high));
            }
        }

        private double inPrecision(double q) {
            return precision == FLOAT16
                    ? Float.float16ToFloat(Float.floatToFloat16((float) q))
                    : precision == BFLOAT16
                            ? Float.intBitsToFloat(Elements.floatToBfloat16((float) q) << 16)
                            : (float) q;
        }

        private void dequantize(
                MemorySegment x, long xAt, float s, long z, MemorySegment y, long yAt, long n) {
            if (to == FLOAT32 && from == INT8) {
                for (long i = 0; i < n; i++) {
                    int q = x.get(JAVA_BYTE, xAt + i);
                    y.set(JAVA_FLOAT_UNALIGNED, yAt + 4 * i, (q - (int) z) * s);
                }
                return;
            }
            for (long i = 0; i < n; i++) {
                long q = Elements.getLong(from, x, xAt + i * from.byteSize()) - z;
                Elements.setDouble(to, y, yAt + i * to.byteSize(), q * s);
            }
        }
    }

    /// A quotient to the nearest integer, half to even, plus `zero`, within `[low, high]`.
    static long round(double quotient, long zero, long low, long high) {
        return (long) Math.clamp(Math.rint(quotient), low - zero, high - zero) + zero;
    }
}
