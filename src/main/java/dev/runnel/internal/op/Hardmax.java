package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Hardmax-13: along one axis 1 for the first of the greatest elements, 0 for all others.
final class Hardmax implements Operator {
    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", -1), call.shape(0).rank());
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(1, 1);
        call.requireType(0, DTypes.FLOATS);
        axis(call);
        return List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        int axis = axis(call);
        long outer = x.elements(0, axis);
        long n = x.dim(axis);
        long inner = x.elements(axis + 1, x.rank());
        return bench -> bind(bench, call.dtype(0), outer, n, inner);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == axis(call) ? "searches along time" : null;
    }

    private static Step bind(Bench bench, DType dtype, long outer, long n, long inner) {
        Operand x = bench.in(0);
        Operand y = bench.out(0);
        int size = dtype.byteSize();
        return (from, to) -> {
            for (int r = from; r < to; r++) {
                Fill.fill(size, 0, y.segment(r), y.offset(r), outer * n * inner);
                for (long p = 0; p < outer * inner && n > 0; p++) {
                    long at = (p / inner * n * inner + p % inner) * size;
                    long found =
                            ArgReduce.search(
                                    dtype,
                                    true,
                                    false,
                                    x.segment(r),
                                    x.offset(r) + at,
                                    inner * size,
                                    n);
                    Elements.setDouble(
                            dtype, y.segment(r), y.offset(r) + at + found * inner * size, 1);
                }
            }
        };
    }
}
