package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.function.DoublePredicate;

/// IsNaN-20 and IsInf-20, the latter of the infinities that `detect_negative` and `detect_positive`
/// ask for: truth, element by element.
final class Abnormal implements Operator {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "IsNaN" -> new Abnormal(false);
            case "IsInf" -> new Abnormal(true);
            default -> null;
        };
    }

    private final boolean infinite;

    private Abnormal(boolean infinite) {
        this.infinite = infinite;
    }

    private DoublePredicate predicate(Call call) {
        if (!infinite) {
            return Double::isNaN;
        }
        boolean negative = call.flag("detect_negative", true);
        boolean positive = call.flag("detect_positive", true);
        return x -> Double.isInfinite(x) && (x < 0 ? negative : positive);
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, DTypes.FLOATS);
        predicate(call);
        return List.of(new TensorType(DType.BOOL, call.shape(0)));
    }

    @Override
    public Program compile(Call call) {
        DoublePredicate predicate = predicate(call);
        DType dtype = call.dtype(0);
        int size = dtype.byteSize();
        long n = call.shape(0).elements();
        return bench -> {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long i = 0; i < n; i++) {
                        double v = Elements.getDouble(dtype, x.segment(r), x.offset(r) + i * size);
                        long truth = predicate.test(v) ? 1 : 0;
                        Fill.fill(1, truth, y.segment(r), y.offset(r) + i, 1);
                    }
                }
            };
        };
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return Broadcast.timeObstacle(call, in, out);
    }
}
