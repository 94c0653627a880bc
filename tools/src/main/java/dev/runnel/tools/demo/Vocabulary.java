package dev.runnel.tools.demo;

/// The characters a model knows, each with its token: the n-th has token n, counted from 1; token 0
/// ends an idiom.
final class Vocabulary {
    private final String characters;
    private final short[] tokens = new short[Character.MAX_VALUE + 1];

    Vocabulary(String characters) {
        this.characters = characters;
        for (int i = 0; i < characters.length(); i++) {
            tokens[characters.charAt(i)] = (short) (i + 1);
        }
    }

    /// The number of characters.
    int size() {
        return characters.length();
    }

    boolean contains(int codePoint) {
        return Character.isBmpCodePoint(codePoint) && tokens[codePoint] != 0;
    }

    int token(char character) {
        if (!contains(character)) {
            throw new IllegalArgumentException("'" + character + "' is not in the vocabulary");
        }
        return tokens[character];
    }

    char character(int token) {
        return characters.charAt(token - 1);
    }
}
