package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// DynamicQuantizeLinear-11: float32 to uint8, with the scale and zero point that the tensor's own
/// range asks for, 0 included. A tensor of zeros has scale 1, as in ONNX Runtime; the standard
/// would divide by 0.
final class DynamicQuantizeLinear implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, DType.FLOAT32);
        return List.of(
                new TensorType(DType.UINT8, call.shape(0)),
                new TensorType(DType.FLOAT32, Shape.SCALAR),
                new TensorType(DType.UINT8, Shape.SCALAR));
    }

    @Override
    public Program compile(Call call) {
        return DynamicQuantizeLinear::bind;
    }

    private static Step bind(Bench bench) {
        Operand x = bench.in(0);
        Operand y = bench.out(0);
        Operand scale = bench.outputs().size() > 1 ? bench.outputs().get(1) : null;
        Operand zero = bench.outputs().size() > 2 ? bench.outputs().get(2) : null;
        long n = x.type().shape().elements();
        return (from, to) -> {
            for (int r = from; r < to; r++) {
                MemorySegment in = x.segment(r);
                long at = x.offset(r);
                float low = 0;
                float high = 0;
                for (long i = 0; i < n; i++) {
                    float v = in.get(JAVA_FLOAT_UNALIGNED, at + 4 * i);
                    low = Math.min(low, v);
                    high = Math.max(high, v);
                }
                float s = low == high ? 1 : (high - low) / 255;
                long z = (long) Math.rint(Math.clamp(0 - low / s, 0, 255));
                for (long i = 0; i < n; i++) {
                    float q = in.get(JAVA_FLOAT_UNALIGNED, at + 4 * i) / s;
                    long v = Quantization.round(q, z, 0, 255);
                    y.segment(r).set(JAVA_BYTE, y.offset(r) + i, (byte) v);
                }
                if (scale != null) {
                    scale.segment(r).set(JAVA_FLOAT_UNALIGNED, scale.offset(r), s);
                }
                if (zero != null) {
                    zero.segment(r).set(JAVA_BYTE, zero.offset(r), (byte) z);
                }
            }
        };
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] < 0 ? null : "takes its scale from all time steps";
    }
}
