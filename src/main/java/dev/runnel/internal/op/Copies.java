package dev.runnel.internal.op;

import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.op.StridedCopy.Place;

import java.util.List;

/// The program of an operator that only moves elements: copies from its inputs to its outputs.
///
/// @param parts in the order in which they run; together they write every element of the outputs
record Copies(List<Part> parts) implements Program {
    /// One copy from input `input` to output `output`.
    record Part(int input, int output, StridedCopy copy) {}

    Copies {
        parts = List.copyOf(parts);
    }

    /// The program that fills output 0 from input 0 by one copy: none at all, if that moves
    /// nothing.
    ///
    /// @param box the extents to be copied
    static Program of(Call call, long[] box, Place source, Place target) {
        StridedCopy copy = new StridedCopy(call.dtype(0).byteSize(), box, source, target);
        boolean whole =
                call.shape(0).elements() == call.outputTypes().getFirst().shape().elements();
        return whole && copy.isIdentity() ? VIEW : new Copies(List.of(new Part(0, 0, copy)));
    }

    @Override
    public boolean reads(int i) {
        for (Part p : parts) {
            if (p.input == i) {
                return true;
            }
        }
        return false;
    }

    @Override
    public Step bind(Bench bench) {
        StridedCopy[] copies = new StridedCopy[parts.size()];
        Operand[] in = new Operand[copies.length];
        Operand[] out = new Operand[copies.length];
        int n = 0;
        for (Part p : parts) {
            if (bench.outputs().get(p.output) != null) {
                copies[n] = p.copy;
                in[n] = bench.in(p.input);
                out[n++] = bench.out(p.output);
            }
        }
        int wanted = n;
        return (from, to) -> {
            for (int row = from; row < to; row++) {
                for (int p = 0; p < wanted; p++) {
                    copies[p].run(
                            in[p].segment(row),
                            in[p].offset(row),
                            out[p].segment(row),
                            out[p].offset(row));
                }
            }
        };
    }
}
