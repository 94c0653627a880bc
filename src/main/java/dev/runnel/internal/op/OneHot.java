package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// OneHot-11, `y[…, d, …] = indices[…] = d ? values[1] : values[0]`, d along a new axis of extent
/// `depth`. An index may count from the end; one outside [−depth, depth − 1] is hot nowhere.
final class OneHot implements Operator {
    private static int axis(Call call) {
        return call.axis("axis", call.longAttribute("axis", -1), call.shape(0).rank() + 1);
    }

    private static long depth(Call call) {
        if (call.shape(1).elements() != 1 || call.dtype(1) == DType.BOOL) {
            throw call.malformed("depth is " + call.type(1) + ", expected one number");
        }
        long depth = (long) call.value(1).getDouble(0);
        if (depth < 1) {
            throw call.malformed("depth is " + depth + ", expected at least 1");
        }
        return depth;
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(3, 3);
        call.requireType(0, DTypes.NUMBERS);
        if (!call.shape(2).equals(Shape.of(2))) {
            throw call.malformed(
                    "values have shape " + call.shape(2) + ", expected [2] = [off, on]");
        }
        int axis = axis(call);
        long[] x = call.shape(0).dims();
        long[] y = new long[x.length + 1];
        System.arraycopy(x, 0, y, 0, axis);
        y[axis] = depth(call);
        System.arraycopy(x, axis, y, axis + 1, x.length - axis);
        return List.of(new TensorType(call.dtype(2), call.shapeOf(y)));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        return new Hot(
                call.dtype(0),
                call.dtype(2).byteSize(),
                x.elements(0, axis(call)),
                depth(call),
                x.elements(axis(call), x.rank()));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        int moved = in[0] < axis(call) ? in[0] : in[0] + 1;
        return in[0] < 0 || out[0] == moved ? null : "loses the time axis";
    }

    /// indices\[outer, inner\] → y\[outer, depth, inner\].
    private record Hot(DType type, int size, long outer, long depth, long inner)
            implements Program {
        @Override
        public boolean reads(int i) {
            return i != 1;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand values = bench.in(2);
            Operand y = bench.out(0);
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    long off = Fill.bits(size, values.segment(r), values.offset(r));
                    long on = Fill.bits(size, values.segment(r), values.offset(r) + size);
                    Fill.fill(size, off, y.segment(r), y.offset(r), outer * depth * inner);
                    for (long p = 0; p < outer * inner; p++) {
                        long index = index(x.segment(r), x.offset(r) + p * type.byteSize());
                        if (index >= 0 && index < depth) {
                            long at = (p / inner * depth + index) * inner + p % inner;
                            Fill.fill(size, on, y.segment(r), y.offset(r) + at * size, 1);
                        }
                    }
                }
            };
        }

        private long index(MemorySegment x, long at) {
            long i =
                    type.isFloat()
                            ? (long) Elements.getDouble(type, x, at)
                            : Elements.getLong(type, x, at);
            return i < 0 ? i + depth : i;
        }
    }
}
