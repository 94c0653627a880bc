package dev.runnel.tools;

/// Outputs that are not those that are wanted; the message says where and how.
final class Disagreement extends Exception {
    private static final long serialVersionUID = 1;

    Disagreement(String message) {
        super(message);
    }
}
