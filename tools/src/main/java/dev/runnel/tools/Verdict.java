package dev.runnel.tools;

import org.jspecify.annotations.Nullable;

import java.util.Locale;

/// What became of a [Case]; its text is the line that `runnel verify` prints.
sealed interface Verdict {
    /// The case's name.
    String name();

    /// Every output agreed.
    ///
    /// @param sets how many data sets were compared
    /// @param maxAbs the largest |got − want| of all floating-point elements
    record Passed(String name, int sets, double maxAbs) implements Verdict {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "ok %s sets=%d max_abs=%.1e", name, sets, maxAbs);
        }
    }

    /// An output disagreed, or the case could not be read or run.
    ///
    /// @param cause what was thrown; null if an output disagreed
    record Failed(String name, String why, @Nullable Throwable cause) implements Verdict {
        @Override
        public String toString() {
            return "FAIL " + name + " " + oneLine(why);
        }
    }

    /// The model asks for what Runnel does not do.
    record Unsupported(String name, String reason) implements Verdict {
        @Override
        public String toString() {
            return "unsupported " + name + ": " + oneLine(reason);
        }
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
