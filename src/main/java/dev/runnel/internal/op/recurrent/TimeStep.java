package dev.runnel.internal.op.recurrent;

import dev.runnel.internal.kernel.Activation;
import dev.runnel.internal.kernel.GatePasses;
import dev.runnel.internal.kernel.GeneralCell;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.kernel.RecurrentKernels;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One time step of lanes whose inputs lie in place: the product that `first` is, then the pass, or
/// passes, of one kind of cell.
///
/// @param second GRU's second matrix, or LSTM's projection, or null
record TimeStep(Cell cell, RecurrentKernels kernels, GatePasses passes, @Nullable Panels second) {
    /// The time step of direction `d`.
    ///
    /// @param second GRU's second matrix, or LSTM's projection, or null
    /// @param peepholes where in the lanes' memory LSTM's peepholes lie; −1 for none
    static TimeStep of(
            Cell cell, int d, RecurrentKernels kernels, @Nullable Panels second, long peepholes) {
        return new TimeStep(
                cell,
                kernels,
                cell.isUsual(d, peepholes >= 0) ? kernels : general(cell, d, peepholes),
                second);
    }

    private static GatePasses general(Cell cell, int d, long peepholes) {
        List<Activation> a = cell.activations().get(d);
        return new GeneralCell(
                a.getFirst(),
                a.get(Math.min(1, a.size() - 1)),
                a.getLast(),
                cell.clip(),
                cell.coupled(),
                peepholes);
    }

    void run(Panels first, boolean backwards, Lanes at, int lanes) {
        kernels.multiply(first, backwards, at, lanes);
        switch (cell.type()) {
            case RNN -> passes.rnn(at, lanes);
            case LSTM -> lstm(backwards, at, lanes);
            case GRU -> gru(backwards, at, lanes);
        }
    }

    private void lstm(boolean backwards, Lanes at, int lanes) {
        passes.lstm(at, lanes);
        if (second == null) {
            return;
        }
        kernels.multiply(second, backwards, at, lanes); // the sums over m go to z, and then to h
        for (int l = 0; l < lanes; l++) {
            long z = at.z() + l * at.zStride();
            long h = at.h() + l * at.xStride();
            kernels.copy(at.memory(), z, at.memory(), h, cell.outputSize());
        }
    }

    private void gru(boolean backwards, Lanes at, int lanes) {
        if (second == null) {
            passes.gru(at, lanes);
            return;
        }
        passes.gruReset(at, lanes);
        kernels.multiply(second, backwards, at, lanes);
        passes.gruUpdate(at, lanes);
    }
}
