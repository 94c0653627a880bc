package dev.runnel;

/// The model is well-formed but asks for something that Runnel does not do. The message names the
/// node, the operator and the attribute or type concerned.
public final class UnsupportedModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public UnsupportedModelException(String message) {
        super(message);
    }
}
