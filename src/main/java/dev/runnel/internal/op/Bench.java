package dev.runnel.internal.op;

import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// What a [Program] is bound to: one session's memory and kernels.
///
/// @param inputs where the node's inputs lie; null for an absent one
/// @param outputs where its outputs lie; null for one nobody asked for
/// @param scratch at least [Program#scratchBytes] bytes, 64-byte aligned, whose content does not
///   outlive a run of the step
/// @param rows the greatest number of rows the step will be run with
/// @param kernels the arithmetic
/// @param rehearsal the step runs for the JIT compiler only, nobody reads what it computes: where
///   that spares much work it may take a part of its weights for the whole
public record Bench(
        List<@Nullable Operand> inputs,
        List<@Nullable Operand> outputs,
        MemorySegment scratch,
        int rows,
        Kernels kernels,
        boolean rehearsal) {

    /// For results that count.
    public Bench(
            List<@Nullable Operand> inputs,
            List<@Nullable Operand> outputs,
            MemorySegment scratch,
            int rows,
            Kernels kernels) {
        this(inputs, outputs, scratch, rows, kernels, false);
    }

    /// Input `i`, which is present.
    public Operand in(int i) {
        return java.util.Objects.requireNonNull(inputs.get(i));
    }

    /// Output `i`, which somebody asked for.
    public Operand out(int i) {
        return java.util.Objects.requireNonNull(outputs.get(i));
    }
}
