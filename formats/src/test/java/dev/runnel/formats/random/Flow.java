package dev.runnel.formats.random;

import dev.runnel.graph.Shape;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// What has been drawn so far, as far as it matters to what the model can do.
final class Flow {
    final boolean openTime;
    final boolean openBatch;

    /// Whether only what can be streamed is drawn.
    final boolean streams;

    /// T, which a convolution changes.
    long steps;

    /// N.
    final long batch;

    /// Whether the tensor under way is `[N, T, C]` and not `[T, N, C]`.
    boolean batchFirst;

    /// Whether the next recurrent node must give Y.
    boolean wantsSequence = true;

    /// Whether some node runs backwards.
    boolean isReversed;

    /// Whether some node takes several steps together.
    boolean looksAround;

    /// Whether some recurrence starts from constants other than zero.
    boolean isFixed;

    boolean isCoarse;

    /// Inputs that a recurrence starts from.
    final Set<String> initials = new HashSet<>();

    /// The output that gives the final value of such an input.
    final Map<String, String> pairs = new HashMap<>();

    /// Whether there is an input that a recurrence starts from, and none that it ends in.
    boolean isUnpaired;

    Flow(Dice dice) {
        streams = dice.chance(0.35);
        openTime = streams || dice.chance(0.5);
        openBatch = dice.chance(0.5);
        steps = dice.in(1, 9);
        batch = dice.in(1, 5);
    }

    /// The shape of the tensor under way with `size` numbers a step.
    Shape shaped(long size) {
        return batchFirst ? Shape.of(batch, steps, size) : Shape.of(steps, batch, size);
    }
}
