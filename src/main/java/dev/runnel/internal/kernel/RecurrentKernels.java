package dev.runnel.internal.kernel;

import java.lang.foreign.MemorySegment;

/// One time step of RNN, GRU and LSTM with their usual activations: first [#multiply], which
/// streams the weights once for all lanes, then one pass over the gates. The sums of gates that σ
/// follows are half of what the formulas say, since σ(s) = ½ + ½ · tanh(s / 2): their weights were
/// halved when packed, which is exact. In z the gates lie one after the other, H floats each; H is
/// [Lanes#hiddenSize]. Lanes 0 … `lanes` − 1 are computed.
public interface RecurrentKernels extends GatePasses {
    /// The widest panel, in floats, that this set keeps in registers. It takes any other as well.
    int panelWidth();

    /// z = the panels' sums over \[x; h; r ⊙ h\].
    ///
    /// Cost: 2 flops for each weight and lane; the weights are read once for every four lanes, a
    /// panel serving all of them before the next is read.
    ///
    /// @param backwards from the last panel to the first, which changes no bit. A caller that
    ///   alternates finds the last-read panels still in cache
    default void multiply(Panels panels, boolean backwards, Lanes at, int lanes) {
        multiply(panels, 0, panels.panels().length, backwards, at, lanes);
    }

    /// The same for the panels in \[from, to) only; each has columns of z to itself.
    void multiply(Panels panels, int from, int to, boolean backwards, Lanes at, int lanes);

    /// Copies n floats. For the few floats of one lane, where the JDK's own copy costs more to
    /// call.
    void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int n);
}
