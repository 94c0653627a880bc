package dev.runnel.decode;

/// Which tokens may be chosen next. Beam search asks it for each hypothesis, in any order, so it
/// must follow from the tokens alone. Decoders of several threads may ask it at once. If it throws,
/// the stream fails: [Decoding#failure].
@FunctionalInterface
public interface Constraint {
    /// Allows what may come after these tokens. If nothing is allowed, the stream ends there; the
    /// end token is allowed by nobody but the constraint, too.
    ///
    /// @param soFar the tokens until now
    /// @param allowed nothing is allowed in it yet
    void allow(Tokens soFar, TokenMask allowed);
}
