package dev.runnel.internal.plan;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.Shape;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.Step;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.function.Function;

/// The steps of loops.
final class Repeating {
    private Repeating() {}

    static Step repeat(Item.Repeat r, Function<Value, Operand> operand, Step[] first, Step[] body) {
        Operand iteration = operand.apply(r.iteration());
        Operand count = r.count() == null ? null : operand.apply(r.count());
        Operand condition = r.condition() == null ? null : operand.apply(r.condition());
        Operand again = r.again() == null ? null : operand.apply(r.again());
        if (r.count() != null && r.count().tensor != null && condition == null && again == null) {
            return together(iteration, r.count().tensor.getLong(0), first, body);
        }
        return (from, to) -> {
            for (int row = from; row < to; row++) {
                long n =
                        count == null
                                ? Long.MAX_VALUE
                                : count.segment(row).get(JAVA_LONG_UNALIGNED, count.offset(row));
                boolean go = isTrue(condition, row);
                run(first, row, row + 1);
                for (long i = 0; go && i < n; i++) {
                    number(iteration, row, i);
                    run(body, row, row + 1);
                    go = isTrue(again, row);
                }
            }
        };
    }

    /// All rows have as many iterations.
    private static Step together(Operand iteration, long count, Step[] first, Step[] body) {
        return (from, to) -> {
            run(first, from, to);
            for (long i = 0; i < count; i++) {
                for (int row = from; row < to; row++) {
                    number(iteration, row, i);
                }
                run(body, from, to);
            }
        };
    }

    private static void run(Step[] steps, int from, int to) {
        for (Step step : steps) {
            step.run(from, to);
        }
    }

    private static void number(Operand iteration, int row, long i) {
        iteration.segment(row).set(JAVA_LONG_UNALIGNED, iteration.offset(row), i);
    }

    private static boolean isTrue(@Nullable Operand condition, int row) {
        return condition == null
                || condition.segment(row).get(JAVA_BYTE, condition.offset(row)) != 0;
    }

    static Step part(Item.Part p, Function<Value, Operand> operand) {
        Operand whole = operand.apply(p.whole());
        Operand part = operand.apply(p.part());
        Operand iteration = operand.apply(p.iteration());
        Shape shape = p.whole().type.shape();
        long length = shape.dim(p.axis());
        long outer = shape.elements(0, p.axis());
        long bytes = shape.elements(p.axis() + 1, shape.rank()) * p.whole().type.dtype().byteSize();
        return (from, to) -> {
            for (int row = from; row < to; row++) {
                long i = iteration.segment(row).get(JAVA_LONG_UNALIGNED, iteration.offset(row));
                long at = whole.offset(row) + (p.reverse() ? length - 1 - i : i) * bytes;
                MemorySegment w = whole.segment(row);
                MemorySegment s = part.segment(row);
                for (long o = 0; o < outer; o++) {
                    long in = at + o * length * bytes;
                    long out = part.offset(row) + o * bytes;
                    if (p.writes()) {
                        MemorySegment.copy(s, out, w, in, bytes);
                    } else {
                        MemorySegment.copy(w, in, s, out, bytes);
                    }
                }
            }
        };
    }
}
