package dev.runnel.internal.op;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// ReverseSequence-10: of each sequence of a batch the first `sequence_lens[n]` steps are put in
/// reverse order; the rest stays. One of `time_axis` and `batch_axis` is 0, the other 1.
final class ReverseSequence implements Operator {
    private static boolean isBatchFirst(Call call) {
        long batch = call.longAttribute("batch_axis", 1);
        long time = call.longAttribute("time_axis", 0);
        if (Math.min(batch, time) != 0 || Math.max(batch, time) != 1) {
            throw call.malformed(
                    "batch_axis is " + batch + ", time_axis " + time + ", expected 0 and 1");
        }
        return batch == 0;
    }

    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(2, 2);
        boolean batchFirst = isBatchFirst(call);
        Shape x = call.shape(0);
        if (x.rank() < 2) {
            throw call.malformed("input 0 has shape " + x + ", expected at least two axes");
        }
        long batch = x.dim(batchFirst ? 0 : 1);
        if (call.dtype(1) != DType.INT64 || !call.shape(1).equals(Shape.of(batch))) {
            throw call.malformed(
                    "sequence_lens is " + call.type(1) + ", expected int64[" + batch + "]");
        }
        Tensor known = call.constant(1);
        for (long n = 0; known != null && n < batch; n++) {
            String complaint = complaint(known.getLong(n), n, x.dim(batchFirst ? 1 : 0));
            if (!complaint.isEmpty()) {
                throw call.malformed(complaint);
            }
        }
        return List.of(call.type(0));
    }

    /// What is wrong with a length, or an empty sentence.
    private static String complaint(long length, long n, long steps) {
        return length >= 0 && length <= steps
                ? ""
                : "sequence_lens[" + n + "] is " + length + ", expected 0 … " + steps;
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        boolean batchFirst = isBatchFirst(call);
        return new Reversal(
                call.where(),
                x.dim(batchFirst ? 1 : 0),
                x.dim(batchFirst ? 0 : 1),
                x.elements(2, x.rank()) * call.dtype(0).byteSize(),
                batchFirst);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        return in[0] == (isBatchFirst(call) ? 1 : 0) ? "reverses time" : null;
    }

    /// @param block the bytes of one step of one sequence
    private record Reversal(String where, long steps, long batch, long block, boolean batchFirst)
            implements Program {
        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand lengths = bench.in(1);
            Operand y = bench.out(0);
            long stepBytes = batchFirst ? block : batch * block;
            long sequenceBytes = batchFirst ? steps * block : block;
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (long n = 0; n < batch; n++) {
                        long length =
                                Elements.getLong(
                                        DType.INT64, lengths.segment(r), lengths.offset(r) + 8 * n);
                        String complaint = complaint(length, n, steps);
                        if (!complaint.isEmpty()) {
                            throw new IllegalArgumentException(where + ": " + complaint);
                        }
                        long at = n * sequenceBytes;
                        for (long t = 0; t < steps; t++) {
                            StridedCopy.block(
                                    block,
                                    x.segment(r),
                                    x.offset(r)
                                            + at
                                            + (t < length ? length - 1 - t : t) * stepBytes,
                                    y.segment(r),
                                    y.offset(r) + at + t * stepBytes);
                        }
                    }
                }
            };
        }
    }
}
