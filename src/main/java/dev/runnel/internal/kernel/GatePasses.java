package dev.runnel.internal.kernel;

/// One pass, or two, over the gates' sums, which lie in z, for each kind of cell: h, and c, of
/// lanes 0 … `lanes` − 1. The formulas are those of the usual activations, [RecurrentKernels],
/// which takes halved sums of the gates that σ follows; [GeneralCell] has other functions in the
/// same places, and takes whole sums.
public interface GatePasses {
    /// h = tanh(z).
    void rnn(Lanes at, int lanes);

    /// LSTM. z holds i, f, o (halved) and g.
    ///
    /// `c = σ(f) ⊙ c + σ(i) ⊙ tanh(g)`, `h = σ(o) ⊙ tanh(c)`
    ///
    /// h goes to [Lanes#m], from where a projection takes it.
    void lstm(Lanes at, int lanes);

    /// GRU with the reset gate behind the product (`linear_before_reset`). z holds z, r (halved);
    /// the candidate's sums over x from [Panels#padded]`(2 · H)` on, those over h `padded(H)`
    /// further on.
    ///
    /// `n = tanh(nx + σ(r) ⊙ nh)`, `h = n + σ(z) ⊙ (h − n)`
    void gru(Lanes at, int lanes);

    /// The first half of GRU with the reset gate before the product: (r ⊙ h) = σ(r) ⊙ h, where z
    /// holds z, r (halved). a keeps σ(z) for the second half.
    void gruReset(Lanes at, int lanes);

    /// The second half: n = tanh(s), h = n + σ(z) ⊙ (h − n), where s, the candidate's sums over x
    /// and r ⊙ h, lie in z from [Panels#padded]`(2 · H)` on.
    void gruUpdate(Lanes at, int lanes);
}
