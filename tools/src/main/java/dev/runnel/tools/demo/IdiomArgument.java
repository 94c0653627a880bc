package dev.runnel.tools.demo;

import java.text.Normalizer;

/// An idiom as a user types it.
final class IdiomArgument {
    private static final String WANTED = "an idiom of four Chinese characters, such as 画龙点睛";
    private static final int SHOWN = 20;

    private IdiomArgument() {}

    /// The idiom without blanks around it, compatibility characters replaced by their normal ones.
    ///
    /// @throws IllegalArgumentException if it is not four Chinese characters the last of which the
    ///   model knows; the message is for the user
    static String parse(String argument, Vocabulary vocabulary) {
        String idiom = Normalizer.normalize(argument.strip(), Normalizer.Form.NFC);
        if (idiom.isEmpty()) {
            throw new IllegalArgumentException("the idiom is empty, expected " + WANTED);
        }
        int[] codePoints = idiom.codePoints().toArray();
        for (int codePoint : codePoints) {
            if (Character.UnicodeScript.of(codePoint) != Character.UnicodeScript.HAN) {
                throw new IllegalArgumentException(
                        "'%s' has %s, which is not a Chinese character; expected %s%s"
                                .formatted(
                                        shown(codePoints),
                                        name(codePoint),
                                        WANTED,
                                        hint(codePoint)));
            }
        }
        if (codePoints.length != Idioms.LENGTH) {
            throw new IllegalArgumentException(
                    "'%s' has %d character%s, expected %d, as in 画龙点睛"
                            .formatted(
                                    shown(codePoints),
                                    codePoints.length,
                                    codePoints.length == 1 ? "" : "s",
                                    Idioms.LENGTH));
        }
        int last = codePoints[Idioms.LENGTH - 1];
        if (!vocabulary.contains(last)) {
            throw new IllegalArgumentException(
                    "'%s' ends with %s, which is not among the %d simplified characters the model knows;"
                                    .formatted(idiom, name(last), vocabulary.size())
                            + " begin with another idiom, such as 画龙点睛");
        }
        return idiom;
    }

    private static String shown(int[] codePoints) {
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < Math.min(SHOWN, codePoints.length); i++) {
            shown.appendCodePoint(Character.isISOControl(codePoints[i]) ? '\uFFFD' : codePoints[i]);
        }
        return codePoints.length > SHOWN ? shown + "…" : shown.toString();
    }

    private static String name(int codePoint) {
        String code = "U+%04X".formatted(codePoint);
        return Character.isISOControl(codePoint)
                ? code
                : "'%s' (%s)".formatted(Character.toString(codePoint), code);
    }

    /// What a JVM makes of Chinese arguments where the locale's encoding is ASCII.
    private static String hint(int codePoint) {
        return codePoint == '?' || codePoint == '\uFFFD'
                ? "; if that is not what was typed, the locale does not speak UTF-8: set"
                        + " LC_ALL=C.UTF-8"
                : "";
    }
}
