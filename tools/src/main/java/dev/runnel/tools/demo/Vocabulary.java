package dev.runnel.tools.demo;

import java.util.Arrays;

/// The characters a model knows, each with its token: numbered one after the other from the first
/// one's token.
final class Vocabulary {
    private static final short UNKNOWN = -1;

    private final String characters;
    private final int firstToken;
    private final short[] tokens = new short[Character.MAX_VALUE + 1];

    /// @param firstToken the token of the first character
    Vocabulary(String characters, int firstToken) {
        this.characters = characters;
        this.firstToken = firstToken;
        Arrays.fill(tokens, UNKNOWN);
        for (int i = 0; i < characters.length(); i++) {
            tokens[characters.charAt(i)] = (short) (i + firstToken);
        }
    }

    /// The number of characters.
    int size() {
        return characters.length();
    }

    boolean contains(int codePoint) {
        return Character.isBmpCodePoint(codePoint) && tokens[codePoint] != UNKNOWN;
    }

    int token(char character) {
        if (!contains(character)) {
            throw new IllegalArgumentException("'" + character + "' is not in the vocabulary");
        }
        return tokens[character];
    }

    /// A token as text.
    ///
    /// @param special what to write for the tokens before the first character's
    String text(int token, String... special) {
        return token < firstToken ? special[token] : String.valueOf(character(token));
    }

    char character(int token) {
        return characters.charAt(token - firstToken);
    }
}
