package dev.runnel;

import org.jspecify.annotations.Nullable;

/// The model contradicts itself or its format: truncated, a lying length, a wrong shape, a cycle.
/// The message says where, what was found and what was expected.
public final class MalformedModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public MalformedModelException(String message) {
        super(message);
    }

    public MalformedModelException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
