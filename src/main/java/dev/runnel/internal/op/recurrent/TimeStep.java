package dev.runnel.internal.op.recurrent;

import dev.runnel.internal.kernel.Activation;
import dev.runnel.internal.kernel.GeneralCell;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.RecurrentKernels;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One time step of lanes whose inputs lie in place: the product that `first` is, then the pass, or
/// passes, of one kind of cell.
interface TimeStep {
    void run(Panels first, boolean backwards, Lanes at, int lanes);

    /// This one with a projection behind it: the sums over m go to z, and from there to h.
    private TimeStep projected(Panels projection, int size, RecurrentKernels k) {
        return (first, back, at, n) -> {
            run(first, back, at, n);
            k.multiply(projection, back, at, n);
            for (int m = 0; m < n; m++) {
                long z = at.z() + m * at.zStride();
                k.copy(at.memory(), z, at.memory(), at.h() + m * at.xStride(), size);
            }
        };
    }

    /// The time step of direction `d`.
    ///
    /// @param second GRU's second matrix, or LSTM's projection, or null
    /// @param peepholes where in the lanes' memory LSTM's peepholes lie; −1 for none
    static TimeStep of(
            Cell cell, int d, RecurrentKernels k, @Nullable Panels second, long peepholes) {
        TimeStep step =
                cell.isUsual(d, peepholes >= 0)
                        ? usual(cell, k, second)
                        : general(cell, d, k, second, peepholes);
        return cell.projected() && second != null
                ? step.projected(second, cell.outputSize(), k)
                : step;
    }

    private static TimeStep usual(Cell cell, RecurrentKernels k, @Nullable Panels second) {
        return switch (cell.type()) {
            case RNN ->
                    (first, back, at, n) -> {
                        k.multiply(first, back, at, n);
                        k.rnn(at, n);
                    };
            case LSTM ->
                    (first, back, at, n) -> {
                        k.multiply(first, back, at, n);
                        k.lstm(at, n);
                    };
            case GRU ->
                    second == null
                            ? (first, back, at, n) -> {
                                k.multiply(first, back, at, n);
                                k.gru(at, n);
                            }
                            : (first, back, at, n) -> {
                                k.multiply(first, back, at, n);
                                k.gruReset(at, n);
                                k.multiply(second, back, at, n);
                                k.gruUpdate(at, n);
                            };
        };
    }

    private static TimeStep general(
            Cell cell, int d, RecurrentKernels k, @Nullable Panels second, long peepholes) {
        List<Activation> a = cell.activations().get(d);
        GeneralCell general =
                new GeneralCell(
                        a.getFirst(),
                        a.get(Math.min(1, a.size() - 1)),
                        a.getLast(),
                        cell.clip(),
                        cell.coupled(),
                        peepholes);
        return switch (cell.type()) {
            case RNN ->
                    (first, back, at, n) -> {
                        k.multiply(first, back, at, n);
                        general.rnn(at, n);
                    };
            case LSTM ->
                    (first, back, at, n) -> {
                        k.multiply(first, back, at, n);
                        general.lstm(at, n);
                    };
            case GRU ->
                    second == null
                            ? (first, back, at, n) -> {
                                k.multiply(first, back, at, n);
                                general.gru(at, n);
                            }
                            : (first, back, at, n) -> {
                                k.multiply(first, back, at, n);
                                general.gruReset(at, n);
                                k.multiply(second, back, at, n);
                                general.gruUpdate(at, n);
                            };
        };
    }
}
