package dev.runnel.tools;

import com.fasterxml.jackson.annotation.JsonValue;

import java.util.Locale;

/// How the second of two files differs from the first in something.
enum Change {
    ADDED('+'),
    REMOVED('-'),
    CHANGED('~'),
    /// The same under another name.
    RENAMED('=');

    private final char sign;

    Change(char sign) {
        this.sign = sign;
    }

    /// What a line of `runnel diff` begins with.
    char sign() {
        return sign;
    }

    @JsonValue
    String json() {
        return name().toLowerCase(Locale.ROOT);
    }
}
