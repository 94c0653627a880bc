package dev.runnel.internal.fuse;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// A recurrent cell as it was found in a graph.
///
/// @param op RNN, GRU or LSTM
/// @param functions its activations, in the order of the operator's attribute
/// @param gates in the operator's order
/// @param linearBeforeReset of GRU
/// @param h the hidden state before
/// @param c the cell state before; empty but for LSTM
/// @param nextH the hidden state after
/// @param nextC the cell state after; empty but for LSTM
/// @param projection what the cell's output is multiplied with to become h, \[H, P\]; null if with
///   nothing
record Cell(
        String op,
        List<Gate.Function> functions,
        List<Part> gates,
        boolean linearBeforeReset,
        String h,
        String c,
        String nextH,
        String nextC,
        @Nullable Matrix projection) {

    /// What a gate is the activation of.
    ///
    /// @param hidden the source that R is multiplied with
    /// @param recurrent what is added to `sum` after the reset; of no terms but GRU's third gate if
    ///   it is linear before reset
    record Part(Affine sum, String hidden, Affine recurrent) {
        Part(Affine sum, String hidden) {
            this(sum, hidden, new Affine(sum.columns(), List.of(), new double[sum.columns()]));
        }
    }

    int hiddenSize() {
        return gates.getFirst().sum.columns();
    }

    /// P with a projection, else H: the size of h.
    int outputSize() {
        return projection == null ? hiddenSize() : projection.columns();
    }
}
