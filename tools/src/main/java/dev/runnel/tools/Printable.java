package dev.runnel.tools;

/// Text from files, as a terminal may show it: names may hold anything, also what moves a cursor.
final class Printable {
    private Printable() {}

    /// `text` in one line, its control characters written as `\\n` or `\\x1b`.
    static String line(String text) {
        StringBuilder s = new StringBuilder();
        text.codePoints().forEach(c -> append(s, c));
        return s.toString();
    }

    /// As [#line], but lines stay lines.
    static String lines(String text) {
        StringBuilder s = new StringBuilder();
        text.codePoints()
                .forEach(
                        c -> {
                            if (c == '\n') {
                                s.append('\n');
                            } else {
                                append(s, c);
                            }
                        });
        return s.toString();
    }

    private static void append(StringBuilder to, int c) {
        if (c == '\n') {
            to.append("\\n");
        } else if (Character.isISOControl(c)) {
            to.append(String.format("\\x%02x", c));
        } else if (Character.getType(c) == Character.FORMAT) {
            to.append(String.format("\\u%04x", c)); // such as those that turn text around
        } else {
            to.appendCodePoint(c);
        }
    }
}
