package dev.runnel.decode;

/// The tokens of a stream so far: those it was fed, and behind them those it chose. A view, valid
/// for the call that it was given to.
public interface Tokens {
    /// The number of tokens, fed ones included.
    int length();

    /// The number of tokens that were fed; the first one chosen has this index.
    int fed();

    /// The token at `index`.
    ///
    /// @throws IndexOutOfBoundsException if there is no such token
    int get(int index);
}
