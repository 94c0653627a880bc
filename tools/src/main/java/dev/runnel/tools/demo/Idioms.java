package dev.runnel.tools.demo;

import java.util.HashSet;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/// The idioms that exist, and those already said in a game.
final class Idioms {
    /// Characters of an idiom.
    static final int LENGTH = 4;

    private final Set<String> real;
    private final NavigableSet<String> unsaid;
    private final Set<String> said = new HashSet<>();

    Idioms(Iterable<String> idioms) {
        unsaid = new TreeSet<>();
        idioms.forEach(unsaid::add);
        real = Set.copyOf(unsaid);
    }

    int size() {
        return real.size();
    }

    boolean isReal(String idiom) {
        return real.contains(idiom);
    }

    boolean isSaid(String idiom) {
        return said.contains(idiom);
    }

    void say(String idiom) {
        said.add(idiom);
        unsaid.remove(idiom);
    }

    /// The real idioms that may be said after a `first` character: all that begin with it, less
    /// those said; of these only the ones a real idiom can follow, and one that, and so on, if
    /// there are any.
    NavigableSet<String> after(char first) {
        String prefix = String.valueOf(first);
        NavigableSet<String> begun =
                unsaid.subSet(prefix, true, prefix + Character.MAX_VALUE, false);
        Set<Character> open = open();
        NavigableSet<String> leading = new TreeSet<>(begun);
        leading.removeIf(idiom -> !open.contains(last(idiom)));
        return leading.isEmpty() ? begun : leading;
    }

    /// The characters from which the chain can go on and on through real idioms not yet said; where
    /// there is none, those that begin one at all.
    Set<Character> open() {
        Set<Character> beginnings = beginnings(unsaid);
        Set<Character> open = new HashSet<>(beginnings);
        boolean narrower = true;
        while (narrower) {
            Set<String> leading = new HashSet<>(unsaid);
            leading.removeIf(idiom -> !open.contains(last(idiom)));
            narrower = open.retainAll(beginnings(leading));
        }
        return open.isEmpty() ? beginnings : open;
    }

    private static Set<Character> beginnings(Set<String> idioms) {
        Set<Character> beginnings = new HashSet<>();
        for (String idiom : idioms) {
            beginnings.add(idiom.charAt(0));
        }
        return beginnings;
    }

    static char last(CharSequence idiom) {
        return idiom.charAt(idiom.length() - 1);
    }
}
